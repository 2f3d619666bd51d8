from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sandbox import Checkout, git, moves

from cidxd.indexer import epoch
from cidxd.indexer import epoch as epochs
from cidxd.indexer.catalog import CatalogReader
from cidxd.indexer.segment import SegmentReader

Summary = dict[str, Any]
Build = Callable[..., Summary]
Start = Callable[..., Any]
Files = dict[str | bytes, bytes | str | None]


def answer(index: Path, branch: str = "main") -> dict[bytes, tuple[int, str | bytes]]:
    """What a search would see: mode and content (or the reason why there is none) by path."""
    current = epochs.current_epoch(index)
    assert current is not None
    with closing(CatalogReader(current)) as reader, reader:
        number = {b.name: b.branch_id for b in reader.branches()}[branch]
        segments = {
            s.number: SegmentReader(epochs.segment_path(current, s.segment_id))
            for s in reader.segments()
        }
        found: dict[bytes, tuple[int, str | bytes]] = {}
        for entry in reader.entries_in_order(number, None):
            if entry.segment_number is None or entry.document is None:
                found[entry.path] = (entry.mode, str(entry.skip))
            else:
                content = segments[entry.segment_number].content(entry.document)
                found[entry.path] = (entry.mode, content)
        for segment in segments.values():
            segment.close()
    return found


def indexed_commit(index: Path) -> str | None:
    current = epochs.current_epoch(index)
    if current is None:
        return None
    with closing(CatalogReader(current)) as reader, reader:
        return reader.branches()[0].commit


def forget_object(mirror: Path, oid: str) -> None:
    git(mirror, "gc", "-q", "--prune=now")
    with pytest.raises(subprocess.CalledProcessError):
        git(mirror, "cat-file", "-e", oid)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "work")


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    return tmp_path / "mirror.git"


def test_first_build_says_hello_then_its_phases_and_waits_for_the_permit(
    checkout: Checkout, mirror: Path, tmp_path: Path, start: Start
) -> None:
    head = checkout.commit({"a.py": "one\n", "b.py": "two\n"})
    child = start(checkout.mirror(mirror))

    ready = child.until("ready")
    assert indexed_commit(tmp_path / "index") is None
    child.publish()

    steps = [(m["type"], m.get("name")) for m in child.messages if m["type"] != "progress"]
    assert steps == [
        ("hello", None),
        ("phase", "diff"), ("phase_done", "diff"),
        ("phase", "index"), ("phase_done", "index"),
        ("phase", "validate"), ("phase_done", "validate"),
        ("ready", None),
        ("phase", "publish"), ("phase_done", "publish"),
        ("done", None),
    ]  # fmt: skip
    assert moves(ready) == [{"branch": "main", "before": None, "indexed": head}]
    assert ready["summary"] == {
        "files_total": 2, "files_added": 2, "files_modified": 0, "files_deleted": 0,
        "files_renamed": 0, "files_indexed": 2, "files_skipped": 0, "skipped_by_reason": {},
        "blobs_new": 2, "blobs_reused": 0, "bytes_indexed": 8, "commits_received": 1,
    }  # fmt: skip
    usage = next(m["usage"] for m in child.messages if m["type"] == "phase_done")
    assert set(usage) == {"cpu_seconds", "peak_rss_bytes", "read_bytes", "written_bytes"}
    assert usage["peak_rss_bytes"] > 1 << 20
    assert indexed_commit(tmp_path / "index") == head


