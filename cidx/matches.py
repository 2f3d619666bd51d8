"""Search results as lines for people and for pipes; pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_PATH = "\x1b[35m"
_LINE = "\x1b[32m"
_HIT = "\x1b[1;31m"
_FAINT = "\x1b[2m"
_PLAIN = "\x1b[0m"

Match = dict[str, Any]


class Listing:
    """
    Matches as lines, one call for each match in the server's order.

    Args:
        is_grouped: Path headings with `line: text` below (a terminal), else `path:line:text`.
        is_colored: With ANSI colours.
        has_many: Several repositories were searched, so each path says which it is in.
        has_context: Lines around the matches were asked for.
    """

    def __init__(
        self, *, is_grouped: bool, is_colored: bool, has_many: bool, has_context: bool
    ) -> None:
        self._is_grouped = is_grouped
        self._is_colored = is_colored
        self._has_many = has_many
        self._has_context = has_context
        self._file = ""
        self._last_line = 0

    def lines(self, match: Match) -> list[str]:
        """Return the lines to print for *match*."""
        file = file_of(match, has_many=self._has_many)
        heading = self._heading(file)
        before, after = match.get("context_before") or [], match.get("context_after") or []
        number = int(match.get("line") or 0)
        if number < self._last_line:  # definitions came first; their file starts again here
            self._last_line = 0
            heading = heading or (["--"] if self._has_context else [])
        around = {
            **{number - len(before) + at: text for at, text in enumerate(before)},
            **{number + 1 + at: text for at, text in enumerate(after)},
        }
        # Neighbouring matches share context; a line is printed once.
        shown = {
            **{at: self._line(file, at, text, "-") for at, text in around.items()},
            number: self._line(file, number, self._marked(match) + self._symbol(match), ":"),
        }
        lines = [shown[at] for at in sorted(shown) if at > self._last_line or at == number]
        gap = self._gap(min(shown), is_new=bool(heading))
        self._last_line = max(shown)
        return [*heading, *gap, *lines]

    def _heading(self, file: str) -> list[str]:
        if file == self._file:
            return []
        is_first = not self._file
        self._file, self._last_line = file, 0
        if not self._is_grouped:
            return [] if is_first or not self._has_context else ["--"]
        return [*([] if is_first else [""]), self._painted(file, _PATH)]

    def _gap(self, first: int, *, is_new: bool) -> list[str]:
        is_apart = self._last_line and first > self._last_line + 1
        return ["--"] if self._has_context and is_apart and not is_new else []

    def _line(self, file: str, number: int, text: str, mark: str) -> str:
        if number == 0:  # found by its path
            return text if self._is_grouped else f"{file}:{text}".rstrip(":")
        if self._is_grouped:
            return f"{self._painted(str(number), _LINE)}{mark} {text}"
        return f"{file}{mark}{number}{mark}{text}"

    def _symbol(self, match: Match) -> str:
        symbol = match.get("symbol")
        if not symbol:
            return ""
        name, kind, scope = (printable(str(symbol.get(k) or "")) for k in ("name", "kind", "scope"))
        if not self._is_grouped:
            return f"\t{kind} {scope}.{name}" if scope else f"\t{kind} {name}"
        return self._painted(f"  [{kind} of {scope}]" if scope else f"  [{kind}]", _FAINT)

    def _painted(self, text: str, color: str) -> str:
        return f"{color}{text}{_PLAIN}" if self._is_colored else text

    def _marked(self, match: Match) -> str:
        text = printable(str(match.get("text") or ""))
        if not self._is_colored:
            return text
        return marked(text, match.get("ranges") or [])


def marked(text: str, ranges: Iterable[Iterable[int]]) -> str:
    """Return *text* with each `[start, end)` of code points in bold red."""
    parts, done = [], 0
    for start, end in ranges:
        if start < done or end > len(text):
            continue
        parts += [text[done:start], _HIT, text[start:end], _PLAIN]
        done = end
    return "".join([*parts, text[done:]])


def printable(text: str) -> str:
    r"""Return *text* with control characters replaced: file content must not drive the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def file_of(match: Match, *, has_many: bool) -> str:
    """Return a match's path, with its repository where several were searched."""
    path = printable(str(match.get("path") or ""))
    return f"{match.get('repository')}:{path}" if has_many else path


def files(matches: Iterable[Match]) -> Counter[tuple[str, str]]:
    """Return how many matching lines each (repository, path) has, in the server's order."""
    found: Counter[tuple[str, str]] = Counter()
    for match in matches:
        found[str(match.get("repository")), str(match.get("path"))] += int(match.get("count") or 1)
    return found
