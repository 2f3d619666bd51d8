"""The place in a pattern that an error is about, as a line of the pattern and a caret; pure."""

from __future__ import annotations

import re
import unicodedata

from cidx.matches import printable

_PLACE = re.compile(r"at character (\d{1,9}) of the pattern\Z")
_INDENT = "  "
_CUT = "…"


def pointed(message: str, pattern: str, width: int) -> str:
    """
    Return two lines, the pattern and a caret below the place that *message* ends with.

    Args:
        message: An error; "" is returned if it names no place in the pattern.
        pattern: What was searched for, one line.
        width: Of the terminal in cells; of a longer pattern the part around the place is shown.
    """
    place = _PLACE.search(message)
    at = int(place[1]) - 1 if place else -1
    if not 0 <= at <= len(pattern):
        return ""
    shown = "".join("\N{REPLACEMENT CHARACTER}" if c == "\t" else c for c in printable(pattern))
    room = max(width - len(_INDENT) - 2 * len(_CUT) - 1, 10)
    start = at
    while start > 0 and _cells(shown[start - 1 : at]) <= room // 2:
        start -= 1
    end = start
    while end < len(shown) and _cells(shown[start : end + 1]) <= room:
        end += 1
    before = (_CUT if start else "") + shown[start:at]
    after = shown[at:end] + (_CUT if end < len(shown) else "")
    return f"{_INDENT}{before}{after}\n{_INDENT}{' ' * _cells(before)}^"


def _cells(text: str) -> int:
    return sum(_width(c) for c in text)


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
