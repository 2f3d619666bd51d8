"""
Regular expressions: which trigrams a document must have, and which of its lines match.

Pure.  The expressions are RE2's, and run over the whole content with a `(?m)` before them;
they match within lines only, which end at a line feed, so a carriage return belongs to its
line.  A match at the end of the content is one only if a line ends there without a line feed.
What is not UTF-8 in the content is matched by nothing, not even by a dot.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import re2

from cidxd.errors import InvalidError
from cidxd.indexer.condition import Condition
from cidxd.indexer.excerpt import TEXT_LIMIT
from cidxd.indexer.pattern import LineHits, Span, encoded, refused
from cidxd.indexer.plan import condition_of
from cidxd.indexer.regex_characters import SyntaxFaultError
from cidxd.indexer.regex_syntax import tokens

_SHOWN: Final = 4 * TEXT_LIMIT  # bytes after a line's first match that can be shown of it
_REACH: Final = 2 * _SHOWN  # and how far matches that begin there are followed
_QUOTED: Final = 40  # characters of a pattern in a message

_HINTS: Final = {
    "missing )": r"close the group, or write \( for the bracket itself",
    "unexpected )": r"open a group before, or write \) for the bracket itself",
    "missing ]": r"close the class, or write \[ for the bracket itself",
    "no argument for repetition operator": "write a backslash before it for the sign itself",
    "bad repetition operator": "one repetition cannot follow another; put the inner in a group",
    "invalid repetition size": "repeat 1000 times at most, the lower number first",
    "invalid escape sequence": r"RE2 does not know it; write \\ for the backslash itself",
    "invalid perl operator": r"RE2 does not know it; write \( for the bracket itself",
    "invalid named capture group": "write (?P<name>expression)",
    "invalid character class range": "the lower character comes first; see RE2's list of classes",
    "trailing \\": r"write \\ for the backslash itself",
    "pattern too large - compile failed": "ask for less, or repeat fewer times",
}


class Regex:
    """
    A regular expression.

    Raises:
        InvalidError: `pattern-invalid`: RE2 does not take it, or it cannot be meant for lines.
            The message says at which character, counted from 1.
    """

    def __init__(self, text: str, *, ignore_case: bool) -> None:
        pattern = encoded(text)
        fault = _fault(text)
        if fault is not None and fault.hint:
            raise _refused_at(fault.message, fault.offset, fault.hint)
        try:
            self._expression = _compiled(pattern, ignore_case=ignore_case)
        except re2.error as err:
            raise _refused_by_re2(text, err, fault) from err
        self._condition = condition_of(text, ignore_case=ignore_case)

    def condition(self) -> Condition:
        """Return what a document that matches must contain."""
        return self._condition

    def lines(self, content: bytes, after: int = 0) -> Iterator[LineHits]:
        """Yield the lines that match, in order, from the one after line number *after*."""
        number, counted = after + 1, _start_of_line(content, after + 1)
        matches = self._spans(content, counted, len(content))
        found = next(matches, None)
        while found is not None and not (found[0] == len(content) and content.endswith(b"\n")):
            first, spans = found, [found]
            number += content.count(b"\n", counted, first[0])
            counted = first[0]
            start = content.rfind(b"\n", 0, counted) + 1
            end = content.find(b"\n", first[1])
            end = len(content) if end < 0 else end
            if end - counted > _REACH:
                spans += self._spans_nearby(content, first)
                matches = self._spans(content, end + 1, len(content))
            while (found := next(matches, None)) is not None and found[0] <= end:
                spans.append(found)
            yield LineHits(number, start, end, [one for one in spans if one[0] < one[1]] or [first])

    def _spans(self, content: bytes, start: int, end: int) -> Iterator[Span]:
        if start < len(content):
            for found in self._expression.finditer(content, start, end):
                yield found.span()

    def _spans_nearby(self, content: bytes, first: Span) -> Iterator[Span]:
        """
        Yield the occurrences after the first in a very long line, as far as they can be shown.

        One search may look at all the rest of the line, so without a limit the searches
        together would take the square of its length.
        """
        for span in self._spans(content, first[1], first[0] + _REACH):
            if span[0] > first[0] + _SHOWN:
                return
            yield span


def _start_of_line(content: bytes, number: int) -> int:
    """Return where a line starts; beyond the end if there is none."""
    position = 0
    for _ in range(number - 1):
        position = content.find(b"\n", position) + 1
        if position == 0:
            return len(content)
    return position


def _compiled(pattern: bytes, *, ignore_case: bool) -> Any:  # noqa: ANN401 - RE2's class is private
    options = re2.Options()
    options.never_nl = True
    options.never_capture = True
    options.log_errors = False  # or it writes to stderr
    options.case_sensitive = not ignore_case
    try:
        return re2.compile(b"(?m)" + pattern, options)
    finally:
        re2.purge()  # its cache would keep 128 expressions of up to 8 MiB each


def _fault(text: str) -> SyntaxFaultError | None:
    try:
        for _ in tokens(text, ignore_case=False):
            pass
    except SyntaxFaultError as fault:
        return fault
    return None


def _refused_by_re2(text: str, error: re2.error, fault: SyntaxFaultError | None) -> InvalidError:
    """Return the error in RE2's words, with the place that the scanner found."""
    what, _, part = str(error.args[0], "utf-8", "replace").partition(": ")
    if what == "invalid UTF-8":
        place = next(at for at, character in enumerate(text) if "\ud800" <= character <= "\udfff")
        return _refused_at("the pattern is not UTF-8", place, "an expression is of characters")
    hint = _hint(what, part)
    place = fault.offset if fault is not None else text.find(part)
    if fault is None and (not part or text.count(part) != 1):
        return refused(f"{what}: {part[:_QUOTED]}" if part else what, hint)
    is_plain = what in {"missing )", "unexpected )", "missing ]", "trailing \\"}
    return _refused_at(what if is_plain else f"{what} {part[:_QUOTED]}", place, hint)


def _hint(what: str, part: str) -> str:
    if part.startswith(("(?=", "(?!", "(?<")):
        return "RE2 looks neither ahead nor behind; find the lines without that"
    if what == "invalid escape sequence" and part[1:2].isdigit():
        return "RE2 has no back references; repeat what the group holds"
    return _HINTS.get(what, "see https://github.com/google/re2/wiki/Syntax")


def _refused_at(what: str, offset: int, hint: str) -> InvalidError:
    return refused(f"{what}: at character {offset + 1} of the pattern", hint)