def test_awkward_contents_are_indexed_or_skipped_with_their_reason(
    checkout: Checkout, mirror: Path, tmp_path: Path, build: Build
) -> None:
    late_nul = b"x" * 8000 + b"\0"
    contents: Files = {
        "binary": b"abc\0def", "late-nul": late_nul, "huge": b"y" * 5001 * 2,
        "minified.js": b"var a=1;" * 1000, "crlf": b"a\r\nb\r\n", "no-end": b"no newline",
        "empty": b"", "latin1": b"caf\xe9\n",
    }  # fmt: skip
    checkout.commit(contents)
    (checkout.folder / "link").symlink_to("no-end")
    checkout.git("add", "link")
    checkout.git("update-index", "--add", "--cacheinfo", f"160000,{'12' * 20},module")
    checkout.git("commit", "-qm", "special")

    summary = build(checkout.mirror(mirror), limit=10_000)

    found = answer(tmp_path / "index")
    assert found.pop(b"link") == (0o120000, "symlink")
    assert found.pop(b"module") == (0o160000, "submodule")
    assert found.pop(b"binary") == (0o100644, "binary")
    assert found.pop(b"huge") == (0o100644, "too-large")
    assert {os.fsdecode(path): content for path, (_, content) in found.items()} == {
        name: content for name, content in contents.items() if name not in {"binary", "huge"}
    }
    assert summary["files_total"] == 9
    reasons = {"binary": 1, "too-large": 1, "symlink": 1, "submodule": 1}
    assert (summary["skipped_by_reason"], summary["files_skipped"]) == (reasons, 4)


def test_a_blob_that_was_a_symlink_only_is_read_when_a_file_has_it_too(
    checkout: Checkout, mirror: Path, tmp_path: Path, build: Build
) -> None:
    (checkout.folder / "link").symlink_to("target")
    checkout.commit({"other": "x"})
    build(checkout.mirror(mirror))

    checkout.commit({"file": "target"})
    summary = build(checkout.mirror(mirror))

    assert summary["files_indexed"] == 1
    found = answer(tmp_path / "index")
    assert found[b"file"] == (0o100644, b"target")
    assert found[b"link"] == (0o120000, "symlink")


def test_paths_are_bytes_and_may_hold_anything(
    checkout: Checkout, mirror: Path, tmp_path: Path, build: Build
) -> None:
    names = [b"new\nline", b"quo\"te's", b"-dash", b"\xff\xfe", b"tab\tx", "ünï".encode(), b"d/-r"]
    checkout.commit({name: name + b"!" for name in names})
    build(checkout.mirror(mirror))
    checkout.commit({b"new\nline": b"second", b"\xff\xfe": None})
    build(checkout.mirror(mirror))

    expected = {name: name + b"!" for name in names if name != b"\xff\xfe"}
    expected[b"new\nline"] = b"second"
    assert {p: c for p, (_, c) in answer(tmp_path / "index").items()} == expected


def test_second_sync_reads_only_new_blobs_and_moves_only_the_branch_without_any(
    checkout: Checkout, mirror: Path, build: Build
) -> None:
    checkout.commit({"a": "one", "b": "two", "c": "three"})
    build(checkout.mirror(mirror))

    checkout.commit({"a": "changed", "b": None, "moved": "two", "copy": "three"})
    second = build(checkout.mirror(mirror))
    checkout.commit({}, "an empty commit")
    third = build(checkout.mirror(mirror))

    wanted = {
        "blobs_new": 1, "files_indexed": 1, "blobs_reused": 2, "files_modified": 1,
        "files_renamed": 1, "files_added": 1, "files_deleted": 0, "files_total": 4,
        "commits_received": 1,
    }  # fmt: skip
    assert {name: second[name] for name in wanted} == wanted
    assert (third["blobs_new"], third["files_total"], third["commits_received"]) == (0, 4, 1)


