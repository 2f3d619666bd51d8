"""Where words go: data to stdout, talk to stderr, and one line that is drawn in place."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from cidx import layout, settings

if TYPE_CHECKING:
    from cidx.errors import ClientError

_REDRAW_S = 0.1
_CELLS = 80  # of a line, where nothing tells
# To the end of the screen: a terminal made narrower has broken the line into several.
_CLEAR = "\r\x1b[J"


def out(text: str) -> None:
    """Print a line of data, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def out_json(value: dict[str, Any]) -> None:
    """Print one JSON object as one line, at once."""
    out(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def out_lines(lines: list[str]) -> None:
    """Print lines of data, at once; on a terminal they are wrapped between their words."""
    out("\n".join(layout.wrapped(lines, room())))


def say(text: str) -> None:
    """Tell the user something that is not data."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def say_error(message: str, hint: str = "") -> None:
    """Print an error, and what to do about it, each on its own line."""
    say(f"error: {message}")
    if hint:
        say(f"hint: {hint}")


def say_fault(error: ClientError) -> None:
    """Print a fault as `error: …` and `hint: …`."""
    say_error(error.message, error.hint)


def is_interactive() -> bool:
    """Tell whether stdout is a terminal that can redraw a line."""
    return sys.stdout.isatty() and not settings.is_dumb()


def is_told() -> bool:
    """Tell whether what is said goes to a terminal."""
    return sys.stderr.isatty() and not settings.is_dumb()


def width() -> int:
    """Return how many cells a line has now: COLUMNS, else the terminal's, else 80."""
    try:
        # Not shutil: it brings lzma and bz2, and takes as long to import as all of our own.
        return settings.columns() or os.get_terminal_size(sys.stdout.fileno()).columns or _CELLS
    except (OSError, ValueError):
        return _CELLS


def room() -> int | None:
    """Return how many cells a line may have; None where it goes to no terminal."""
    return width() if sys.stdout.isatty() else None


def is_colored() -> bool:
    """Tell whether stdout shows colours and the user wants them."""
    return is_interactive() and not settings.is_color_unwanted()


class Screen:
    """
    Lines that stay, and below them one live line, redrawn at most ten times a second.

    After each drawing the cursor waits at the line's first cell: wherever a terminal that
    is resized puts the rest of the line, it is behind the cursor, and is cleared with it.
    """

    def __init__(self) -> None:
        self._is_live = False
        self._drawn = ""
        self._drawn_at = 0.0
        self._width = 0

    @property
    def width(self) -> int:
        """How many cells a line has now."""
        return width()

    def write(self, lines: list[str]) -> None:
        """Add lines that stay."""
        if lines:
            self.clear()
            out_lines(lines)

    def draw(self, line: str) -> None:
        """Draw the live line, unless it is the same or was drawn a moment ago."""
        now = time.monotonic()
        if line == self._drawn or (self._is_live and now - self._drawn_at < _REDRAW_S):
            return
        is_resized, self._width = self._width not in {0, self.width}, self.width
        lead = _CLEAR if is_resized else "\r"
        sys.stdout.write(f"{lead}{line}\x1b[K\r")
        sys.stdout.flush()
        self._is_live, self._drawn, self._drawn_at = True, line, now

    def clear(self) -> None:
        """Take the live line away."""
        if self._is_live:
            sys.stdout.write(_CLEAR)
            sys.stdout.flush()
            self._is_live, self._drawn = False, ""
