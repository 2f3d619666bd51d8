"""What a search reads from: a branch of an index, in a read transaction; and whose fault it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cidxd.errors import FaultError, NotFoundError
from cidxd.indexer.catalog import Branch, Entry, SegmentRow
from cidxd.indexer.query import Place
from cidxd.indexer.segment import SegmentReader
from cidxd.indexer.shelf import OpenIndex, Shelf


class IndexFaultError(Exception):
    """
    Something was wrong with one index while it was searched.

    Attributes:
        place: Whose index.
        epoch: The folder, if it is known.
        fault: What was wrong.
    """

    def __init__(self, place: Place, epoch: Path | None, fault: FaultError) -> None:
        super().__init__(place.name, fault)
        self.place = place
        self.epoch = epoch
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Source:
    """A branch of an index whose read transaction is open."""

    place: Place
    index: OpenIndex
    branch: Branch
    segments: Mapping[int, SegmentRow]

    def segment(self, number: int) -> SegmentReader:
        """
        Return a segment by its number in the catalogue.

        Raises:
            FaultError: `index-damaged`.
        """
        row = self.segments.get(number)
        if row is None:
            raise FaultError("index-damaged", f"the catalogue has no segment {number}")
        return self.index.segment(row)

    def content(self, entry: Entry) -> bytes | None:
        """Return what a search looks at of an entry; None where its content is not indexed."""
        if entry.segment_number is None or entry.document is None:
            return None
        return self.segment(entry.segment_number).content(entry.document)


def open_sources(shelf: Shelf, places: Iterable[Place], transactions: ExitStack) -> list[Source]:
    """
    Return the branches that *places* name, each index in a read transaction of *transactions*.

    Raises:
        NotFoundError: `not-indexed` or `branch-not-indexed`.
        IndexFaultError: An index cannot be read.
    """
    entered: dict[Path, OpenIndex] = {}
    sources = []
    for place in places:
        if place.index not in entered:
            entered[place.index] = taken(shelf, place)
            with blamed(place, entered[place.index].epoch):
                transactions.enter_context(entered[place.index].catalog)
        index = entered[place.index]
        with blamed(place, index.epoch):
            branch = chosen_branch(place, index.catalog.branches())
            rows = {row.number: row for row in index.catalog.segments()}
            index.keep_only(rows.values())
            index.check_files(rows.values())
        sources.append(Source(place, index, branch, rows))
    return sources


@contextmanager
def blamed(place: Place, epoch: Path | None = None) -> Iterator[None]:
    """Say of faults within whose index they are about."""
    try:
        yield
    except FaultError as err:
        raise IndexFaultError(place, epoch, err) from err


def chosen_branch(place: Place, branches: Iterable[Branch]) -> Branch:
    """
    Return the branch that *place* names, or the default one.

    Raises:
        NotFoundError: `branch-not-indexed`.
    """
    for branch in branches:
        if branch.is_default if place.branch is None else branch.name == place.branch:
            return branch
    name = "the default branch" if place.branch is None else f"branch {place.branch}"
    raise NotFoundError(
        f"not indexed: {name} of {place.name or 'the repository'}",
        code="branch-not-indexed",
        hint=f"track it, then sync: cidx sync {place.name}".rstrip(),
    )


def taken(shelf: Shelf, place: Place) -> OpenIndex:
    """
    Return the open index of *place*.

    Raises:
        NotFoundError: `not-indexed`.
        IndexFaultError: It cannot be opened.
    """
    with blamed(place):
        index = shelf.take(place.index)
    if index is None:
        raise NotFoundError(
            f"not indexed yet: {place.name or 'the repository'}",
            code="not-indexed",
            hint=f"cidx sync {place.name}".rstrip(),
        )
    return index
