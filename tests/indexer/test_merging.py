from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cidxd.indexer.merging import (
    CLASSES,
    DEAD_SHARE,
    DOCUMENT_BYTES,
    FAN_IN,
    SMALL_BYTES,
    Extent,
    is_mostly_dead,
    next_merge,
    size_class,
)
from cidxd.indexer.postings import MAX_DOCUMENTS
from cidxd.indexer.segment import TEXT_BYTES

KIB = 1024
MIB = 1024 * KIB


def extents(*sizes: int | tuple[int, int]) -> list[Extent]:
    """Segments 1, 2, …: living text, or living and dead text."""
    pairs = [size if isinstance(size, tuple) else (size, 0) for size in sizes]
    return [Extent(number, *pair) for number, pair in enumerate(pairs, 1)]


@pytest.mark.parametrize(
    ("live_bytes", "expected"),
    [
        (0, 0), (64 * KIB - 1, 0), (64 * KIB, 1), (512 * KIB - 1, 1), (512 * KIB, 2),
        (4 * MIB - 1, 2), (4 * MIB, 3), (32 * MIB - 1, 3), (32 * MIB, 4), (64 * MIB, 4),
        (500 * MIB, 4),
    ],
)  # fmt: skip
def test_a_segment_belongs_to_the_class_of_its_living_text(live_bytes: int, expected: int) -> None:
    assert size_class(live_bytes) == expected


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        # Nothing to do.
        ([], []),
        ([50 * MIB], []),
        ([100] * 7, []),
        ([100] * 7 + [100 * KIB] * 7 + [MIB] * 7 + [10 * MIB] * 7 + [40 * MIB] * 30, []),
        # A crowded class goes, with what is smaller; a larger class waits for its turn.
        ([100] * 8, [1, 2, 3, 4, 5, 6, 7, 8]),
        ([40 * MIB] + [100] * 8, [2, 3, 4, 5, 6, 7, 8, 9]),
        ([100, MIB, *[100 * KIB] * 8], [1, 3, 4, 5, 6, 7, 8, 9, 10]),
        ([100 * KIB] * 8 + [100] * 8, list(range(9, 17))),
        # No more than fits into one segment, the smallest first.
        ([30 * MIB] * 8, [1, 2]),
        ([30 * MIB, *[5 * MIB] * 8], [2, 3, 4, 5, 6, 7, 8, 9]),
        # Full segments are not merged, however many they are.
        ([33 * MIB] * 100, []),
    ],
)  # fmt: skip
def test_segments_of_one_size_become_one(sizes: list[int], expected: list[int]) -> None:
    assert next_merge(extents(*sizes), TEXT_BYTES) == expected


@pytest.mark.parametrize(
    ("extent", "expected"),
    [
        ((10 * MIB, 4 * MIB), False),
        ((10 * MIB, 5 * MIB), True),
        ((0, 5 * MIB), True),
        ((70_000, 60_000), False),  # not worth a file yet: a crowd of such will be
        ((0, 60_000), False),
        ((10, SMALL_BYTES), True),
    ],
)
def test_a_segment_is_written_again_without_its_dead_once_they_are_many(
    extent: tuple[int, int], *, expected: bool
) -> None:
    (one,) = extents(extent)
    assert is_mostly_dead(one) is expected
    assert next_merge([one], TEXT_BYTES) == ([1] if expected else [])


def test_segments_with_dead_content_are_written_together_as_far_as_they_fit() -> None:
    found = next_merge(extents((40 * MIB, 24 * MIB), (20 * MIB, 30 * MIB), (0, MIB)), TEXT_BYTES)
    assert found == [1, 2, 3]
    found = next_merge(extents((40 * MIB, 24 * MIB), (30 * MIB, 30 * MIB), (0, MIB)), TEXT_BYTES)
    assert found == [2, 3]


def test_one_segment_over_the_limit_is_rewritten_alone() -> None:
    assert next_merge(extents((90 * MIB, 90 * MIB), (80 * MIB, 90 * MIB)), TEXT_BYTES) == [2]


