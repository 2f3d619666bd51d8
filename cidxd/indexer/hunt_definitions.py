"""
Finding definitions by their name: exactly so, then by its beginning, then by a part of it.

Are there few of a rank, they are fetched and sorted; are there many, the paths are walked in
order.  Only the files that are shown are read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterator
from itertools import groupby
from typing import Final

from cidxd.indexer import catalog_definitions as table
from cidxd.indexer.catalog import Entry
from cidxd.indexer.catalog_definitions import Definition, Name, Rank
from cidxd.indexer.cursor import Position
from cidxd.indexer.hunt import Looked, Place
from cidxd.indexer.numbered import NumberedLines
from cidxd.indexer.pattern import LineHits
from cidxd.indexer.query import Query
from cidxd.indexer.source import Source, blamed

Found = tuple[Entry, Definition]

_FEW: Final = 2000  # definitions that are sorted rather than all paths walked
_FIRST: Final = 5000  # definitions of one name that come before all other lines


def look_for_name(
    source: Source, number: int, query: Query, name: Name, start: Position | None
) -> Generator[Looked, None, None]:
    """
    Yield the steps through repository *number*, those after *start*; as `hunt.look_for_text`.

    Raises:
        IndexFaultError: The index is damaged or cannot be read.
    """
    with blamed(source.place, source.index.epoch):
        for rank in Rank:
            if start is not None and rank < start.rank:
                continue
            after = start if start is not None and start.rank == rank else None
            yield from _look_in(source, number, query, name, rank, after)


def places_of(source: Source, query: Query, name: Name) -> list[Place]:
    """Return the lines that define *name*, in order; none where there are too many of them."""
    with blamed(source.place, source.index.epoch):
        catalog = source.index.catalog
        if table.count_definitions(catalog, name, Rank.EXACT, _FIRST + 1) > _FIRST:
            return []
        found = _sorted(source, name, Rank.EXACT)
        places = ((entry.path, definition.line) for entry, definition in found)
        return [place for place in dict.fromkeys(places) if query.admits(place[0])]


def _look_in(  # noqa: PLR0917 - what the caller knows of the place
    source: Source, number: int, query: Query, name: Name, rank: Rank, after: Position | None
) -> Iterator[Looked]:
    found = _found(source, name, rank, after)
    for path, group in groupby(found, lambda one: one[0].path):
        if not query.admits(path):
            continue
        lines: NumberedLines | None = None
        for entry, definition in group:
            content = source.content(entry) if lines is None else lines.content
            if content is None:
                break
            lines = lines or NumberedLines(content)
            position = Position(number, rank, entry.path_class, path, definition.number)
            hits = _hits(query, lines, definition.line)
            yield Looked(position, path, content, hits, definition=definition)


def _found(source: Source, name: Name, rank: Rank, after: Position | None) -> Iterator[Found]:
    catalog, branch_id = source.index.catalog, source.branch.branch_id
    there = None if after is None else (after.path_class, after.path)
    if table.count_definitions(catalog, name, rank, _FEW + 1) <= _FEW:
        found: Iterator[Found] = iter(_sorted(source, name, rank))
    else:
        found = table.definitions_in_order(catalog, branch_id, name, rank, there)
    for entry, definition in found:
        if there is None or (entry.path_class, entry.path, definition.number) > (
            *there,
            after.line if after is not None and after.line is not None else -1,
        ):
            yield entry, definition


def _sorted(source: Source, name: Name, rank: Rank) -> list[Found]:
    catalog = source.index.catalog
    by_blob: dict[int, list[Definition]] = defaultdict(list)
    for definition in table.definitions(catalog, name, rank):
        by_blob[definition.blob_id].append(definition)
    entries = catalog.entries_of_blobs(source.branch.branch_id, list(by_blob))
    pairs = [(entry, one) for entry in entries for one in by_blob[entry.blob_id]]
    return sorted(pairs, key=lambda pair: (pair[0].path_class, pair[0].path, pair[1].number))


def _hits(query: Query, lines: NumberedLines, number: int) -> LineHits:
    """Return the line of a definition, with its name marked if it stands there."""
    start, end = lines.span(number)
    found = lines.hits(query.pattern, number)
    return found or LineHits(number, start, end, [(start, start)])
