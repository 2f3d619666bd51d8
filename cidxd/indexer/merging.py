"""
Which segments become one: small ones of a size, and those with too much dead content.

Segments stand in classes by their living text, each class `FAN_IN` times the one below.
Is a class as full as that, it becomes one segment of a higher class, and what is smaller
goes along.  So whatever the history, fewer than `FAN_IN` segments of each class are left
beside the full ones, and a byte is written again about once for each class it passes.

Dead content is kept until it is worth a merge, for a revert brings it back to life.
Nothing here reads or writes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

FAN_IN: Final = 8
SMALL_BYTES: Final = 64 * 1024  # less text than this is not told apart: its file costs more
CLASSES: Final = 4  # below the full ones, which have half of TEXT_BYTES or more
DOCUMENT_BYTES: Final = 64  # a document counts for so much more: 2**20 fit into a segment
DEAD_SHARE: Final = 0.3  # of a segment's text
DEAD_SKIPS: Final = 1000  # rows of blobs without content; a row is about a hundred bytes


class Extent(NamedTuple):
    """
    How much text of a segment some entry refers to, and how much none does.

    In bytes, with DOCUMENT_BYTES for each document.
    """

    number: int
    live_bytes: int
    dead_bytes: int


def size_class(live_bytes: int) -> int:
    """Return the class of a segment: 0 for a small one, `CLASSES` for a full one."""
    bounds = (SMALL_BYTES * FAN_IN**power for power in range(CLASSES))
    return sum(live_bytes >= bound for bound in bounds)


def next_merge(extents: Collection[Extent], limit_bytes: int) -> list[int]:
    """
    Return the numbers of the segments to merge next, ascending; none if all is well.

    Their living text is *limit_bytes* at most, unless it is one segment's alone.
    """
    chosen = _crowded(extents) or [extent for extent in extents if is_mostly_dead(extent)]
    return sorted(extent.number for extent in _fitting(chosen, limit_bytes))


def is_mostly_dead(extent: Extent) -> bool:
    """Whether so much of a segment is dead that it is written again without that."""
    share = DEAD_SHARE * (extent.live_bytes + extent.dead_bytes)
    return extent.dead_bytes >= SMALL_BYTES and extent.dead_bytes > share


def _crowded(extents: Iterable[Extent]) -> list[Extent]:
    """Return the smallest class that is due, with all below it."""
    below: list[Extent] = []
    classes: list[list[Extent]] = [[] for _ in range(CLASSES + 1)]
    for extent in extents:
        classes[size_class(extent.live_bytes)].append(extent)
    for members in classes[:CLASSES]:
        below += members
        if len(members) >= FAN_IN:
            return below
    return []


def _fitting(extents: Iterable[Extent], limit_bytes: int) -> list[Extent]:
    """Return as many as fit into one segment, the smallest first."""
    fitting: list[Extent] = []
    size = 0
    for extent in sorted(extents, key=lambda extent: (extent.live_bytes, extent.number)):
        size += extent.live_bytes
        if fitting and size > limit_bytes:
            break
        fitting.append(extent)
    return fitting
