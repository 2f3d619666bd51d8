"""
The upkeep child: merges segments and drops dead content while nobody syncs the repository.

It may be ended at any moment.  A merge counts from its commit on; before, its file has no
row, and after, the old files have none, and a file without a row is swept by whoever opens
the index for writing next.
"""

from __future__ import annotations

import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from cidxd.errors import FaultError
from cidxd.indexer import epoch as epochs
from cidxd.indexer import merging, protocol
from cidxd.indexer.catalog import SegmentRow
from cidxd.indexer.catalog_definitions import count_unparsed
from cidxd.indexer.catalog_upkeep import Living, UpkeepCatalog
from cidxd.indexer.contents import Contents
from cidxd.indexer.conversation import Conversation, expect, translate
from cidxd.indexer.merging import Extent
from cidxd.indexer.parsing import check_engine, parse_some
from cidxd.indexer.segment import TEMPORARY, TEXT_BYTES, SegmentReader, Written
from cidxd.indexer.segment_writer import SegmentWriter
from cidxd.indexer.target import open_checked
from cidxd.indexer.usage import peak_rss_bytes
from cidxd.indexer.validation import is_blob

_SYMBOLS_BUDGET_S: Final = 5.0  # then it says how far it is
Progress = Callable[[int, int, str, int], None]  # done, total, unit, bytes


@dataclass(frozen=True, slots=True)
class Work:
    """
    An epoch at which upkeep is at work.

    Attributes:
        progress: Hears how far the running step is; as `Conversation.progress`.
        counters: What was done, for `done`.
    """

    epoch: Path
    catalog: UpkeepCatalog
    progress: Progress
    counters: Counter[str] = field(default_factory=Counter)


Step = Callable[[Work], None]


class _Source(NamedTuple):
    """A segment to merge, with the documents that move."""

    row: SegmentRow
    living: list[Living]

    @property
    def is_whole(self) -> bool:
        return len(self.living) == self.row.documents


def main() -> int:
    """Hold one conversation on stdin and stdout; return the exit code."""
    talk = Conversation()
    try:
        request = talk.request()
        index = read_request(request)
        talk.on_stop = lambda: remove_temporary(index)
        is_sweep = request["type"] == "sweep"
        counters = sweep(index) if is_sweep else keep_up(index, talk.progress)
    except Exception as err:  # noqa: BLE001 - the border of the process: every fault is said
        fault = translate(err)
        if fault.code == "index-failed":
            traceback.print_exc(file=sys.stderr)
        talk.fail(fault)
        return protocol.EXIT_FAILED
    talk.conclude({"type": "done", "counters": counters, "peak_rss_bytes": peak_rss_bytes()})
    return 0


def read_request(message: dict[str, Any]) -> Path:
    """
    Return the index folder that a request, to keep it up or to sweep it, names.

    Raises:
        FaultError: `child-protocol`.
    """
    expect(message, "sweep" if message.get("type") == "sweep" else "upkeep")
    if not isinstance(message.get("index"), str):
        raise FaultError("child-protocol", "the upkeep request names no index")
    return Path(message["index"])


def keep_up(index: Path, progress: Progress) -> dict[str, int]:
    """
    Do what is to be done for an index; return how much that was, empty if there was nothing.

    Nothing is for one that was never published, is damaged, or is of another format: the
    next sync goes on with it or replaces it.

    Raises:
        FaultError: `index-damaged` (the epoch is marked then), `disk-full` and others.
        OSError: The disk refused.
    """
    epoch = epochs.current_epoch(index)
    if epoch is None or epochs.is_marked_damaged(epoch):
        return {}
    epochs.sweep_index(index, epoch)
    try:
        with closing(open_checked(epoch, UpkeepCatalog)) as catalog:
            work = Work(epoch, catalog, progress)
            for step in STEPS:
                step(work)
            return {name: count for name, count in work.counters.items() if count}
    except FaultError as fault:
        if fault.code == "index-outdated":
            return {}
        if fault.code == "index-damaged":
            epochs.mark_damaged(epoch, fault.detail)
        raise


def sweep(index: Path) -> dict[str, int]:
    """
    Remove what a build that was killed has left; return no counters, for nobody asks.

    That is files half written, segments without a row, and an epoch beside the current one.

    Raises:
        FaultError: `index-damaged` or `index-outdated`; the next build sees to that.
        OSError: The disk refused.
    """
    remove_temporary(index)
    epoch = epochs.current_epoch(index)
    if epoch is not None and not epochs.is_marked_damaged(epoch):
        epochs.sweep_index(index, epoch)
        open_checked(epoch, UpkeepCatalog).close()
    return {}