@pytest.mark.parametrize("seed", range(3))
def test_incremental_builds_equal_a_full_build(
    checkout: Checkout, mirror: Path, tmp_path: Path, build: Build, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311 - repeatable commits
    here: dict[str, str] = {}
    for step in range(5):
        changes: dict[str | bytes, bytes | str | None] = {}
        for _ in range(dice.randint(1, 5)):
            name = f"{dice.choice(['src', 'tests', 'vendor'])}/{dice.randint(0, 6)}"
            if name in here and dice.random() < 0.4:
                changes[name] = None
            else:
                changes[name] = f"text {dice.randint(0, 8)}\n"
        checkout.commit(changes, f"step {step}")
        here = dict.fromkeys(checkout.git("ls-files").splitlines(), "")
        if step == 3:
            checkout.git("reset", "-q", "--hard", "HEAD~2")  # and the mirror is force-pushed
            here = dict.fromkeys(checkout.git("ls-files").splitlines(), "")
        build(checkout.mirror(mirror))

        if step == 3:
            git(mirror, "reflog", "expire", "--expire=now", "--all")
            git(mirror, "gc", "-q", "--prune=now")
    build(mirror, index=tmp_path / "fresh")

    assert answer(tmp_path / "index") == answer(tmp_path / "fresh")
    assert set(map(os.fsdecode, answer(tmp_path / "fresh"))) == set(here)


def test_an_old_tree_that_was_pruned_is_compared_through_the_listing(
    checkout: Checkout, mirror: Path, tmp_path: Path, build: Build
) -> None:
    checkout.commit({"a": "one"})
    checkout.commit({"b": "two", "d/c": "gone"})
    build(checkout.mirror(mirror))
    old = checkout.head("HEAD^{tree}")
    checkout.git("reset", "-q", "--hard", "HEAD~1")
    checkout.commit({"b": "other"})
    forget_object(checkout.mirror(mirror), old)

    summary = build(mirror)

    assert (summary["files_modified"], summary["files_deleted"]) == (1, 1)
    found = answer(tmp_path / "index")
    assert found == {b"a": (0o100644, b"one"), b"b": (0o100644, b"other")}


def test_a_branch_that_is_no_longer_asked_for_leaves_with_the_same_publish(
    checkout: Checkout, mirror: Path, tmp_path: Path, build: Build
) -> None:
    checkout.commit({"a": "one"})
    checkout.git("checkout", "-qb", "side")
    checkout.commit({"b": "two"})
    both = build(checkout.mirror(mirror), "main", "side")
    only = build(mirror, "side")

    assert (both["files_total"], both["blobs_new"]) == (3, 2)
    assert (only["files_total"], only["blobs_new"], only["files_added"]) == (2, 0, 0)
    current = epochs.current_epoch(tmp_path / "index")
    assert current is not None
    with closing(CatalogReader(current)) as reader, reader:
        assert [(b.name, b.is_default) for b in reader.branches()] == [("side", True)]
        assert reader.generation() == 2


def test_a_reader_inside_a_transaction_keeps_its_generation(
    checkout: Checkout, mirror: Path, tmp_path: Path, build: Build
) -> None:
    checkout.commit({"a": "one"})
    build(checkout.mirror(mirror))
    current = epochs.current_epoch(tmp_path / "index")
    assert current is not None
    checkout.commit({"b": "two"})

    with closing(CatalogReader(current)) as reader:
        with reader:
            assert reader.generation() == 1
            build(checkout.mirror(mirror))
            assert len(list(reader.entries_in_order(1, None))) == 1
        with reader:
            assert reader.generation() == 2
            assert len(list(reader.entries_in_order(1, None))) == 2


@pytest.mark.parametrize("how", ["kill", "end of file", "terminate"])
def test_a_build_stopped_before_the_permit_leaves_the_old_answer(
    checkout: Checkout, tmp_path: Path, build: Build, start: Start, how: str
) -> None:
    mirror = tmp_path / "mirror.git"
    old = checkout.commit({"a": "one"})
    build(checkout.mirror(mirror))
    new = checkout.commit({"a": "two"})
    child = start(checkout.mirror(mirror))
    child.until("ready")

    if how == "kill":
        child.process.kill()
    elif how == "terminate":
        child.process.terminate()
    else:
        child.process.stdin.close()

    assert child.ended() == (-signal.SIGKILL if how == "kill" else 3)
    assert indexed_commit(tmp_path / "index") == old
    summary = build(mirror)
    assert indexed_commit(tmp_path / "index") == new
    assert summary["blobs_new"] == 0  # what was indexed is not done again


@pytest.mark.parametrize("how", ["kill", "end of file"])
def test_a_first_build_that_is_stopped_answers_nothing_and_its_content_is_used_by_the_next(
    checkout: Checkout, tmp_path: Path, start: Start, build: Build, how: str
) -> None:
    mirror = tmp_path / "mirror.git"
    commit = checkout.commit({"a": "one"})
    child = start(checkout.mirror(mirror))
    child.until("ready")
    if how == "kill":
        child.process.kill()
    else:
        child.process.stdin.close()

    assert child.ended() == (-signal.SIGKILL if how == "kill" else 3)
    assert epochs.current_epoch(tmp_path / "index") is None
    summary = build(mirror)
    assert indexed_commit(tmp_path / "index") == commit
    assert (summary["blobs_new"], summary["files_added"]) == (0, 1)
    assert len(list((tmp_path / "index").glob("epoch-*"))) == 1


def test_end_of_file_after_the_permit_does_not_stop_the_publish(
    checkout: Checkout, mirror: Path, tmp_path: Path, start: Start
) -> None:
    head = checkout.commit({"a": "one"})
    child = start(checkout.mirror(mirror))
    child.until("ready")
    child.send({"type": "publish"})
    child.process.stdin.close()

    child.until("done")
    assert child.ended() == 0
    assert indexed_commit(tmp_path / "index") == head


def _current(index: Path) -> Path:
    current = epochs.current_epoch(index)
    assert current is not None
    return current


def _segment(index: Path) -> Path:
    return next((_current(index) / "segments").iterdir())


def _flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


_DAMAGE: dict[str, Callable[[Path], object]] = {
    "a truncated segment": lambda i: os.truncate(_segment(i), _segment(i).stat().st_size - 3),
    "a missing segment": lambda i: _segment(i).unlink(),
    "a flipped bit in a footer": lambda i: _flip(_segment(i), -20),
    "no CURRENT": lambda i: (i / "CURRENT").unlink(),
    "nonsense in CURRENT": lambda i: (i / "CURRENT").write_text("../elsewhere\n"),
    "CURRENT that names nothing": lambda i: (i / "CURRENT").write_text("epoch-" + "0" * 16),
    "no catalogue": lambda i: (_current(i) / "catalog.db").unlink(),
    "a catalogue of zeros": lambda i: (_current(i) / "catalog.db").write_bytes(bytes(9000)),
    "a cut catalogue": lambda i: os.truncate(_current(i) / "catalog.db", 8192),
    "an empty catalogue": lambda i: os.truncate(_current(i) / "catalog.db", 0),
    "a mark": lambda i: epoch.mark_damaged(_current(i), "a search said so"),
}


@pytest.mark.parametrize("damage", _DAMAGE.values(), ids=list(_DAMAGE))
def test_a_damaged_index_is_rebuilt_by_the_next_build(
    checkout: Checkout, mirror: Path, tmp_path: Path, build: Build, damage: Callable[[Path], object]
) -> None:
    checkout.commit({"a": "one", "b": "two"})
    build(checkout.mirror(mirror))
    before = answer(tmp_path / "index")
    damage(tmp_path / "index")

    summary = build(mirror)

    assert summary["blobs_new"] == 2
    assert answer(tmp_path / "index") == before
    left = [path.name for path in (tmp_path / "index").iterdir() if path.name != "CURRENT"]
    assert left == [_current(tmp_path / "index").name]
    assert not epochs.is_marked_damaged(_current(tmp_path / "index"))


def test_content_that_reads_back_differently_fails_and_is_rebuilt_by_the_next_build(
    checkout: Checkout, mirror: Path, tmp_path: Path, build: Build, start: Start
) -> None:
    checkout.commit({"a": "one", "b": "two"})
    build(checkout.mirror(mirror))
    path = _segment(tmp_path / "index")
    written = path.stat()
    _flip(path, 12)  # within the content
    os.utime(path, ns=(written.st_atime_ns, written.st_mtime_ns))  # as a disk would do it

    child = start(mirror)
    with pytest.raises(AssertionError, match="index-damaged"):
        child.until("ready")

    assert child.ended() == 1
    assert epochs.is_marked_damaged(_current(tmp_path / "index"))
    assert build(mirror)["blobs_new"] == 2


def test_full_and_other_settings_read_everything_into_a_new_epoch(
    checkout: Checkout, mirror: Path, tmp_path: Path, build: Build
) -> None:
    checkout.commit({"a": "one", "b": "longer text"})
    build(checkout.mirror(mirror))
    first = _current(tmp_path / "index")

    full = build(mirror, full=True)
    second = _current(tmp_path / "index")
    smaller = build(mirror, limit=5)

    assert full["blobs_new"] == 2
    assert (full["files_added"], full["files_total"]) == (0, 2)  # nothing changed in the tree
    assert smaller["skipped_by_reason"] == {"too-large": 1}
    assert len({first, second, _current(tmp_path / "index")}) == 3
    assert not first.exists()
    with closing(CatalogReader(_current(tmp_path / "index"))) as reader, reader:
        assert reader.generation() == 3


def test_files_without_a_row_go_at_the_next_build(
    checkout: Checkout, mirror: Path, tmp_path: Path, build: Build
) -> None:
    checkout.commit({"a": "one"})
    build(checkout.mirror(mirror))
    folder = _current(tmp_path / "index") / "segments"
    kept = _segment(tmp_path / "index")
    (folder / "0123456789abcdef.seg").write_bytes(b"orphan")
    (folder / "1-2.tmp").write_bytes(b"half")

    build(mirror)

    assert list(folder.iterdir()) == [kept]


def test_a_missing_object_fails_the_job_and_is_no_empty_change_set(
    checkout: Checkout, mirror: Path, tmp_path: Path, build: Build, start: Start
) -> None:
    old = checkout.commit({"a": "one"})
    build(checkout.mirror(mirror))
    checkout.commit({"d/b": "two"})
    checkout.mirror(mirror)
    # Few objects came, so git stored each in a file of its own.
    tree = git(mirror, "rev-parse", "main:d")
    (mirror / "objects" / tree[:2] / tree[2:]).unlink()

    child = start(mirror)
    with pytest.raises(AssertionError, match=r"mirror-damaged|git-failed"):
        child.until("ready")

    assert child.ended() == 1
    assert indexed_commit(tmp_path / "index") == old


def test_a_missing_blob_is_counted_and_the_rest_is_indexed(
    checkout: Checkout, mirror: Path, tmp_path: Path, build: Build
) -> None:
    checkout.commit({"a": "one"})
    checkout.mirror(mirror)
    git(mirror, "update-ref", "refs/heads/main", _commit_without_blob(mirror))

    summary = build(mirror)

    assert summary["skipped_by_reason"] == {"missing": 1}
    assert answer(tmp_path / "index")[b"lost"] == (0o100644, "missing")


def _commit_without_blob(mirror: Path) -> str:
    listing = f"100644 blob {'34' * 20}\tlost\n".encode()
    tree = git(mirror, "mktree", "--missing", stdin=listing)
    return git(mirror, "commit-tree", "-m", "lost", tree)


@pytest.mark.parametrize(
    "line", [b"nonsense\n", b'{"type":"build","version":99}\n', b'{"type":"build","version":1}\n']
)
def test_a_request_that_makes_no_sense_is_answered_and_not_crashed_on(
    checkout: Checkout, mirror: Path, start: Start, line: bytes
) -> None:
    checkout.commit({"a": "one"})
    child = start(checkout.mirror(mirror))
    child.close()
    child = type(child)(child.index)
    child.process.stdin.write(line)
    child.process.stdin.flush()
    with pytest.raises(AssertionError, match="child-protocol"):
        child.until("ready")
    assert child.ended() == 1
    child.close()


def test_a_corrupt_page_found_while_comparing_is_rebuilt_in_the_same_run(
    checkout: Checkout, mirror: Path, tmp_path: Path, build: Build
) -> None:
    checkout.commit({}, "base")
    files: Files = {f"d/{n}": f"text {n}" for n in range(300)}
    checkout.commit(files)
    build(checkout.mirror(mirror))
    path = _current(tmp_path / "index") / "catalog.db"
    with closing(sqlite3.connect(path)) as db:
        root = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'entry'").fetchone()[0]
        size = db.execute("PRAGMA page_size").fetchone()[0]
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)
    old = checkout.head("HEAD^{tree}")
    checkout.git("reset", "-q", "--hard", "HEAD~1")
    checkout.commit({name: text for name, text in files.items() if name != "d/1"})
    forget_object(checkout.mirror(mirror), old)

    build(mirror)

    assert len(answer(tmp_path / "index")) == 299
