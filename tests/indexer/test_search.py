from __future__ import annotations

import base64
import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from indexer.searching import SearchChild, git_grep, places
from sandbox import Checkout, git

from cidxd.indexer import protocol

Build = Callable[..., dict[str, Any]]

LITERALS = 200  # sampled from the standard library
_OPTIONS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"case": "insensitive"}, ["-i"]),
    ({"word": True}, ["-w"]),
    ({"case": "insensitive", "word": True}, ["-i", "-w"]),
]


@pytest.fixture
def child() -> Iterator[SearchChild]:
    child = SearchChild()
    yield child
    code, _ = child.end()
    assert code == 0


@pytest.fixture
def repository(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "work")


def every_match(child: SearchChild, index: Path, q: str, **request: Any) -> list[dict[str, Any]]:
    """Follow the cursors to the end."""
    found: list[dict[str, Any]] = []
    following = None
    while True:
        status, body = child.search(index, q, cursor=following, **request)
        assert status == 200, body
        assert body["complete"]
        found += body["matches"]
        following = body["next_cursor"]
        if following is None:
            return found


def standard_library(to: Path) -> dict[str, bytes]:
    source = Path(os.__file__).parent
    folders = ("json", "email", "asyncio")
    chosen = [*source.glob("[a-d]*.py"), *(p for f in folders for p in (source / f).glob("*.py"))]
    for path in chosen:
        target = to / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return {str(path.relative_to(source)): path.read_bytes() for path in chosen}


def sampled_literals(contents: list[bytes]) -> list[str]:
    chance = random.Random(20)  # noqa: S311 - a sample, not a secret
    found: dict[str, None] = {}
    while len(found) < LITERALS:
        content = chance.choice(contents)
        at = chance.randrange(max(1, len(content)))
        length = chance.choice([2, 3, 4, 5, 6, 8, 12, 20])
        piece = content[at : at + length].decode("utf-8", "ignore").split("\n")[0]
        if piece:
            found[piece] = None
    return list(found)


def test_answers_are_those_of_git_grep(
    repository: Checkout, build: Build, child: SearchChild, tmp_path: Path
) -> None:
    contents = standard_library(repository.folder)
    tip = repository.commit({})
    mirror = repository.mirror(tmp_path / "mirror.git")
    git(mirror, "repack", "-adq")  # git grep is several times faster then
    build(mirror)
    for at, literal in enumerate(sampled_literals(list(contents.values()))):
        # Each with one way of comparing, so that all four get fifty of them.
        request, options = _OPTIONS[at % 4]
        found = places(every_match(child, tmp_path / "index", literal, limit=0, **request))
        assert len(found) == len(set(found)), literal
        assert set(found) == git_grep(mirror, tip, literal, *options), (literal, options)


ODD_FILES: dict[str | bytes, bytes | str | None] = {
    "cased.txt": "Kelvin \u212aelvin\n\u017felf SELF\nstraße STRASSE STRAẞE\n"
    "Étude étude\nΣ\u0391Σ σας\nİi \u0131I\n",
    "crlf.txt": b"one\r\ntwo\rthree\r\nlast\r",
    "ends.txt": "no line feed at the end",
    "empty.txt": "",
    "invalid.txt": b"caf\xe9 latte\n\xff\xfe word \xc3\n",
    "late-nul.txt": b"x" * 8000 + b"\nneedle\0here\n",
    "early-nul.bin": b"needle\0here\n",
    "words.txt": "aa aaa aa-aa\n-a-a -a\nfoo foobar foo_ _foo .foo. éfooé\na.a.a\n",
    "tests/test_it.py": "needle = foo\n",
    "vendor/lib.js": "needle = foo\n",
    "ünï/çödé.txt": "needle\n",
}
ODD_LITERALS = [
    *("kelvin", "\u212aELVIN", "self", "\u017f", "s", "k", "STRASSE", "straße", "STRAẞE", "ÉTUDE"),
    *(
        "σας",
        "Σ\u0391Σ",
        "İ",
        "\u0131",
        "i",
        "\r",
        "e\r",
        "two\rt",
        "end",
        "needle",
        "word",
        "latte",
        "caf",
    ),
    *("aa", "a", "-a", "foo", ".foo", "foo.", "a.a", "é", "\ufffd", "needle\u0001", " "),
]


