"""A table of rows in memory that may be laid over another: a draft's over the committed state's."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Table(Generic[K, V]):
    """
    Rows by key, laid over another table or over nothing.

    Attributes:
        changed: What differs from the table below, in the order of change; None is dropped.
    """

    def __init__(self, below: Table[K, V] | None = None) -> None:
        self.below = below
        self.changed: dict[K, V | None] = {}

    def get(self, key: K) -> V | None:
        """Return one row, None if there is none."""
        if key in self.changed or self.below is None:
            return self.changed.get(key)
        return self.below.get(key)

    def values(self) -> Iterator[V]:
        """Yield every row, in the order of `items`."""
        return (row for _, row in self.items())

    def items(self) -> Iterator[tuple[K, V]]:
        """Yield every key and row: those below in their order, then the changed ones."""
        if self.below is not None:
            yield from ((key, row) for key, row in self.below.items() if key not in self.changed)
        yield from ((key, row) for key, row in self.changed.items() if row is not None)

    def put(self, key: K, row: V) -> None:
        """Add or replace a row."""
        self.changed.pop(key, None)  # the newest change stands last
        self.changed[key] = row

    def drop(self, key: K) -> None:
        """Remove a row."""
        if self.below is None:
            self.changed.pop(key, None)
        else:
            self.changed[key] = None

    def forget_old(self, kept: int) -> None:
        """Drop all but the *kept* rows that changed last; for a table laid over nothing."""
        for key in list(itertools.islice(self.changed, max(0, len(self.changed) - kept))):
            del self.changed[key]

    def absorb(self, above: Table[K, V]) -> None:
        """Take over what *above*, a table laid over this one, changed."""
        for key, row in above.changed.items():
            if row is None:
                self.drop(key)
            else:
                self.put(key, row)
