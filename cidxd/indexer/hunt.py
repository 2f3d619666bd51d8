"""
Finding matches in order without looking at all of them.

In each repository the definitions named exactly like the pattern come first.  Then the
trigrams of the pattern give candidate documents.  Are they few, their paths are fetched and
sorted; are they many, the paths are walked in order and the others passed over.  Either way
files are read and searched one by one, and only for as long as the caller goes on asking.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from cidxd.indexer.catalog import Entry, Places
from cidxd.indexer.catalog_definitions import Definition
from cidxd.indexer.condition import ANYTHING, Condition
from cidxd.indexer.cursor import Position
from cidxd.indexer.numbered import NumberedLines
from cidxd.indexer.pattern import LineHits
from cidxd.indexer.query import Query, Show
from cidxd.indexer.source import Source, blamed

Candidates = Mapping[int, Sequence[int]]  # documents by segment number
Place = tuple[bytes, int]  # path and line

REST: Final = 1  # rank of what is not a definition named exactly so
_STEP_BYTES: Final = 1 << 20  # searched between two steps at most, if nothing is found
_FILE_BYTES: Final = 1 << 12  # that a file counts for beside its content
_WALK: Final = 0.4  # cost of walking past an entry, as a part of that of fetching one by its blob


class Looked(NamedTuple):
    """
    A step of the hunt.

    Attributes:
        position: How far everything before and with it is done.
        path: The file.
        content: Its bytes.
        hits: A line with matches; None says that this file and all before it are done.
        lines: How many lines of the file match, where that was asked for.
        definition: What is defined there, where definitions were asked for.
    """

    position: Position
    path: bytes
    content: bytes
    hits: LineHits | None
    lines: int = 0
    definition: Definition | None = None


def look_for_text(
    source: Source, number: int, query: Query, start: Position | None, first: Sequence[Place]
) -> Generator[Looked, None, None]:
    """
    Yield the steps through repository *number*, those after *start*.

    Args:
        source: The repository's branch.
        number: Of the repository in the query.
        query: What to look for.
        start: How far earlier answers came in this repository, None if not at all.
        first: Lines that come before all others if they match, in their order.

    Raises:
        IndexFaultError: The index is damaged or cannot be read.
    """
    with blamed(source.place, source.index.epoch):
        if start is None or start.rank < REST:
            yield from _look_first(source, number, query, start, first)
            start = None
        yield from _look_in(source, number, query, start, frozenset(first))


def _look_first(
    source: Source, number: int, query: Query, start: Position | None, first: Sequence[Place]
) -> Iterator[Looked]:
    seen = start.line or 0 if start is not None else 0  # here lines are numbers within *first*
    for path, group in groupby(enumerate(first[seen:], seen + 1), lambda one: one[1][0]):
        entry = source.index.catalog.entry_at(source.branch.branch_id, path)
        content = None if entry is None else source.content(entry)
        if content is None:
            continue
        lines = NumberedLines(content)
        for at, (_, line) in group:
            if hits := lines.hits(query.pattern, line):
                yield Looked(Position(number, 0, 0, path, at), path, content, hits)


def _look_in(
    source: Source, number: int, query: Query, after: Position | None, done: frozenset[Place]
) -> Iterator[Looked]:
    unsaid_bytes = 0
    for entry in _files(source, query, after):
        content = source.content(entry)
        if content is None:
            continue
        is_resumed = after is not None and entry.path == after.path
        seen = (after.line or 0) if after is not None and is_resumed else 0
        for hits, count in _hits(query, content, seen):
            if (entry.path, hits.number) not in done:
                position = Position(number, REST, entry.path_class, entry.path, hits.number)
                yield Looked(position, entry.path, content, hits, count)
        unsaid_bytes += len(content) + _FILE_BYTES
        if unsaid_bytes > _STEP_BYTES:
            unsaid_bytes = 0
            position = Position(number, REST, entry.path_class, entry.path, None)
            yield Looked(position, entry.path, content, None)


def _hits(query: Query, content: bytes, seen: int) -> Iterator[tuple[LineHits, int]]:
    lines = query.pattern.lines(content, seen)
    if query.show is Show.LINES:
        yield from ((hits, 0) for hits in lines)
    elif seen == 0 and (first := next(lines, None)) is not None:
        yield first, 1 + (sum(1 for _ in lines) if query.show is Show.COUNT else 0)


def _files(source: Source, query: Query, after: Position | None) -> Iterator[Entry]:
    """Yield the files that may match, in order."""
    candidates = _candidates(source, query.pattern.condition())
    if candidates is None or not _are_few(candidates, source.branch.files, query.limit):
        yield from _walked(source, query, candidates, after)
        return
    entries = (entry for entry in _placed(source, candidates) if query.admits(entry.path))
    yield from sorted(entry for entry in entries if _is_after(entry, after))


def _are_few(candidates: Candidates, files: int, limit: int) -> bool:
    """Whether fetching all candidates costs less than walking until *limit* of them came by."""
    count = sum(map(len, candidates.values()))
    return count <= _WALK * files * min(1.0, limit / max(1, count))


def _candidates(source: Source, condition: Condition) -> Candidates | None:
    if condition == ANYTHING:
        return None
    found: dict[int, Sequence[int]] = {}
    for number, row in source.segments.items():
        documents = source.segment(number).candidates(condition)
        found[number] = range(row.documents) if documents is None else documents
    return found


def _placed(source: Source, candidates: Candidates) -> Iterator[Entry]:
    catalog = source.index.catalog
    blob_ids: list[int] = []
    for number, documents in candidates.items():
        blob_ids += catalog.blobs_of(number, documents).values()
    return catalog.entries_of_blobs(source.branch.branch_id, blob_ids)


def _walked(
    source: Source, query: Query, candidates: Candidates | None, after: Position | None
) -> Iterator[Entry]:
    places: dict[int | None, frozenset[int]] | None = None
    if candidates is not None:
        places = {number: frozenset(found) for number, found in candidates.items()}
    for entry in _in_order(source, after, places):
        if entry.segment_number is not None and query.admits(entry.path):
            yield entry


def _in_order(source: Source, after: Position | None, places: Places | None) -> Iterator[Entry]:
    """Yield the entries after a position; its own file first, unless that is done."""
    catalog, branch_id = source.index.catalog, source.branch.branch_id
    if after is None or not after.path:
        yield from catalog.entries_in_order(branch_id, None, places)
        return
    if after.line is not None:
        same = catalog.entry_at(branch_id, after.path)
        yield from () if same is None else (same,)
    yield from catalog.entries_in_order(branch_id, (after.path_class, after.path), places)


def _is_after(entry: Entry, after: Position | None) -> bool:
    if after is None:
        return True
    here, there = entry[:2], (after.path_class, after.path)
    return here > there or (here == there and after.line is not None)
