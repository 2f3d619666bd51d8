"""What a pattern is to the search: a condition on documents, and the lines that match in one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from cidxd.errors import InvalidError
from cidxd.indexer.condition import Condition

Span = tuple[int, int]


class LineHits(NamedTuple):
    """
    A line with occurrences.

    Attributes:
        number: Of the line, from 1.
        start: Offset of the line within the content, in bytes.
        end: Offset of its line feed, or of the content's end.
        spans: Offsets of the occurrences within the content; ascending, never empty, disjoint.
    """

    number: int
    start: int
    end: int
    spans: list[Span]


class Pattern(Protocol):
    """A literal or a regular expression, checked when it was made."""

    def condition(self) -> Condition:
        """Return what a document that matches must contain; `ANYTHING` if nothing is certain."""

    def lines(self, content: bytes, after: int = 0) -> Iterator[LineHits]:
        """Yield the lines with occurrences, in order, from the one after line number *after*."""


def refused(message: str, hint: str, pointer: str = "/q") -> InvalidError:
    """Return the error for a pattern that cannot be searched for."""
    return InvalidError(message, code="pattern-invalid", hint=hint, pointer=pointer)
