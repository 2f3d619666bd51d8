"""Lines within so many cells: cut, wrapped, or spread over columns; pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LEAST_TEXT = 16  # cells; a hanging indent leaves at least so many
_GAP = "  "
_LABELLED = 12  # cells before the words of a line with a label: two, nine of it, and one
_LABEL = r"\w+ {2,}"
_TIMED = r"\s*\w+\s+[\d.]+ (?:s|min \d+ s|h \d+ min)\s{2}"


class Column(NamedTuple):
    """
    A column of a table.

    Attributes:
        title: What its first line says.
        least: Cells that it may be cut down to; None where it must stay whole.
        keeps_end: Cut at the front, for what tells most at its end.
    """

    title: str
    least: int | None = None
    keeps_end: bool = False


def cut(text: str, width: int, *, keeps_end: bool = False) -> str:
    """Return *text* in at most *width* cells; an ellipsis stands for what is left out."""
    if len(text) <= width:
        return text
    if width <= 1:
        return "…"[:width]
    return f"…{text[1 - width :]}" if keeps_end else f"{text[: width - 1].rstrip()}…"


def wrapped(lines: Iterable[str], width: int | None) -> list[str]:
    """
    Return *lines* broken where they are wider than *width*, their parts under each other.

    They are broken after a comma, a colon or a semicolon, else between words, and never
    within a word, so that an id or an address can be copied.  None is any width.
    """
    if width is None:
        return list(lines)
    return [part for line in lines for part in _broken(line, width, _hanging(line, width))]


def _broken(line: str, width: int, indent: int) -> list[str]:
    rows, rest = [], line
    while len(rest) > width and (at := _break(rest, indent, width)):
        rows.append(rest[:at].rstrip())
        rest = " " * indent + rest[at:].lstrip()
    return [*rows, rest]


def _hanging(line: str, width: int) -> int:
    """Return where the words of *line* begin: after its label, and after its time."""
    timed = re.match(_TIMED, line)
    is_labelled = line.startswith("  ") or re.match(_LABEL, line)
    indents = (timed.end() if timed else 0, _LABELLED if is_labelled else 0)
    return next((at for at in indents if 0 < at <= width - _LEAST_TEXT), 2)


def _break(text: str, indent: int, width: int) -> int:
    """Return where to break *text*; 0 where it has one word only."""
    at = _last(r"[,;:] ", text, indent, width)
    if at <= width // 2:
        at = _last(r" ", text, indent, width)
    # A word that is wider than the room is left whole.
    return at or text.find(" ", indent + 1) + 1


def _last(pattern: str, text: str, indent: int, width: int) -> int:
    """Return the end of the last match behind *indent* whose words fit; 0 without one."""
    ends = (found.end() for found in re.finditer(pattern, text))
    return max((end for end in ends if indent + 1 < end <= width + 1), default=0)


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int | None, *, heads: int = 1
) -> list[str]:
    """
    Return titles and *rows* as lines of aligned columns, no wider than *width*.

    Where even cut columns do not fit, the first *heads* cells of each row become a heading,
    with the rest below.
    """
    wide = [max(map(len, cells)) for cells in zip(_titles(columns), *rows, strict=True)]
    widths = _shrunk(columns, wide, width)
    if widths is None:
        return _cards(rows, width or 0, heads)
    return [_row(columns, cells, widths) for cells in (_titles(columns), *rows)]


def _titles(columns: Sequence[Column]) -> list[str]:
    return [column.title for column in columns]


def _row(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    fitted = [
        f"{cut(cell, width, keeps_end=column.keeps_end):{width}}"
        for column, cell, width in zip(columns, cells, widths, strict=True)
    ]
    return _GAP.join(fitted).rstrip()


def _shrunk(
    columns: Sequence[Column], widths: Sequence[int], width: int | None
) -> list[int] | None:
    """Return the widths once the widest columns are cut; None where they may not be."""
    found = list(widths)
    room = width - len(_GAP) * (len(columns) - 1) if width is not None else sum(found)
    while sum(found) > room:
        elastic = [
            at
            for at, column in enumerate(columns)
            if column.least is not None and found[at] > column.least
        ]
        if not elastic:
            return None
        # An address says least by its beginning, so it is cut first.
        found[max(elastic, key=lambda at: (columns[at].keeps_end, found[at]))] -= 1
    return found


def _cards(rows: Sequence[Sequence[str]], width: int, heads: int) -> list[str]:
    lines: list[str] = []
    for row in rows:
        head = _GAP.join(row[:heads]).strip()
        lines += [cut(head, width)] if head else []
        told = ", ".join(cell for cell in row[heads:] if cell not in {"", "-"})
        lines += _broken(f"  {told}", width, 2) if told else []
    return lines