def remove_temporary(index: Path) -> None:
    """Remove the files that are being written."""
    for path in index.rglob("*" + TEMPORARY):
        path.unlink(missing_ok=True)


def merge_segments(work: Work) -> None:
    """Merge as long as the policy asks for it."""
    extents = {extent.number: extent for extent in work.catalog.extents()}
    while numbers := merging.next_merge(extents.values(), TEXT_BYTES):
        gone = [extents.pop(number) for number in numbers]
        live_bytes = sum(extent.live_bytes for extent in gone)
        number = _merge(work, numbers, live_bytes)
        if number is not None:
            extents[number] = Extent(number, live_bytes, 0)
        work.counters["merges"] += 1
        work.counters["merged_segments"] += len(gone)
        work.counters["dropped_bytes"] += sum(extent.dead_bytes for extent in gone)


def drop_dead_skips(work: Work) -> None:
    """Forget dead blobs without content, once there are many."""
    if (count := work.catalog.count_dead_skips()) >= merging.DEAD_SKIPS:
        work.catalog.drop_dead_skips()
        work.counters["dropped_skips"] += count


def make_symbols(work: Work) -> None:
    """Find the definitions that a large build has left to be found, the oldest blobs first."""
    engine = str(work.catalog.settings().get("symbols", "off"))
    total = count_unparsed(work.catalog)
    if not total or engine == "off":
        return
    check_engine(engine)
    with Contents(work.epoch, work.catalog) as contents:
        left = total
        while left:
            left = parse_some(
                work.catalog, work.epoch, contents.read, engine, budget_s=_SYMBOLS_BUDGET_S
            )
            work.progress(total - left, total, "files", 0)
    work.counters["parsed_blobs"] += total


# What upkeep is, in this order: content that is dropped needs no symbols.
STEPS: Final[Sequence[Step]] = (merge_segments, drop_dead_skips, make_symbols)


def _merge(work: Work, numbers: Sequence[int], live_bytes: int) -> int | None:
    """Put one segment in the place of these; return its number, None if all in them is dead."""
    rows = {row.number: row for row in work.catalog.segments()}
    sources = [_Source(rows[number], work.catalog.living(number)) for number in numbers]
    moving = [source for source in sources if source.living]
    if len(moving) == 1 and moving[0].is_whole:
        # Its copy would be the same file under the same name.
        kept = moving[0].row.number
        _replace(work, [source.row for source in sources if source.row.number != kept], None, [])
        return kept
    written = _written(work, moving, live_bytes) if moving else None
    blob_ids = [document.blob_id for source in moving for document in source.living]
    number = _replace(work, [source.row for source in sources], written, blob_ids)
    work.counters["written_segments"] += written is not None
    work.counters["written_bytes"] += live_bytes
    return number


def _replace(
    work: Work, rows: Sequence[SegmentRow], written: Written | None, blob_ids: Sequence[int]
) -> int | None:
    number = work.catalog.replace_segments([row.number for row in rows], written, blob_ids)
    for row in rows:
        epochs.segment_path(work.epoch, row.segment_id).unlink(missing_ok=True)
    return number


def _written(work: Work, sources: Iterable[_Source], live_bytes: int) -> Written:
    """Write the living documents, in the order in which they lay, into a new segment."""
    writer = SegmentWriter(work.epoch / epochs.SEGMENTS)
    try:
        for source in sources:
            _copy(work, source, writer, live_bytes)
        written = writer.finish()
    except BaseException:
        writer.abandon()
        raise
    path = epochs.segment_path(work.epoch, written.segment_id)
    with closing(SegmentReader(path)) as reader:  # which verifies its checksums
        if (reader.checksum, reader.documents) != (written.checksum, written.documents):
            raise FaultError("index-invalid", f"segment {written.segment_id} is another one")
    return written


def _copy(work: Work, source: _Source, writer: SegmentWriter, live_bytes: int) -> None:
    path = epochs.segment_path(work.epoch, source.row.segment_id)
    try:
        reader = SegmentReader(path)
    except OSError as err:
        raise FaultError("index-damaged", f"segment {source.row.segment_id}: {err}") from err
    with closing(reader):
        for document in source.living:
            content = reader.content(document.document)
            if not is_blob(document.oid, content):
                what = f"blob {document.oid.hex()} reads differently from segment {path.stem}"
                raise FaultError("index-damaged", what)
            writer.add(document.oid, content)
            work.progress(writer.text_bytes, live_bytes, "bytes", writer.text_bytes)
