from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from indexer.filling import Filled
from indexer.searching import git_grep
from sandbox import Checkout, git

from cidxd.errors import FaultError
from cidxd.indexer import catalog_upkeep, checkup, merging, upkeep
from cidxd.indexer import epoch as epochs
from cidxd.indexer.catalog_upkeep import UpkeepCatalog
from cidxd.indexer.segment import SegmentReader
from cidxd.indexer.segment_writer import SegmentWriter
from cidxd.indexer.shelf import Shelf
from cidxd.indexer.source import open_sources

FAN_IN = merging.FAN_IN


def keep_up(index: Path) -> dict[str, int]:
    return upkeep.keep_up(index, lambda *_: None)


def filled(index: Path, syncs: int = FAN_IN) -> Filled:
    """An index after so many syncs of two files, one that stays and one that changes."""
    made = Filled(index, {"stays": b"needle at first\n", "binary": b"\0"})
    for number in range(1, syncs):
        changes = b"needle in version %d\n" % number + b"x" * number
        made.sync({f"file-{number}": b"needle %d\n" % number, "changes": changes})
    return made


def check(index: Filled) -> None:
    """The index answers with what was published, and nothing lies about."""
    assert index.lines("needle") == index.expected("needle")
    assert not epochs.is_marked_damaged(index.epoch)


@pytest.fixture
def index(tmp_path: Path) -> Filled:
    return filled(tmp_path / "index")


def test_small_segments_become_one_and_searches_find_the_same(index: Filled) -> None:
    before = index.lines("needle")
    assert len(index.segment_files()) == FAN_IN

    done = keep_up(index.index)

    assert index.lines("needle") == before == index.expected("needle")
    assert len(index.segment_files()) == 1
    assert not index.has_orphans()
    assert done["merges"] == 1
    assert done["merged_segments"] == FAN_IN
    assert done["written_segments"] == 1


def test_a_merge_drops_what_no_branch_has_and_what_was_known_of_it(index: Filled) -> None:
    with closing(UpkeepCatalog(index.epoch)) as catalog:
        catalog.begin()
        catalog.rows(
            "INSERT INTO symbol (blob_id, number, name, kind, line)"
            " SELECT blob_id, 0, 'name', 'kind', 1 FROM blob"
        )
        catalog.rows("INSERT INTO unparsed SELECT blob_id, 'python' FROM blob")
        catalog.publish()
    living = {row[0] for row in index.rows("SELECT blob_id FROM entry")}
    text = "SELECT blob_id FROM blob WHERE segment IS NOT NULL"
    assert living < {row[0] for row in index.rows("SELECT blob_id FROM blob")}

    done = keep_up(index.index)

    skipped = {row[0] for row in index.rows("SELECT blob_id FROM blob WHERE skip IS NOT NULL")}
    assert {row[0] for row in index.rows(text)} == living - skipped
    assert {row[0] for row in index.rows("SELECT blob_id FROM symbol")} == living
    assert {row[0] for row in index.rows("SELECT blob_id FROM unparsed")} == living
    assert done["dropped_bytes"] > 0
    check(index)


