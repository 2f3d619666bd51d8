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
        spans: Offsets of the occurrences within the content; ascending, disjoint, never none.
            An occurrence of no length is there only when it is the only one.
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


def encoded(text: str) -> bytes:
    """
    Return *text* as it is looked for; lone surrogates stand for bytes that are not UTF-8.

    Raises:
        InvalidError: `pattern-invalid`: it is empty, or no line can contain it.
    """
    if not text:
        raise refused("the pattern is empty", "write what to look for")
    if "\n" in text or "\0" in text:
        what = "a line break" if "\n" in text else "a NUL"
        raise refused(f"the pattern has {what} in it", "search for one line's text at a time")
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as err:
        raise refused("the pattern is not Unicode text", "remove the lone surrogate") from err
