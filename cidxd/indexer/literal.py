"""
Literal patterns: which trigrams a document must have, and where in it the pattern occurs.

Pure.  What counts as an occurrence is what counts for `LC_ALL=C.UTF-8 git grep -F`:

- lines end at a line feed only, so a carriage return belongs to its line;
- a word begins and ends where the byte beside it is not [A-Za-z0-9_], so letters beyond ASCII
  end a word; an occurrence that is no word may overlap one that is;
- ignoring case, characters are compared one by one as `casing` tells.  A pattern that is not
  UTF-8 has no case outside ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import product
from typing import Final

from cidxd.indexer.casing import any_case, variants
from cidxd.indexer.condition import Condition, every, some
from cidxd.indexer.pattern import LineHits, Span, encoded

_Find = Callable[[int], Span | None]  # the first occurrence at or after an offset

_TRIGRAM: Final = 3
_CONDITIONS: Final = 48  # more of them cost more to read than they rule out
_WORD: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
_NO_WORD: Final = re.compile(rb"[^A-Za-z0-9_]")
_FOREIGN: Final = {"k": "\u212a".encode(), "s": "\u017f".encode()}  # Kelvin sign, long s


class Literal:
    """
    A pattern that stands for itself.

    Raises:
        InvalidError: `pattern-invalid`: it is empty, or no line can contain it.
    """

    def __init__(self, text: str, *, ignore_case: bool, whole_word: bool) -> None:
        self.pattern = encoded(text)
        self._whole_word = whole_word
        self._ignore_case = ignore_case
        self._characters = self.pattern.decode("utf-8", "surrogateescape")
        self._low = self.pattern.lower()
        self._foreign = [_FOREIGN[letter] for letter in "ks" if letter in self._low.decode("l1")]
        self._beyond_ascii = ignore_case and any(
            len(variants(c)) > 1 for c in self._characters if not c.isascii()
        )
        self._expression: re.Pattern[bytes] | None = None

    def condition(self) -> Condition:
        """Return what a document that matches must contain."""
        runs = (
            _folded_runs(self._characters) if self._ignore_case else [[[b] for b in self.pattern]]
        )
        windows = [run[at : at + _TRIGRAM] for run in runs for at in range(len(run) - _TRIGRAM + 1)]
        distinct = list({tuple(sorted(_keys(window))): None for window in windows})
        step = -(-len(distinct) // _CONDITIONS) or 1
        return every(*(some(*keys) for keys in distinct[::step]))

    def lines(self, content: bytes, after: int = 0) -> Iterator[LineHits]:
        """Yield the lines with occurrences, in order, from the one after line number *after*."""
        find = self._finder(content)
        number, counted, position = 1, 0, 0
        while (span := find(position)) is not None:
            number += content.count(b"\n", counted, span[0])
            counted = span[0]
            start = content.rfind(b"\n", 0, span[0]) + 1
            end = content.find(b"\n", span[1])
            end = len(content) if end < 0 else end
            if number > after:
                spans = [span]
                while (following := find(spans[-1][1])) is not None and following[1] <= end:
                    spans.append(following)
                yield LineHits(number, start, end, spans)
            position = end + 1

    def _finder(self, content: bytes) -> _Find:
        find = self._plain_finder(content)
        return _word_finder(content, find) if self._whole_word else find

    def _plain_finder(self, content: bytes) -> _Find:
        if not self._ignore_case:
            return _bytes_finder(content, self.pattern)
        if self._beyond_ascii or any(letter in content for letter in self._foreign):
            self._expression = self._expression or re.compile(any_case(self._characters))
            return _expression_finder(content, self._expression)
        # ASCII only: lower() is many times faster than an expression, and moves no offset.
        return _bytes_finder(content.lower(), self._low)


def _folded_runs(characters: str) -> list[list[list[int]]]:
    """Return the runs of bytes that are certain but for ASCII case; what else has a case breaks."""
    runs: list[list[list[int]]] = [[]]
    for character in characters:
        cases = variants(character)
        if len(cases) > 1 and not cases.isascii():
            runs.append([])
        elif len(cases) > 1:
            runs[-1].append([ord(case) for case in cases])
        else:
            runs[-1] += [[byte] for byte in character.encode("utf-8", "surrogateescape")]
    return runs


def _keys(window: list[list[int]]) -> Iterator[int]:
    return (first << 16 | second << 8 | third for first, second, third in product(*window))


def _bytes_finder(content: bytes, pattern: bytes) -> _Find:
    length = len(pattern)

    def find(position: int) -> Span | None:
        at = content.find(pattern, position)
        return None if at < 0 else (at, at + length)

    return find


def _expression_finder(content: bytes, expression: re.Pattern[bytes]) -> _Find:
    def find(position: int) -> Span | None:
        found = expression.search(content, position)
        return None if found is None else found.span()

    return find


def _word_finder(content: bytes, find: _Find) -> _Find:
    def find_word(position: int) -> Span | None:
        while (span := find(position)) is not None:
            start, end = span
            begins = start == 0 or content[start - 1] not in _WORD
            if begins and (end == len(content) or content[end] not in _WORD):
                return span
            # A word begins after the next byte that is of none, and nowhere before.
            gap = _NO_WORD.search(content, start)
            if gap is None:
                return None
            position = gap.end()
        return None

    return find_word
