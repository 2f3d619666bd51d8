"""What a sync says, does, reads and leaves behind, seen from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sandbox import Checkout, git, moves

House = Any  # the fixture's class lives in conftest, which cannot be imported

SUMMARY = {
    "files_total", "files_added", "files_modified", "files_deleted", "files_renamed",
    "files_indexed", "files_skipped", "skipped_by_reason", "blobs_new", "blobs_reused",
    "bytes_indexed", "commits_received",
}  # fmt: skip


def _counts(ready: Any, *names: str) -> tuple[int, ...]:
    return tuple(ready["summary"][f"files_{name}"] for name in names)


def test_the_conversation_is_hello_four_phases_ready_done(house: House, start_build: Any) -> None:
    head = house.checkout.commit({"a.txt": "one\n", "b.txt": "two\n"})
    build = start_build(house.request())
    build.until("ready")
    build.publish()
    build.until("done")
    assert build.end() == 0
    said = [(m["type"], m.get("name")) for m in build.messages if m["type"] != "progress"]
    assert said == [
        ("hello", None),
        ("phase", "diff"), ("phase_done", "diff"),
        ("phase", "index"), ("phase_done", "index"),
        ("phase", "validate"), ("phase_done", "validate"),
        ("ready", None),
        ("phase", "publish"), ("phase_done", "publish"),
        ("done", None),
    ]  # fmt: skip
    ended = {m["name"]: m for m in build.messages if m["type"] == "phase_done"}
    assert {"entries", "added", "modified", "deleted", "renamed", "new_blobs"} <= ended["diff"][
        "counters"
    ].keys()
    for message in ended.values():
        assert message["usage"].keys() == {
            "cpu_seconds", "peak_rss_bytes", "read_bytes", "written_bytes",
        }  # fmt: skip
        assert message["usage"]["peak_rss_bytes"] > 1 << 20
        assert all(value >= 0 for value in message["usage"].values())
        assert all(isinstance(value, int) for value in message["counters"].values())
    ready = next(m for m in build.messages if m["type"] == "ready")
    assert ready["summary"].keys() >= SUMMARY
    assert moves(ready) == [{"branch": "main", "before": None, "indexed": head}]


def test_progress_of_the_index_phase_never_goes_back_and_ends_at_its_total(
    house: House, start_build: Any
) -> None:
    house.checkout.commit({f"f{n}.txt": f"{n}\n" * 500 for n in range(300)})
    build = start_build(house.request())
    build.until("ready")
    seen = [m for m in build.messages if m["type"] == "progress" and m["total"] == 300]
    assert seen
    assert [m["done"] for m in seen] == sorted(m["done"] for m in seen)
    assert seen[-1]["done"] <= 300
    assert {m["unit"] for m in seen} == {"files"}


def test_the_second_sync_reads_only_what_is_new(house: House) -> None:
    house.checkout.commit({f"f{n}.txt": f"{n}\n" for n in range(20)})
    assert house.sync()["summary"]["blobs_new"] == 20
    before = house.checkout.head()
    head = house.checkout.commit({"f3.txt": "changed\n", "new/g.txt": "4\n", "h.txt": "fresh\n"})
    ready = house.sync()
    summary = ready["summary"]
    assert _counts(ready, "total", "added", "modified", "deleted", "renamed") == (22, 2, 1, 0, 0)
    assert (summary["blobs_new"], summary["blobs_reused"], summary["files_indexed"]) == (2, 1, 2)
    assert summary["commits_received"] == 1
    assert moves(ready) == [{"branch": "main", "before": before, "indexed": head}]
    assert house.lines("4") == house.grep("4")


def test_a_rename_reads_nothing_and_is_counted_once(house: House) -> None:
    house.checkout.commit({"old.txt": "same\n", "twin.txt": "same\n", "gone.txt": "bye\n"})
    house.sync()
    house.checkout.commit({"old.txt": None, "new.txt": "same\n", "gone.txt": None, "x": "same\n"})
    ready = house.sync()
    assert _counts(ready, "total", "added", "modified", "deleted", "renamed") == (3, 1, 0, 1, 1)
    assert ready["summary"]["blobs_new"] == 0
    assert house.lines("same") == {("new.txt", 1), ("twin.txt", 1), ("x", 1)}


def test_a_revert_and_a_forced_push_read_nothing_again(house: House) -> None:
    first = house.checkout.commit({"a.txt": "one\n", "b.txt": "b\n"})
    house.sync()
    second = house.checkout.commit({"a.txt": "two\n"})
    house.sync()
    house.checkout.git("reset", "-q", "--hard", first)
    ready = house.sync()
    assert ready["summary"]["blobs_new"] == 0
    assert ready["summary"]["commits_received"] == 0
    assert moves(ready) == [{"branch": "main", "before": second, "indexed": first}]
    assert house.lines("one") == {("a.txt", 1)}
    assert house.lines("two") == set()


def test_a_forced_push_followed_by_gc_is_a_full_comparison(house: House) -> None:
    house.checkout.commit({"a.txt": "one\n", "b.txt": "b\n"})
    house.sync()
    house.checkout.git("commit", "-q", "--amend", "-m", "other")
    house.checkout.git("checkout", "-q", "--orphan", "fresh")
    house.checkout.commit({"a.txt": "uno\n", "c.txt": "b\n", "b.txt": None})
    house.checkout.git("branch", "-M", "fresh", "main")
    house.request()
    git(house.mirror, "reflog", "expire", "--expire=now", "--all")
    git(house.mirror, "gc", "-q", "--prune=now")
    ready = house.sync()
    assert _counts(ready, "total", "added", "modified", "deleted", "renamed") == (2, 0, 1, 0, 1)
    assert house.lines("uno") == {("a.txt", 1)}
    assert house.lines("b") == {("c.txt", 1)}


def test_branches_share_contents_come_and_go_and_answer_for_themselves(house: House) -> None:
    house.checkout.commit({"a.txt": "shared\n"})
    house.sync()
    house.checkout.git("checkout", "-q", "-b", "dev")
    house.checkout.commit({"b.txt": "shared\nonly dev\n"})
    ready = house.sync("main", "dev")
    assert ready["summary"]["files_total"] == 3
    assert ready["summary"]["blobs_new"] == 1
    assert house.lines("shared") == {("a.txt", 1)}
    assert house.lines("shared", branch="dev") == {("a.txt", 1), ("b.txt", 1)}
    assert [b["name"] for b in house.tips()["branches"] if b["default"]] == ["main"]
    house.sync("dev")
    assert [b["name"] for b in house.tips()["branches"]] == ["dev"]
    assert house.ask("shared", branch="main")[0] == 404
    assert house.lines("only dev") == {("b.txt", 2)}


@pytest.mark.parametrize("at_once", [True, False])
def test_a_second_branch_begins_with_the_first_ones_entries_and_is_its_own(
    house: House,
    at_once: bool,  # noqa: FBT001 - a parameter
) -> None:
    house.checkout.commit({f"d{n % 3}/f{n}.txt": f"line {n}\n" for n in range(30)})
    house.checkout.git("checkout", "-q", "-b", "dev")
    house.checkout.commit(
        {"d0/f0.txt": None, "d1/f1.txt": "line changed\n", "tests/f2.txt": "line 2\n", "d3": "line"}
    )
    house.checkout.git("checkout", "-q", "main")
    house.checkout.commit({"d2/f2.txt": "line of main\n", "only/main.txt": "line\n"})
    if not at_once:
        house.sync("main")
    ready = house.sync("main", "dev")
    assert ready["summary"]["files_total"] == 31 + 31
    assert ready["summary"]["files_added"] == 31 + (31 if at_once else 0)
    assert ready["summary"]["blobs_new"] == (34 if at_once else 3)
    for branch in ("main", "dev"):
        assert house.lines("line", branch=branch) == house.grep("line", revision=branch)


def test_tips_tell_what_is_indexed(house: House) -> None:
    tips = house.tips()
    assert (tips["epoch"], tips["branches"], tips["damaged"]) == (None, [], False)
    head = house.checkout.commit({"a.txt": "one\n", "b/c.txt": "two\n"})
    house.sync(job_id="job-7")
    tips = house.tips()
    (branch,) = tips["branches"]
    assert branch["committed_at"].endswith("Z")
    wanted = {"name": "main", "commit": head, "job_id": "job-7", "default": True, "files": 2}
    assert {name: branch[name] for name in wanted} == wanted
    assert branch["tree"] == house.checkout.head("HEAD^{tree}")
    assert tips["settings"]["max_file_bytes"] == 1 << 20
    assert tips["generation"] == 1
    house.sync(job_id="job-8")
    assert house.tips()["generation"] == 2
    assert house.tips()["branches"][0]["job_id"] == "job-8"


def test_an_empty_commit_moves_the_branch_only(house: House) -> None:
    house.checkout.commit({"a.txt": "one\n"})
    house.sync()
    head = house.checkout.commit({})
    ready = house.sync()
    assert _counts(ready, "total", "added", "modified", "deleted", "renamed") == (1, 0, 0, 0, 0)
    assert ready["summary"]["commits_received"] == 1
    assert house.tips()["branches"][0]["commit"] == head
    assert house.found("one")[0]["commit"] == head


def test_a_repository_without_files_can_be_indexed(house: House) -> None:
    house.checkout.commit({})
    assert house.sync()["summary"]["files_total"] == 0
    assert house.found("anything") == []


def test_what_is_not_text_is_counted_by_reason_and_not_read_again(house: House) -> None:
    house.checkout.commit(
        {"bin": b"\0needle", "big.txt": "needle\n" * 200_000, "ok.txt": "needle\n", "empty": ""}
    )
    (house.checkout.folder / "link").symlink_to("ok.txt")
    other = Checkout(house.checkout.folder.parent / "other")
    gitlink = other.commit({"x": "x"})
    house.checkout.git("update-index", "--add", "--cacheinfo", f"160000,{gitlink},module")
    house.checkout.git("add", "link")
    house.checkout.git("commit", "-q", "-m", "odd")
    ready = house.sync()
    reasons = {"binary": 1, "too-large": 1, "symlink": 1, "submodule": 1}
    assert ready["summary"]["skipped_by_reason"] == reasons
    assert _counts(ready, "total", "added", "indexed") == (5, 5, 2)
    assert house.lines("needle") == {("ok.txt", 1)}
    ready = house.sync()
    assert ready["summary"]["skipped_by_reason"] == reasons
    assert ready["summary"]["blobs_new"] == 0


def test_one_content_as_symlink_and_as_file_is_searched_in_the_file_only(house: House) -> None:
    house.checkout.commit({"z.txt": "z\n"})
    (house.checkout.folder / "link").symlink_to("target-name")
    house.checkout.commit({})
    house.sync()
    assert house.found("target-name") == []
    house.checkout.commit({"file.txt": "target-name", "b.txt": "target-name"})
    house.sync()
    assert house.lines("target-name") == {("file.txt", 1), ("b.txt", 1)}
    house.checkout.commit({"file.txt": None, "b.txt": None})
    house.sync()
    assert house.found("target-name") == []


def test_a_file_that_becomes_a_folder_a_link_and_back_is_followed(house: House) -> None:
    house.checkout.commit({"x": "needle\n"})
    house.sync()
    (house.checkout.folder / "x").unlink()
    house.checkout.commit({"x/y": "needle\n"})
    assert _counts(house.sync(), "added", "modified", "deleted", "renamed") == (0, 0, 0, 1)
    assert house.lines("needle") == {("x/y", 1)}
    (house.checkout.folder / "x/y").unlink()
    (house.checkout.folder / "x").rmdir()
    (house.checkout.folder / "x").symlink_to("needle")
    house.checkout.commit({})
    house.sync()
    assert house.found("needle") == []


def test_a_change_of_mode_is_a_modification_without_reading(house: House) -> None:
    house.checkout.commit({"run.sh": "hit\n"})
    house.sync()
    (house.checkout.folder / "run.sh").chmod(0o755)
    house.checkout.commit({})
    ready = house.sync()
    assert _counts(ready, "added", "modified", "deleted", "renamed") == (0, 1, 0, 0)
    assert ready["summary"]["blobs_new"] == 0


ODD_NAMES = [b"new\nline.txt", b'"quoted".txt', b"-dash.txt", b"caf\xe9.txt", "ünï.txt".encode(),
             b"tab\t.txt", b" lead", b"back\\slash", b":colon", b"*star?[x]"]  # fmt: skip


def test_paths_are_bytes_from_the_tree_to_the_answer(house: House) -> None:
    house.checkout.commit(dict.fromkeys(ODD_NAMES, "hit\n"))
    assert house.sync()["summary"]["files_total"] == len(ODD_NAMES)
    found = house.found("hit")
    assert {match["path"] for match in found} == {n.decode(errors="replace") for n in ODD_NAMES}
    assert [match["path_base64"] for match in found if "path_base64" in match] == ["Y2Fm6S50eHQ="]
    gone: dict[str | bytes, bytes | str | None] = {name: None for name in ODD_NAMES[:5]}  # noqa: C420 - mypy
    house.checkout.commit(gone)
    house.sync()
    assert {m["path"] for m in house.found("hit")} == {n.decode() for n in ODD_NAMES[5:]}


def test_a_file_of_any_name_can_be_shown(house: House) -> None:
    house.checkout.commit(dict.fromkeys(ODD_NAMES, "hit\n"))
    house.sync()
    for name in ODD_NAMES:
        status, body = house.file(name.decode("utf-8", "surrogateescape"))
        assert (status, body.get("text")) == (200, "hit\n"), name


def test_a_sha256_repository_is_indexed_and_searched(house: House, tmp_path: Path) -> None:
    folder = tmp_path / "sha256"
    git(tmp_path, "init", "-q", "-b", "main", "--object-format=sha256", str(folder))
    house.checkout.folder = folder
    house.checkout.commit({"a.txt": "needle\n"})
    house.sync()
    house.checkout.commit({"b.txt": "needle\n", "c.txt": "\0"})
    house.sync()
    assert house.lines("needle") == {("a.txt", 1), ("b.txt", 1)}
    assert house.file("a.txt")[1]["text"] == "needle\n"
