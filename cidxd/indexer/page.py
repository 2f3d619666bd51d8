"""One answer to a query: as many matches as fit, where it ended, and what it is the truth about."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Any, Final

from cidxd.indexer import cursor
from cidxd.indexer.catalog_counts import count_files_upto
from cidxd.indexer.catalog_definitions import count_unparsed
from cidxd.indexer.cursor import Position
from cidxd.indexer.excerpt import named_path, quoted
from cidxd.indexer.hunt import Looked, look_for_text
from cidxd.indexer.hunt_definitions import look_for_name, places_of
from cidxd.indexer.query import Query, Show
from cidxd.indexer.shelf import Shelf
from cidxd.indexer.source import Source, blamed, open_sources

_ANSWER_CHARACTERS: Final = 16 << 20  # shown text of one answer; the rest is left to a cursor
_OVERHEAD: Final = 300  # characters of a match beside its lines


@dataclass(slots=True)
class Page:
    """What was found so far, and how far the hunt has come."""

    matches: list[dict[str, Any]] = field(default_factory=list)
    characters: int = 0
    position: Position | None = None
    has_more: bool = False
    is_late: bool = False


def search(shelf: Shelf, query: Query, *, clock: Callable[[], float] = time.monotonic) -> Any:  # noqa: ANN401 - JSON
    """
    Return the answer to *query* as an object ready for JSON.

    Raises:
        RequestError: The query cannot be answered as it is.
        IndexFaultError: An index is damaged or cannot be read.
    """
    started = clock()
    with ExitStack() as transactions:
        sources = open_sources(shelf, query.places, transactions)
        moving = cursor.fingerprint(_standing(source, query) for source in sources)
        start = None
        if query.cursor is not None:
            start = cursor.decode(query.cursor, query=query.fingerprint, generations=moving)
        page = Page(position=start)
        with closing(_look(sources, query, start)) as steps:
            _fill(page, steps, sources, query, lambda: clock() - started > query.timeout_s)
        elapsed = clock() - started
        reason = _reason(page.position, sources, elapsed) if page.is_late else None
        searched = [_searched(source) for source in sources]
    next_cursor = None
    if page.has_more and page.position is not None:
        next_cursor = cursor.encode(page.position, query=query.fingerprint, generations=moving)
    return {
        "matches": page.matches,
        "next_cursor": next_cursor,
        "searched": searched,
        "complete": not page.is_late,
        "reason": reason,
        "elapsed_ms": round(elapsed * 1000, 3),
    }


def _standing(source: Source, query: Query) -> str:
    """Return what has to stay as it is for a place in the answer to stay that place."""
    told = f"{source.index.epoch.name}:{source.branch.generation}"
    with blamed(source.place, source.index.epoch):
        if query.first is None or not count_unparsed(source.index.catalog):
            return told
    # Upkeep finds definitions without a new generation, and those lines then come first.
    first = places_of(source, query, query.first)
    return f"{told}:" + cursor.fingerprint(f"{path.hex()}:{line}" for path, line in first)


def _fill(
    page: Page,
    steps: Iterator[Looked],
    sources: Sequence[Source],
    query: Query,
    is_late: Callable[[], bool],
) -> None:
    """Take steps until the page is full, the time is over, or nothing is left."""
    for step in steps:
        is_full = len(page.matches) >= query.limit or page.characters > _ANSWER_CHARACTERS
        if step.hits is not None:
            if is_full:
                page.has_more = True
                return
            source = sources[step.position.repository]
            match = _match(source, step, query)
            page.matches.append(match)
            page.characters += _weight(match)
        page.position = step.position
        if is_late():
            page.has_more = True
            page.is_late = len(page.matches) < query.limit
            return


def _look(
    sources: Sequence[Source], query: Query, start: Position | None
) -> Generator[Looked, None, None]:
    """Yield the steps through all repositories, in the order of the answer, those after *start*."""
    for number, source in enumerate(sources):
        if start is not None and number < start.repository:
            continue
        after = start if start is not None and number == start.repository else None
        if query.name is not None:
            yield from look_for_name(source, number, query, query.name, after)
            continue
        first = places_of(source, query, query.first) if query.first is not None else []
        yield from look_for_text(source, number, query, after, first)


def _reason(position: Position | None, sources: Sequence[Source], elapsed_s: float) -> str:
    """Return how many files were searched or ruled out, of how many."""
    done, every = 0, sum(source.branch.files for source in sources)
    if position is not None:
        source = sources[position.repository]
        done = sum(before.branch.files for before in sources[: position.repository])
        with blamed(source.place, source.index.epoch):
            done += count_files_upto(
                source.index.catalog, source.branch.branch_id, position.path_class, position.path
            )
    return f"searched {done} of {every} files in {elapsed_s:.1f} s"


def _match(source: Source, step: Looked, query: Query) -> dict[str, Any]:
    match: dict[str, Any] = {
        "repository": source.place.name,
        "branch": source.branch.name,
        "commit": source.branch.commit,
        **named_path(step.path),
    }
    if query.show is Show.COUNT:
        match["count"] = step.lines
    if query.show is Show.LINES and step.hits is not None:
        match |= quoted(step.content, step.hits, query.context)
    if step.definition is not None:
        one = step.definition
        match["symbol"] = {"name": one.name, "kind": one.kind, "scope": one.scope}
    return match


def _weight(match: Mapping[str, Any]) -> int:
    if "text" not in match:
        return _OVERHEAD
    around = (*match.get("context_before", ()), *match.get("context_after", ()))
    ranges = 12 * len(match["ranges"])
    return _OVERHEAD + ranges + len(match["text"]) + sum(map(len, around))


def _searched(source: Source) -> dict[str, Any]:
    return {
        "repository": source.place.name,
        "branch": source.branch.name,
        "commit": source.branch.commit,
        "committed_at": source.branch.committed_at,
        "symbols": _symbols(source),
    }


def _symbols(source: Source) -> str:
    """Return how far the definitions of an index are: complete, off, or a part of its files."""
    catalog, files = source.index.catalog, source.branch.files
    with blamed(source.place, source.index.epoch):
        waiting = count_unparsed(catalog)
        is_off = catalog.settings().get("symbols") == "off"
    if waiting:
        return f"{max(0, files - waiting)} of {files} files"
    return "off" if is_off else "complete"