@pytest.mark.parametrize(("request_", "options"), _OPTIONS)
def test_odd_text_is_found_as_git_grep_finds_it(  # noqa: PLR0917 - fixtures and parameters
    repository: Checkout,
    build: Build,
    child: SearchChild,
    tmp_path: Path,
    request_: dict[str, Any],
    options: list[str],
) -> None:
    repository.folder.joinpath("link").symlink_to("needle")
    tip = repository.commit(ODD_FILES)
    mirror = repository.mirror(tmp_path / "mirror.git")
    build(mirror)
    for literal in ODD_LITERALS:
        found = places(child.matches(tmp_path / "index", literal, limit=0, **request_))
        assert set(found) == git_grep(mirror, tip, literal, *options), (literal, options)


@pytest.fixture
def indexed(repository: Checkout, build: Build, tmp_path: Path) -> Path:
    lines = "".join(f"needle {number}\n" for number in range(7))
    files: dict[str | bytes, bytes | str | None] = {
        f"{folder}/f{n}.py": lines for folder in ("src", "tests", "vendor") for n in range(4)
    }
    files["a.md"] = "a needle and a needle\nx\ny\n"
    repository.commit(files)
    build(repository.mirror(tmp_path / "mirror.git"))
    return tmp_path / "index"


@pytest.mark.parametrize("q", ["needle", "ne", "needle 3"])
@pytest.mark.parametrize("limit", [1, 3, 7, 50])
def test_pages_together_are_the_whole_answer_in_the_same_order(
    child: SearchChild, indexed: Path, q: str, limit: int
) -> None:
    whole = places(child.matches(indexed, q, limit=0))
    assert places(every_match(child, indexed, q, limit=limit)) == whole
    assert [path.split("/")[0] for path, _ in whole if "/" in path] == sorted(
        (path.split("/")[0] for path, _ in whole if "/" in path),
        key=["src", "tests", "vendor"].index,
    )


def test_the_walk_in_order_pages_like_the_sorted_candidates(
    repository: Checkout, build: Build, child: SearchChild, tmp_path: Path
) -> None:
    # More than two thousand candidates, so that all paths are walked.
    repository.commit({f"d{n % 7}/f{n}.txt": f"common text {n}\n" * 2 for n in range(2100)})
    build(repository.mirror(tmp_path / "mirror.git"))
    index = tmp_path / "index"
    whole = places(child.matches(index, "common text", limit=0))
    assert len(whole) == 4200
    assert whole == sorted(whole, key=lambda place: (place[0].encode(), place[1]))
    assert places(every_match(child, index, "common text", limit=1001)) == whole


@pytest.mark.parametrize("q", ["needle", "ne", "absent"])
@pytest.mark.parametrize("limit", [2, 50])
def test_files_and_counts_are_those_of_the_lines(
    child: SearchChild, indexed: Path, q: str, limit: int
) -> None:
    lines = [path for path, _ in places(child.matches(indexed, q, limit=0))]
    files = every_match(child, indexed, q, limit=limit, show="files")
    counts = every_match(child, indexed, q, limit=limit, show="count")
    assert [match["path"] for match in files] == list(dict.fromkeys(lines))
    assert all("line" not in match and "text" not in match for match in [*files, *counts])
    assert {match["path"]: match["count"] for match in counts} == Counter(lines)


def test_a_match_tells_where_it_is(child: SearchChild, indexed: Path, repository: Checkout) -> None:
    status, body = child.search(indexed, "needle", limit=1, context=2)
    assert status == 200
    assert body["matches"] == [
        {
            "repository": "it",
            "branch": "main",
            "commit": repository.head(),
            "path": "a.md",
            "line": 1,
            "column": 3,
            "text": "a needle and a needle",
            "ranges": [[2, 8], [15, 21]],
            "context_before": [],
            "context_after": ["x", "y"],
        }
    ]
    assert body["next_cursor"]
    (searched,) = body["searched"]
    assert searched["commit"] == repository.head()
    assert searched["symbols"] == "complete"


def test_paths_and_languages_narrow_the_search(child: SearchChild, indexed: Path) -> None:
    found = child.matches(indexed, "needle 3", path=["src/*1.py", "vendor/"], limit=0)
    assert [match["path"] for match in found] == [
        *("src/f1.py", "vendor/f0.py", "vendor/f1.py", "vendor/f2.py", "vendor/f3.py")
    ]
    assert [m["path"] for m in child.matches(indexed, "needle", lang=["markdown"])] == ["a.md"]
    assert not child.matches(indexed, "needle", lang=["markdown"], path=["src/"])