def test_no_merge_has_more_documents_than_a_segment_can_hold() -> None:
    assert MAX_DOCUMENTS * DOCUMENT_BYTES >= TEXT_BYTES


@dataclasses.dataclass
class Store:
    """Segments as lists of document sizes, dead documents marked; merged as upkeep does it."""

    segments: dict[int, dict[int, int]] = dataclasses.field(default_factory=dict)
    dead: set[int] = dataclasses.field(default_factory=set)
    documents: int = 0
    written: int = 0  # by syncs; no segment counts for less than SMALL_BYTES
    rewritten: int = 0

    def sync(self, sizes: list[int]) -> None:
        while sizes:
            taken: dict[int, int] = {}
            while sizes and (not taken or sum(taken.values()) + sizes[0] <= TEXT_BYTES):
                taken[self.documents] = sizes.pop(0)
                self.documents += 1
            self.written += self._put(taken)

    def kill(self, share: float, of: int) -> None:
        living = sorted({d for one in self.segments.values() for d in one} - self.dead)
        start = of % (len(living) or 1)
        self.dead.update(living[start : start + int(share * len(living))])

    def merge(self) -> None:
        while numbers := next_merge(self.extents(), TEXT_BYTES):
            assert len(numbers) > 1 or self.dead & self.segments[numbers[0]].keys()
            taken = [self.segments.pop(number) for number in numbers]
            living = {d: size for one in taken for d, size in one.items() if d not in self.dead}
            self.dead -= {d for one in taken for d in one}
            if living:
                assert sum(living.values()) <= TEXT_BYTES or len(numbers) == 1
                self.rewritten += self._put(living)

    def extents(self) -> list[Extent]:
        def size(documents: dict[int, int], *, is_dead: bool) -> int:
            return sum(s for d, s in documents.items() if (d in self.dead) is is_dead)

        return [
            Extent(number, size(one, is_dead=False), size(one, is_dead=True))
            for number, one in self.segments.items()
        ]

    def _put(self, documents: dict[int, int]) -> int:
        self.segments[max(self.segments, default=0) + 1] = documents
        return max(sum(documents.values()), SMALL_BYTES)


SIZES = st.one_of(
    st.integers(0, 20_000).map(lambda size: [size]),  # a one-file sync, by far the commonest
    st.lists(st.integers(0, 300_000), min_size=1, max_size=30),
    st.tuples(st.integers(100_000, MIB), st.integers(1, 200)).map(lambda two: [two[0]] * two[1]),
)
SYNCS = st.lists(
    st.tuples(SIZES, st.integers(1, 30), st.sampled_from([0, 0, 0.02, 0.2, 0.9]), st.integers(0)),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(SYNCS)
def test_any_history_leaves_few_segments_all_that_lives_and_little_that_is_dead(
    syncs: list[tuple[list[int], int, float, int]],
) -> None:
    store = Store()
    gone: set[int] = set()
    for sizes, times, share, of in syncs:
        for _ in range(times):
            store.sync(list(sizes))
            store.kill(share, of)
            gone |= store.dead
            store.merge()

            found = store.extents()
            full = sum(size_class(extent.live_bytes) == CLASSES for extent in found)
            assert len(found) - full <= CLASSES * (FAN_IN - 1)
            assert full <= sum(extent.live_bytes for extent in found) / (TEXT_BYTES / 2)
            for extent in found:
                bound = DEAD_SHARE / (1 - DEAD_SHARE) * extent.live_bytes
                assert extent.dead_bytes <= max(SMALL_BYTES, bound)
    kept = {document for one in store.segments.values() for document in one}
    assert kept - store.dead == set(range(store.documents)) - gone
    # Once for each class, and for what dies twice its own size at most, and a bit.
    assert store.rewritten <= (CLASSES + 3) * store.written


def test_thousands_of_small_syncs_write_each_byte_a_few_times_only() -> None:
    store = Store()
    for _ in range(5000):
        store.sync([10_000])
        store.merge()
    assert store.rewritten <= 2 * store.written
    text = sum(extent.live_bytes for extent in store.extents())
    assert text == 5000 * 10_000
    assert len(store.segments) <= 20