def test_definitions_go_on_waiting_while_ctags_is_missing(
    index: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(UpkeepCatalog(index.epoch)) as catalog:
        catalog.begin()
        catalog.rows("INSERT INTO meta (name, value) VALUES ('symbols', '\"ctags\"')")
        catalog.rows(
            "INSERT INTO unparsed SELECT blob_id, 'python' FROM entry"
            " JOIN blob USING (blob_id) WHERE segment IS NOT NULL"
        )
        catalog.publish()
    [(waiting,)] = index.rows("SELECT count(*) FROM unparsed")
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(FaultError) as caught:
        keep_up(index.index)

    assert caught.value.code == "ctags-missing"
    assert index.rows("SELECT count(*) FROM unparsed") == [(waiting,)]
    check(index)


def test_nothing_is_done_when_there_is_nothing_to_do(tmp_path: Path) -> None:
    index = filled(tmp_path / "index", FAN_IN - 1)
    before = index.segment_ids()
    assert keep_up(index.index) == {}
    assert index.segment_ids() == before

    index.sync({"one more": b"needle\n"})
    assert keep_up(index.index) != {}
    after = index.segment_ids()
    assert keep_up(index.index) == {}
    assert index.segment_ids() == after


@pytest.mark.parametrize("sql", [catalog_upkeep._EXTENTS, catalog_upkeep._LIVING])
def test_what_lives_is_looked_up_and_not_searched_for(index: Filled, sql: str) -> None:
    plan = [row[3] for row in index.rows(f"EXPLAIN QUERY PLAN {sql.replace('?', '1')}")]
    assert [step for step in plan if step.startswith("SEARCH e ")]
    assert not [step for step in plan if step.startswith("SCAN e ")]


def test_dead_content_comes_back_by_a_revert_without_being_indexed_again(tmp_path: Path) -> None:
    index = Filled(tmp_path / "index", {"a": b"needle old\n"})
    index.sync({"a": b"needle new\n"})
    keep_up(index.index)
    before = index.segment_ids()
    index.sync({"a": b"needle old\n"})
    assert index.segment_ids() == before
    check(index)


def test_content_that_was_dropped_is_indexed_again_when_it_comes_back(index: Filled) -> None:
    keep_up(index.index)
    index.sync({"changes": b"needle in version 1\nx"})
    assert index.lines("version 1") == [("changes", 1)]
    check(index)
    keep_up(index.index)
    check(index)


def test_a_segment_that_is_mostly_dead_is_written_again_without_that(tmp_path: Path) -> None:
    big = {f"big-{n}": b"needle %d\n" % n + b"y" * merging.SMALL_BYTES for n in range(4)}
    index = Filled(tmp_path / "index", big)
    index.sync({"big-1": None, "big-2": None})
    before = index.segment_ids()

    done = keep_up(index.index)

    assert done["dropped_bytes"] == 2 * (len(big["big-1"]) + merging.DOCUMENT_BYTES)
    assert len(index.segment_ids()) == 1
    assert index.segment_ids() != before
    check(index)


def test_a_segment_that_is_wholly_dead_goes_without_a_new_one(tmp_path: Path) -> None:
    index = Filled(tmp_path / "index", {"big": b"needle\n" + b"y" * merging.SMALL_BYTES})
    index.sync({"big": None, "small": b"needle\n"})

    done = keep_up(index.index)

    assert len(index.segment_files()) == 1
    assert "written_segments" not in done
    check(index)


def test_a_merge_that_would_only_copy_one_segment_leaves_it_where_it_is(tmp_path: Path) -> None:
    """Its copy has the same blobs in the same order, so the same id and the same file name."""
    index = Filled(tmp_path / "index", {"a": b"needle 0\n"})
    for number in range(1, FAN_IN):
        index.sync({"a": b"needle %d\n" % number})
    last = index.segment_ids()[-1]

    done = keep_up(index.index)

    assert index.segment_ids() == [last]
    assert "written_segments" not in done
    check(index)
    assert keep_up(index.index) == {}


def test_blobs_without_content_are_forgotten_once_many_are_dead(
    index: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.sync({f"binary-{number}": b"\0%d" % number for number in range(30)})
    index.sync({f"binary-{number}": None for number in range(30)})
    count = "SELECT count(*) FROM blob WHERE skip IS NOT NULL"
    keep_up(index.index)
    assert index.rows(count) == [(31,)]

    monkeypatch.setattr(merging, "DEAD_SKIPS", 30)
    assert keep_up(index.index) == {"dropped_skips": 30}
    assert index.rows(count) == [(1,)]
    check(index)


def test_what_an_interrupted_writer_left_is_swept(tmp_path: Path) -> None:
    index = filled(tmp_path / "index", 2)
    folder = index.epoch / epochs.SEGMENTS
    for path in (folder / "7-1.tmp", folder / "0123.seg", index.index / "CURRENT.tmp"):
        path.write_bytes(b"left behind")
    stale = epochs.create_epoch(index.index)

    assert keep_up(index.index) == {}

    assert not index.has_orphans()
    assert not stale.exists()
    assert sorted(path.name for path in index.index.iterdir()) == ["CURRENT", index.epoch.name]


def test_the_content_of_an_unfinished_first_sync_is_left_for_the_next(tmp_path: Path) -> None:
    index = filled(tmp_path / "index")
    (index.index / "CURRENT").unlink()
    files = sorted(index.index.rglob("*.seg"))
    assert keep_up(index.index) == {}
    assert keep_up(tmp_path / "nowhere") == {}
    assert sorted(index.index.rglob("*.seg")) == files


def test_a_damaged_index_is_left_to_the_next_sync(index: Filled) -> None:
    epochs.mark_damaged(index.epoch, "found by a search")
    assert keep_up(index.index) == {}
    assert len(index.segment_files()) == FAN_IN


@pytest.mark.parametrize("harm", ["flipped", "gone", "exchanged"])
def test_damage_that_a_merge_finds_marks_the_epoch_and_changes_nothing(
    index: Filled, harm: str
) -> None:
    first, second = [epochs.segment_path(index.epoch, name) for name in index.segment_ids()[:2]]
    before = index.segment_ids()
    if harm == "flipped":
        status = first.stat()
        data = bytearray(first.read_bytes())
        data[12] ^= 1
        first.write_bytes(data)
        os.utime(first, ns=(status.st_mtime_ns, status.st_mtime_ns))
    elif harm == "gone":
        first.unlink()
    else:
        # A row that says of another document that it is this blob's.
        with closing(UpkeepCatalog(index.epoch)) as catalog:
            catalog.begin()
            catalog.rows("UPDATE blob SET document = 7 WHERE segment = 2 AND document = 0")
            catalog.rows("UPDATE blob SET document = 0 WHERE segment = 2 AND document = 1")
            catalog.rows("UPDATE blob SET document = 1 WHERE segment = 2 AND document = 7")
            catalog.publish()
    assert second.exists()

    with pytest.raises(FaultError, match="damaged"):
        keep_up(index.index)

    assert epochs.is_marked_damaged(index.epoch)
    assert index.segment_ids() == before
    assert index.ask("needle")[0] == 503
    assert not list(index.epoch.rglob("*.tmp"))


def test_a_segment_that_reads_differently_after_it_was_written_is_not_taken(
    index: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = index.segment_ids()
    finish = SegmentWriter.finish
    monkeypatch.setattr(
        SegmentWriter, "finish", lambda writer: finish(writer)._replace(documents=1)
    )
    with pytest.raises(FaultError, match="validation"):
        keep_up(index.index)
    assert index.segment_ids() == before
    check(index)


class CrashPoints:
    """Ends the process at its n-th system step: a sync to disk, a rename, a removal, a commit."""

    def __init__(self, at: int) -> None:
        self._at = at
        self._count = 0
        for name in ("fsync", "rename", "unlink"):
            setattr(os, name, self._counted(getattr(os, name)))
        execute = UpkeepCatalog._execute
        counted = self._counted(execute)

        def at_commit(catalog: UpkeepCatalog, sql: str, *values: Any) -> Any:
            return (counted if sql == "COMMIT" else execute)(catalog, sql, *values)

        UpkeepCatalog._execute = at_commit  # type: ignore[method-assign,assignment]

    def _counted(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            self._step()
            result = step(*args, **options)
            self._step()
            return result

        return counted

    def _step(self) -> None:
        if self._count == self._at:
            os._exit(77)
        self._count += 1


def crashed_at(step: int, index: Path) -> bool:
    """Run upkeep in a process that dies at that step; False if it came to its end before."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            CrashPoints(step)
            keep_up(index)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(process, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in {0, 77}
    return code == 77


def test_a_crash_at_any_step_changes_no_answer_and_is_made_good(tmp_path: Path) -> None:
    """Two merges in one run, a drop and an orphan, killed before and after every step."""
    origin = filled(tmp_path / "origin")
    big = {f"big-{n}": b"needle\n" * 3 + b"%d" % n * merging.SMALL_BYTES for n in range(4)}
    origin.sync(big)
    origin.sync({"big-1": None, "big-2": None})
    (origin.epoch / epochs.SEGMENTS / "0123.seg").write_bytes(b"an orphan")

    is_crashed, step = True, 0
    while is_crashed:
        folder = tmp_path / f"crash-{step}"
        shutil.copytree(origin.index, folder / "index")
        index = Filled(folder / "index")
        index.files = dict(origin.files)

        is_crashed = crashed_at(step, index.index)
        check(index)
        if step % 2:
            index.sync({"later": b"needle later\n"})  # the next build, with no upkeep between
            assert not index.has_orphans()
            check(index)
        keep_up(index.index)
        assert not index.has_orphans()
        assert len(index.segment_ids()) <= 3
        check(index)
        index.sync({"at last": b"needle at last\n", "stays": None})
        check(index)
        assert keep_up(index.index) == {}
        shutil.rmtree(folder)
        step += 1
    assert step > 20


def test_a_reader_in_its_transaction_finds_the_same_before_during_and_after(
    index: Filled,
) -> None:
    shelf = Shelf()
    opened = shelf.take(index.index)
    assert opened is not None
    with closing(shelf), opened.catalog as catalog:
        rows = catalog.segments()
        readers = [opened.segment(row) for row in rows]
        before = [reader.content(0) for reader in readers]
        keep_up(index.index)
        assert catalog.segments() == rows
        assert [reader.content(0) for reader in readers] == before
    check(index)


@pytest.mark.parametrize("merges", [1, 3])
def test_a_merge_between_snapshot_and_opening_is_no_damage(
    index: Filled, merges: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As often as a merge goes by, the question is asked of the newer catalogue."""
    left = [merges]

    def overtaken(*args: Any) -> Any:
        sources = open_sources(*args)
        if left[0]:
            left[0] -= 1
            assert keep_up(index.index)["merges"] == 1
            for number in range(left[0] * 100, left[0] * 100 + FAN_IN):
                index.sync({f"later-{number}": b"needle %d\n" % number})
        return sources

    monkeypatch.setattr("cidxd.indexer.page.open_sources", overtaken)
    shelf = Shelf()
    assert index.lines("needle", shelf) == index.expected("needle")
    assert left == [0]
    assert not epochs.is_marked_damaged(index.epoch)


def test_a_merge_while_every_byte_is_read_is_no_damage(
    index: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Overtaken(SegmentReader):
        def check_content(self) -> None:
            keep_up(index.index)
            super().check_content()

    monkeypatch.setattr("cidxd.indexer.checkup.SegmentReader", Overtaken)
    place = {"id": 1, "op": "check", "index": str(index.index)}
    with closing(Shelf()) as shelf:
        found = checkup.check(shelf, place)
    assert found["damage"] is None
    assert found["segments"] == 1
    check(index)


def test_a_segment_that_is_really_gone_is_damage(index: Filled) -> None:
    epochs.segment_path(index.epoch, index.segment_ids()[0]).unlink()
    assert index.ask("needle")[0] == 503
    assert epochs.is_marked_damaged(index.epoch)


class Child:
    """A real `python -m cidxd.indexer upkeep`."""

    def __init__(self, message: dict[str, Any]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cidxd.indexer", "upkeep"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def messages(self) -> list[dict[str, Any]]:
        assert self.process.stdout is not None
        return [json.loads(line) for line in self.process.stdout]


@pytest.fixture
def tend() -> Iterator[Callable[..., Child]]:
    children: list[Child] = []

    def tend(index: Path, **more: Any) -> Child:
        children.append(Child({"type": "upkeep", "version": 1, "index": str(index), **more}))
        return children[-1]

    yield tend
    for child in children:
        child.process.kill()
        child.process.communicate()


def test_the_child_says_hello_and_what_it_did(index: Filled, tend: Callable[..., Child]) -> None:
    child = tend(index.index)
    hello, *_, done = child.messages()
    assert child.process.wait() == 0
    assert hello == {"type": "hello", "version": 1}
    assert done["type"] == "done"
    assert done["counters"]["merged_segments"] == FAN_IN
    assert done["peak_rss_bytes"] > 1 << 20
    check(index)


def test_the_child_names_its_fault(index: Filled, tend: Callable[..., Child]) -> None:
    epochs.segment_path(index.epoch, index.segment_ids()[0]).unlink()
    child = tend(index.index)
    assert child.messages()[-1]["code"] == "index-damaged"
    assert child.process.wait() == 1

    child = tend(index.index, version=2)
    assert child.messages()[-1]["code"] == "child-protocol"


@pytest.mark.parametrize("how", ["end of file", "signal"])
def test_the_child_stops_at_once_and_leaves_nothing_half_done(
    tmp_path: Path, tend: Callable[..., Child], how: str
) -> None:
    """Stopped in the middle of writing a segment, whose first progress says that it is there."""
    index = Filled(tmp_path / "index")
    line = b"needle is what is looked for in here %d\n"
    for start_at in range(FAN_IN):
        index.sync({f"{start_at}-{n}": line % n * 20_000 for n in range(start_at, 40, FAN_IN)})
    before = index.segment_ids()
    child = tend(index.index)
    assert child.process.stdin is not None
    assert child.process.stdout is not None
    kinds = [json.loads(child.process.stdout.readline())["type"] for _ in range(2)]
    assert kinds == ["hello", "progress"]

    if how == "signal":
        child.process.send_signal(signal.SIGTERM)
    else:
        child.process.stdin.close()
        child.process.stdin = None
    assert child.process.wait(timeout=10) == 3

    assert index.segment_ids() == before
    assert not list(index.epoch.rglob("*.tmp"))
    assert keep_up(index.index)["merges"] == 1
    assert not index.has_orphans()


def test_builds_and_upkeep_in_turn_leave_what_git_has(
    tmp_path: Path, build: Callable[..., Any]
) -> None:
    checkout, mirror = Checkout(tmp_path / "work"), tmp_path / "mirror.git"
    index = Filled(tmp_path / "index")
    for number in range(2 * FAN_IN):
        content = f"needle {number}\n" * (number % 3 + 1)
        checkout.commit({f"dir/file-{number % 5}": content, f"new-{number}": content})
        build(checkout.mirror(mirror))
        keep_up(index.index)
        assert not index.has_orphans()
    assert len(index.segment_ids()) < FAN_IN
    head = git(mirror, "rev-parse", "main")
    found = set(index.lines("needle"))
    assert found == git_grep(mirror, head, "needle")
    for name in index.segment_ids():
        with closing(SegmentReader(epochs.segment_path(index.epoch, name))) as reader:
            assert reader.documents