def test_a_cursor_of_an_older_generation_is_gone(
    repository: Checkout, build: Build, child: SearchChild, indexed: Path, tmp_path: Path
) -> None:
    _, first = child.search(indexed, "needle", limit=2)
    repository.commit({"b.md": "needle\n"})
    build(repository.mirror(tmp_path / "mirror.git"))
    status, body = child.search(indexed, "needle", limit=2, cursor=first["next_cursor"])
    assert (status, body["code"]) == (410, "results-moved")
    assert "b.md" in [match["path"] for match in child.matches(indexed, "needle", limit=0)]


def test_a_cursor_that_was_tampered_with_is_refused_or_shows_a_part_of_the_answer(
    child: SearchChild, indexed: Path
) -> None:
    whole = child.matches(indexed, "needle", limit=0)
    _, first = child.search(indexed, "needle", limit=2)
    fields = json.loads(base64.urlsafe_b64decode(first["next_cursor"]))
    wrong: list[Any] = [
        -1,
        0,
        99,
        1 << 63,
        1 << 70,
        float("inf"),
        float("nan"),
        None,
        "12",
        True,
        [],
        {},
        0.5,
    ]
    for at, value in product(range(2, 7), [*wrong, "", "zzz", "\ud800", "\udcff", "\u0101"]):
        changed = json.dumps([*fields[:at], value, *fields[at + 1 :]])
        cursor = base64.urlsafe_b64encode(changed.encode()).decode()
        status, body = child.search(indexed, "needle", limit=0, cursor=cursor)
        if status == 200:
            assert all(match in whole for match in body["matches"]), (at, value)
        else:
            assert (status, body["code"]) == (400, "cursor-invalid"), (at, value, body)


def test_a_place_in_the_skipped_files_that_was_tampered_with_is_refused(
    child: SearchChild, indexed: Path
) -> None:
    for text in (b"x", b"-1 x", b"%d x" % (1 << 70), b"1_0x", b""):
        cursor = base64.urlsafe_b64encode(text).decode() or "="
        status, body = child.ask("skipped", index=str(indexed), limit=5, cursor=cursor)
        assert (status, body["code"]) == (400, "cursor-invalid"), text


def test_a_cursor_after_a_path_of_any_bytes_goes_on_and_is_short_enough_to_send(
    repository: Checkout, build: Build, child: SearchChild, indexed: Path, tmp_path: Path
) -> None:
    folder = b"/".join([b"\xff\xe9 \xc3\xa9" * 40] * 15)
    repository.commit({folder + b"/\xff%d" % n: "needle long\n" for n in range(3)})
    build(repository.mirror(tmp_path / "mirror.git"))
    _, first = child.search(indexed, "needle long", limit=1)
    assert len(first["next_cursor"]) < 10_000
    _, rest = child.search(indexed, "needle long", limit=9, cursor=first["next_cursor"])
    assert [base64.b64decode(m["path_base64"])[-1:] for m in rest["matches"]] == [b"1", b"2"]


def test_a_cursor_of_another_query_or_no_cursor_is_refused(
    child: SearchChild, indexed: Path
) -> None:
    _, first = child.search(indexed, "needle", limit=2)
    for q, cursor in (("needl", first["next_cursor"]), ("needle", "é"), ("needle", "W10=")):
        status, body = child.search(indexed, q, cursor=cursor)
        assert (status, body["code"], body["pointer"]) == (400, "cursor-invalid", "/cursor")


def test_a_search_that_runs_out_of_time_says_so_and_can_go_on(
    child: SearchChild, indexed: Path
) -> None:
    whole = places(child.matches(indexed, "needle", limit=0))
    status, body = child.search(indexed, "needle", limit=0, timeout_ms=0)
    assert status == 200
    assert not body["complete"]
    assert "of 13 files" in body["reason"]
    found = places(body["matches"])
    while body["next_cursor"]:
        _, body = child.search(indexed, "needle", limit=0, timeout_ms=0, cursor=body["next_cursor"])
        found += places(body["matches"])
    assert found == whole


def damage_content(index: Path) -> None:
    (segment,) = index.glob("epoch-*/segments/*.seg")
    data = bytearray(segment.read_bytes())
    data[12] ^= 0xFF
    segment.write_bytes(data)


