"""Search results as lines for people and for pipes; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_PATH = "\x1b[35m"
_LINE = "\x1b[32m"
_HIT = "\x1b[1;31m"
_FAINT = "\x1b[2m"
_PLAIN = "\x1b[0m"
_FILE = ("repository", "path", "path_base64")

Match = dict[str, Any]
FileKey = tuple[str, str]  # repository, and the path in its true bytes if it is not UTF-8


class Listing:
    """
    Matches as lines, one call for each match in the server's order, and one for the end.

    The lines after a match are held back until it is known which of them match as well.

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
        self._file: FileKey | None = None
        self._number = 0  # of the last match
        self._printed = 0  # the last line that was printed of the file
        self._after: dict[int, str] = {}

    def lines(self, match: Match) -> list[str]:
        """Return the lines to print up to *match*, itself included."""
        file = file_of(match, has_many=self._has_many)
        number = int(match.get("line") or 0)
        is_new = key_of(match) != self._file
        # Definitions come first; after them their file starts again.
        is_back = not is_new and number < self._number
        held = self._held_back(None if is_new or is_back else number)
        start = self._heading(file) if is_new else ["--"] if is_back and self._has_context else []
        if is_new or is_back:
            self._printed = 0
        before, after = match.get("context_before") or [], match.get("context_after") or []
        shown = {
            at: self._line(file, at, text, "-")
            for at, text in enumerate(before, number - len(before))
            if at > self._printed
        }
        shown[number] = self._line(file, number, self._marked(match) + self._symbol(match), ":")
        gap = self._gap(min(shown))
        self._file, self._number, self._printed = key_of(match), number, number
        self._after = {
            at: self._line(file, at, text, "-") for at, text in enumerate(after, number + 1)
        }
        return [*held, *start, *gap, *shown.values()]

    def rest(self) -> list[str]:
        """Return the lines to print after the last match."""
        return self._held_back(None)

    def _held_back(self, end: int | None) -> list[str]:
        """Return the lines after the last match, as far as they come before line *end*."""
        kept = {at: line for at, line in self._after.items() if end is None or at < end}
        self._printed = max(kept, default=self._printed)
        self._after = {}
        return list(kept.values())

    def _heading(self, file: str) -> list[str]:
        is_first = self._file is None
        if not self._is_grouped:
            return [] if is_first or not self._has_context else ["--"]
        return [*([] if is_first else [""]), self._painted(file, _PATH)]

    def _gap(self, first: int) -> list[str]:
        is_apart = self._printed and first > self._printed + 1
        return ["--"] if self._has_context and is_apart else []

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


def key_of(match: Match) -> FileKey:
    """Return what tells a match's file from others, whose names may look the same."""
    return str(match.get("repository")), str(match.get("path_base64") or match.get("path"))


def files(matches: Iterable[Match]) -> list[Match]:
    """Return each matching file once, with the `count` of its lines, in the server's order."""
    found: dict[FileKey, Match] = {}
    for match in matches:
        fact = {name: match[name] for name in _FILE if name in match}
        file = found.setdefault(key_of(match), {**fact, "count": 0})
        file["count"] += int(match.get("count") or 1)
    return list(found.values())
