"""Whatever a search child is asked, it answers, and goes on."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from cidxd.errors import FAULTS
from cidxd.indexer import protocol

House = Any  # the fixture's class lives in conftest, which cannot be imported


@pytest.mark.parametrize(
    "line",
    [
        b"\n", b"nonsense\n", b"[]\n", b"{}\n", b"null\n", b'{"id": 5}\n', b'{"id": 5, "op": 7}\n',
        b'{"id": 5, "op": "dance"}\n', b'{"id": "x", "op": "tips"}\n', b"\xff\xfe\n",
        b'{"id": 5, "op": "search"}\n', b'{"id": 5, "op": "file"}\n', b'{"id": 5, "op": "tips"}\n',
        b'{"id": 5, "op": "search", "repositories": [7], "q": "x"}\n',
        b'{"id": 5, "op": "search", "repositories": [], "q": 7}\n',
        b'{"id": 5, "op": "tips", "index": "/nul\\u0000byte"}\n',
        b'{"id": 99999999999999999999999, "op": "tips", "index": "/x"}\n',
        b'{"id": 5, "op": "tips", "index": ' + b"[" * 20_000 + b"\n",
        b'{"id": 5, "op": "search", "q": "' + b"x" * (12 << 20) + b'"}\n',
    ],
    ids=range(19),
)  # fmt: skip
def test_a_line_that_makes_no_sense_is_a_400_and_not_the_end(house: House, line: bytes) -> None:
    house.searcher.send(line)
    _, status, body = protocol.decode_answer(house.searcher.line())
    if b'"/x"' not in line:
        assert 400 <= status < 500
        assert json.loads(body).keys() >= {"code", "detail", "hint"}
    assert house.tips()["branches"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": -1}, {"limit": "x"}, {"limit": 10**9}, {"context": -1}, {"context": None},
        {"path": "x"}, {"path": [7]}, {"lang": [None]}, {"case": "maybe"}, {"word": "x"},
        {"cursor": "@@@"}, {"cursor": "e30="}, {"cursor": base64.b64encode(b"[1]").decode()},
        {"timeout_ms": "soon"}, {"cursor": 7}, {"repositories": None}, {"mode": 3},
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_or_harmless_and_not_the_end(house: House, wrong: Any) -> None:
    house.checkout.commit({"a.txt": "hit\n"})
    house.sync()
    status, body = house.ask("hit", **wrong)
    assert 400 <= status < 500 or (status == 200 and len(body["matches"]) == 1), (status, body)
    assert house.lines("hit") == {("a.txt", 1)}


@pytest.mark.parametrize("pattern", ["", "a\nb", "\n", "a\0b"])
def test_patterns_that_cannot_match_a_line_are_refused(house: House, pattern: str) -> None:
    house.checkout.commit({"a.txt": "hit\n"})
    house.sync()
    status, body = house.ask(pattern)
    assert (status, body["code"]) == (422, "pattern-invalid")
    assert body["hint"]


@pytest.mark.parametrize("mode", ["meaning", ""])
def test_a_mode_that_is_not_offered_is_said(house: House, mode: str) -> None:
    house.checkout.commit({"a.txt": "hit\n"})
    house.sync()
    status, body = house.ask("hit", mode=mode)
    assert (status, body["code"]) == (422, "mode-unknown")


def test_files_that_are_not_searched_are_listed_with_their_reasons(house: House) -> None:
    house.checkout.folder.joinpath("link").symlink_to("a.txt")
    house.checkout.commit(
        {"a.txt": "hit", "b.bin": b"\0hit", b"odd\xff.bin": b"\0", "tests/large": "x" * 2000}
    )
    house.sync(max_file_bytes=1000)
    place = {"index": str(house.index), "mirror": "/", "branch": None, "reason": None}

    def listed(**more: Any) -> tuple[list[tuple[str, str, int]], Any]:
        status, body = house.searcher.ask({"op": "skipped", "limit": 50, **place, **more})
        assert status == 200, body
        return [(f["path"], f["reason"], f["size"]) for f in body["files"]], body["next_cursor"]

    every, cursor = listed()
    assert every == [
        ("b.bin", "binary", 4),
        ("link", "symlink", 0),
        ("odd\ufffd.bin", "binary", 1),
        ("tests/large", "too-large", 2000),
    ]
    assert cursor is None
    assert listed(reason="too-large")[0] == every[-1:]
    first, cursor = listed(limit=3)
    assert first + listed(cursor=cursor)[0] == every
    status, body = house.searcher.ask({"op": "skipped", **place, "cursor": "?"})
    assert (status, body["code"]) == (400, "cursor-invalid")


def test_what_is_not_indexed_is_a_404_that_hints_at_the_sync(house: House) -> None:
    status, body = house.ask("hit")
    assert (status, body["code"]) == (404, "not-indexed")
    assert "cidx sync" in body["hint"]
    house.checkout.commit({"a.txt": "hit\n"})
    house.sync()
    status, body = house.ask("hit", branch="nowhere")
    assert (status, body["code"]) == (404, "branch-not-indexed")


def test_a_cursor_of_an_earlier_generation_is_gone(house: House) -> None:
    house.checkout.commit({"a.txt": "hit\nhit\nhit\n"})
    house.sync()
    _, page = house.ask("hit", limit=1)
    assert house.ask("hit", limit=1, cursor=page["next_cursor"])[0] == 200
    house.checkout.commit({"b.txt": "hit\n"})
    house.sync()
    status, body = house.ask("hit", limit=1, cursor=page["next_cursor"])
    assert (status, body["code"]) == (410, "results-moved")


def test_a_cursor_stays_good_while_its_own_branch_stays(house: House) -> None:
    house.checkout.commit({"a.txt": "hit\nhit\n"})
    house.checkout.git("branch", "dev")
    house.sync("main", "dev")
    _, page = house.ask("hit", branch="dev", limit=1)
    house.checkout.commit({"b.txt": "hit\n"})
    house.sync("main", "dev")
    assert house.ask("hit", branch="dev", limit=1, cursor=page["next_cursor"])[0] == 200


def test_an_answer_says_what_was_searched(house: House) -> None:
    head = house.checkout.commit({"a.txt": "hit\n"})
    house.sync()
    _, body = house.ask("hit")
    (searched,) = body["searched"]
    assert searched.pop("committed_at").endswith("Z")
    assert searched == {
        "repository": "house",
        "branch": "main",
        "commit": head,
        "symbols": "complete",
    }
    assert (body["complete"], body["reason"], body["next_cursor"]) == (True, None, None)
    assert body["elapsed_ms"] >= 0


def test_several_repositories_are_searched_one_after_the_other(house: House) -> None:
    house.checkout.commit({"a.txt": "hit\n", "b.txt": "hit\n"})
    house.sync()
    place = {"index": str(house.index), "mirror": str(house.mirror), "branch": None}
    both = [{"name": "one", **place}, {"name": "two", **place}]
    found, cursor = [], None
    while True:
        status, body = house.ask("hit", repositories=both, limit=3, cursor=cursor)
        assert status == 200
        found += [(match["repository"], match["path"]) for match in body["matches"]]
        cursor = body["next_cursor"]
        if cursor is None:
            break
    assert found == [(name, path) for name in ("one", "two") for path in ("a.txt", "b.txt")]


def test_a_query_out_of_time_says_what_it_covered(house: House) -> None:
    house.checkout.commit({f"f{n}.txt": f"x{n}\n" * 2000 for n in range(200)})
    house.sync()
    status, body = house.ask("zz", timeout_ms=0)
    assert status == 200
    assert body["complete"] is False
    assert body["reason"]


def test_files_are_shown_as_indexed(house: House) -> None:
    head = house.checkout.commit({"a.txt": "text é\n", "bin": b"\0\xff", "latin": b"\xe9", "e": ""})
    house.sync()
    (house.checkout.folder / "link").symlink_to("a.txt")
    status, body = house.file("a.txt", commit=head)
    assert (status, body["text"], body["size"], body["commit"]) == (200, "text é\n", 8, head)
    assert not body.get("truncated")
    assert house.file("bin")[1]["base64"] == base64.b64encode(b"\0\xff").decode()
    assert house.file("latin")[1]["base64"] == base64.b64encode(b"\xe9").decode()
    assert house.file("e")[1]["text"] == ""
    for wrong in ("nothing", "", "/a.txt", "../x", "a.txt/"):
        assert house.file(wrong)[0] in (400, 404, 422)
    status, body = house.file("a.txt", commit="0" * 40)
    assert status == 404
    house.checkout.commit({"a.txt": "newer\n"})
    house.sync()
    assert house.file("a.txt")[1]["text"] == "newer\n"


def test_a_large_file_is_shown_from_the_mirror_and_cut(house: House) -> None:
    house.checkout.commit({"big.txt": "0123456789abcde\n" * (1 << 19)})
    house.sync()
    status, body = house.file("big.txt")
    assert (status, body["size"], body["truncated"]) == (200, 8 << 20, True)
    assert len(body["text"]) < 8 << 20


@pytest.mark.parametrize(
    "change",
    [
        {"branches": []}, {"branches": [{"name": "main"}]}, {"branches": "main"}, {"version": 99},
        {"mirror": 7}, {"max_file_bytes": "x"}, {"index": None}, {"type": "dance"},
        {"branches": [{"name": "main", "commit": "--help", "default": True}]},
    ],
)  # fmt: skip
def test_a_wrong_request_to_a_build_is_a_fault_with_a_known_code(
    house: House, start_build: Any, change: Any
) -> None:
    house.checkout.commit({"a.txt": "hit\n"})
    build = start_build(house.request() | change)
    failed = build.until("failed", "ready")
    assert failed["type"] == "failed"
    assert failed["code"] in FAULTS
    assert build.end() == protocol.EXIT_FAILED
    assert "Traceback" not in build.stderr


def test_a_commit_or_a_mirror_that_is_not_there_is_a_fault(house: House, start_build: Any) -> None:
    house.checkout.commit({"a.txt": "hit\n"})
    request = house.request()
    absent = [{"name": "main", "commit": "1" * 40, "default": True}]
    for wrong in ({"branches": absent}, {"mirror": str(house.mirror) + "-not"}):
        build = start_build(request | wrong)
        failed = build.until("failed", "ready")
        assert failed["type"] == "failed"
        assert failed["code"] in FAULTS
        assert build.end() == protocol.EXIT_FAILED
        assert "Traceback" not in build.stderr


def test_a_damaged_mirror_is_told_as_such(house: House, start_build: Any) -> None:
    house.checkout.commit({f"f{n}.txt": f"hit {n}\n" * 999 for n in range(20)})
    request = house.request()
    for path in sorted(house.mirror.glob("objects/??/*")) + sorted(
        house.mirror.glob("objects/pack/*.pack")
    ):
        data = bytearray(path.read_bytes())
        middle = len(data) // 2
        data[middle : middle + 8] = b"\xa5" * 8
        path.chmod(0o600)
        path.write_bytes(data)
    build = start_build(request)
    failed = build.until("failed", "ready")
    assert (failed["type"], failed.get("code")) == ("failed", "mirror-damaged"), failed
    assert build.end() == protocol.EXIT_FAILED