def damage_postings(index: Path) -> None:
    (segment,) = index.glob("epoch-*/segments/*.seg")
    data = bytearray(segment.read_bytes())
    data[len(data) * 3 // 4] ^= 0xFF
    segment.write_bytes(data)


def lose_the_segment(index: Path) -> None:
    (segment,) = index.glob("epoch-*/segments/*.seg")
    segment.unlink()


def damage_the_catalogue(index: Path) -> None:
    (catalog,) = index.glob("epoch-*/catalog.db")
    catalog.write_bytes(b"no catalogue" * 1000)


@pytest.mark.parametrize(
    "damage", [damage_content, damage_postings, lose_the_segment, damage_the_catalogue]
)
def test_a_damaged_index_answers_that_it_is_rebuilt_and_never_less_than_the_truth(
    child: SearchChild,
    indexed: Path,
    build: Build,
    tmp_path: Path,
    damage: Callable[[Path], None],
) -> None:
    damage(indexed)
    for _ in range(2):
        status, body = child.search(indexed, "needle")
        assert (status, body["code"]) == (503, "index-rebuilding")
    _, tips = child.ask("tips", index=str(indexed))
    assert tips["damaged"]
    build(tmp_path / "mirror.git")
    assert len(child.matches(indexed, "needle 3")) == 12


def test_what_is_not_indexed_is_not_found(child: SearchChild, indexed: Path) -> None:
    status, body = child.search(indexed, "x", branch="other")
    assert (status, body["code"]) == (404, "branch-not-indexed")
    status, body = child.search(indexed.parent / "nowhere", "x")
    assert (status, body["code"]) == (404, "not-indexed")
    assert "cidx sync" in body["hint"]


@pytest.mark.parametrize(
    ("change", "status", "code", "pointer"),
    [
        ({"q": ""}, 422, "pattern-invalid", "/q"),
        ({"q": "a\nb"}, 422, "pattern-invalid", "/q"),
        ({"q": "a\0b"}, 422, "pattern-invalid", "/q"),
        ({"q": "\ud800"}, 422, "pattern-invalid", "/q"),
        ({"mode": "regex", "q": "(a"}, 422, "pattern-invalid", "/q"),
        ({"mode": "regex", "word": True}, 422, "pattern-invalid", "/word"),
        ({"mode": "meaning"}, 422, "mode-unknown", "/mode"),
        ({"mode": "symbol", "word": True}, 422, "pattern-invalid", "/word"),
        ({"mode": "symbol", "show": "files"}, 422, "show-invalid", "/show"),
        ({"mode": "symbol", "q": ""}, 422, "pattern-invalid", "/q"),
        ({"mode": "symbol", "q": "a\udc80"}, 422, "pattern-invalid", "/q"),
        ({"show": "all"}, 400, "request-invalid", "/show"),
        ({"lang": ["pyhton"]}, 422, "lang-unknown", "/lang/0"),
        ({"path": ["ok", "/"]}, 422, "path-invalid", "/path/1"),
        ({"limit": -1}, 400, "request-invalid", "/limit"),
        ({"limit": "5"}, 400, "request-invalid", "/limit"),
        ({"case": "smart"}, 400, "request-invalid", "/case"),
        ({"repositories": []}, 400, "request-invalid", "/repositories"),
        ({"repositories": [{"index": "here"}]}, 400, "request-invalid", "/index"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(  # noqa: PLR0917 - fixtures and parameters
    child: SearchChild, indexed: Path, change: dict[str, Any], status: int, code: str, pointer: str
) -> None:
    request = {"repositories": [{"name": "it", "index": str(indexed)}], "q": "x"} | change
    answered, body = child.ask("search", **request)
    assert (answered, body["code"], body["pointer"]) == (status, code, pointer)
    assert body["hint"]


def test_no_line_ends_the_child(child: SearchChild, indexed: Path) -> None:
    endless = b'{"id":1,"q":"' + b"x" * (protocol.LINE_LIMIT * 4 + 10) + b'"}\n'
    for line in (b"nonsense\n", b"[]\n", b'{"id":"x"}\n', b"\xff\n", b"\n", endless):
        request_id, status, body = child.say(line)
        assert (request_id, status, body["code"]) == (0, 400, "request-invalid")
    request_id, status, _ = child.say(b'{"id":9,"op":"dance"}\n')
    assert (request_id, status) == (9, 400)
    assert child.matches(indexed, "needle")


def test_a_line_that_is_not_text_is_shown_and_marked(
    repository: Checkout, build: Build, child: SearchChild, tmp_path: Path
) -> None:
    repository.commit({b"caf\xe9.txt": b"\xff\xc3 \xc3\xa9 needle\r\n" + b"y" * 9000 + b"needle\n"})
    build(repository.mirror(tmp_path / "mirror.git"))
    short, long = child.matches(tmp_path / "index", "needle")
    assert short["text"] == "\ufffd\ufffd é needle"
    assert short["ranges"] == [[5, 11]]
    assert short["column"] == 7
    assert short["invalid_utf8"] is True
    assert (short["path"], short["path_base64"]) == ("caf\ufffd.txt", "Y2Fm6S50eHQ=")
    assert long["truncated"] is True
    assert long["column"] == 9001
    ((start, end),) = long["ranges"]
    assert long["text"][start:end] == "needle"
    assert len(long["text"]) == 2000


def test_a_file_is_shown_as_it_is_at_an_indexed_commit(
    repository: Checkout, build: Build, child: SearchChild, tmp_path: Path
) -> None:
    repository.folder.joinpath("link").symlink_to("a.txt")
    tip = repository.commit({"a.txt": "é\n", "b.bin": b"\0\xff", "big.txt": "é" * (3 << 20)})
    mirror = repository.mirror(tmp_path / "mirror.git")
    build(mirror)
    where = {"index": str(tmp_path / "index"), "mirror": str(mirror)}

    def shown(path: str, **request: Any) -> tuple[int, dict[str, Any]]:
        return child.ask("file", **where, path=path, **request)

    whole = {"path": "a.txt", "commit": tip, "size": 3, "symbols": [], "text": "é\n"}
    assert shown("a.txt") == (200, whole)
    assert shown("a.txt", commit=tip[:7], branch="main") == (200, whole)
    binary = {"path": "b.bin", "commit": tip, "size": 2, "symbols": [], "base64": "AP8="}
    assert shown("b.bin")[1] == binary
    assert shown("link")[1]["text"] == "a.txt"
    big = shown("big.txt")[1]
    assert (big["size"], big["truncated"]) == (6 << 20, True)
    assert big["text"] == "é" * (2 << 20)
    assert (shown("none")[0], shown("none")[1]["code"]) == (404, "file-not-found")
    status, body = shown("a.txt", commit="f" * 40)
    assert (status, body["code"]) == (404, "commit-not-indexed")


def test_tips_tell_what_is_indexed(
    repository: Checkout, build: Build, child: SearchChild, indexed: Path, tmp_path: Path
) -> None:
    status, tips = child.ask("tips", index=str(tmp_path / "none"))
    assert status == 200
    assert tips == {
        "epoch": None, "damaged": False, "settings": {}, "generation": 0, "branches": []
    }  # fmt: skip
    _, tips = child.ask("tips", index=str(indexed))
    (branch,) = tips["branches"]
    assert branch["commit"] == repository.head()
    assert (branch["default"], branch["files"], branch["job_id"]) == (True, 13, "job-1")
    repository.commit({"new.txt": "x"})
    build(repository.mirror(tmp_path / "mirror.git"))
    _, later = child.ask("tips", index=str(indexed))
    assert later["branches"][0]["commit"] == repository.head()
    assert later["generation"] > tips["generation"]


def test_repositories_answer_in_the_order_they_were_asked(
    build: Build, child: SearchChild, indexed: Path, tmp_path: Path
) -> None:
    other = Checkout(tmp_path / "other")
    other.commit({"a.py": "needle\n"})
    build(other.mirror(tmp_path / "other.git"), index=tmp_path / "other-index")
    places_ = [
        {"name": n, "index": str(i)} for n, i in (("z", indexed), ("a", tmp_path / "other-index"))
    ]
    found: list[str] = []
    following = None
    while True:
        _, body = child.ask("search", repositories=places_, q="needle", limit=9, cursor=following)
        found += [match["repository"] for match in body["matches"]]
        following = body["next_cursor"]
        if following is None:
            break
    assert found == ["z"] * 85 + ["a"]
    assert [row["repository"] for row in body["searched"]] == ["z", "a"]


def test_a_pipe_that_closes_in_the_middle_of_a_line_ends_the_child() -> None:
    child = SearchChild()
    assert child.process.stdin is not None
    child.process.stdin.write(json.dumps({"id": 1, "op": "tips", "index": "/none"}).encode())
    stdout, _ = child.process.communicate(timeout=20)
    assert stdout.startswith(b"1 200 ")
    assert child.process.returncode == 0
