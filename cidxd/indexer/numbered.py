"""The lines of one content by their numbers, for whoever asks for many of them.  Pure."""

from __future__ import annotations

import re
from typing import Final

from cidxd.indexer.pattern import LineHits, Pattern, Span

_LINE_FEED: Final = re.compile(rb"\n")


class NumberedLines:
    """
    Finds lines by number without counting from the beginning each time.

    Attributes:
        content: Of the whole file.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._starts = [0, *(found.end() for found in _LINE_FEED.finditer(content))]

    def span(self, number: int) -> Span:
        """Return where line *number* starts and ends, its line feed left out."""
        if not 0 < number <= len(self._starts):
            return len(self.content), len(self.content)
        is_last = number == len(self._starts)
        return self._starts[number - 1], (
            len(self.content) if is_last else self._starts[number] - 1
        )

    def hits(self, pattern: Pattern, number: int) -> LineHits | None:
        """Return the occurrences in line *number*, None if there are none."""
        start, end = self.span(number)
        found = next(pattern.lines(self.content[start:end]), None)
        if found is None:
            return None
        return LineHits(number, start, end, [(a + start, b + start) for a, b in found.spans])
