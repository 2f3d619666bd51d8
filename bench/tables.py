"""The tables that benches print, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

_HEAD = ("what", "cidx", "against", "there", "ratio", "target", "met")


class Row(NamedTuple):
    """
    One comparison; figures are seconds or bytes, the less the better.

    Attributes:
        what: What was measured.
        ours: cidx's figure; None if it could not be measured.
        peer: Whom it is held against, in words.
        theirs: The peer's figure; None if the peer is missing.
        target: The highest ratio that meets the target; None if there is no target.
        unit: "s", "ms" or "MB".
        slack: What ours may exceed theirs by, instead of the ratio; None for the ratio.
        note: Where the time goes, or what else there is to know.
    """

    what: str
    ours: float | None
    peer: str
    theirs: float | None
    target: float | None = None
    unit: str = "ms"
    slack: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return self.ours / self.theirs if self.ours is not None and self.theirs else None

    @property
    def is_met(self) -> bool | None:
        if self.ours is None or self.theirs is None:
            return None
        if self.slack is not None:
            return self.ours <= self.theirs + self.slack
        ratio = self.ratio
        return None if self.target is None or ratio is None else ratio <= self.target


def targets(rows: Sequence[Row]) -> str:
    """Return the rows as a table, and after it what each note says."""
    text = table(_HEAD, (_cells(row) for row in rows))
    notes = "\n".join(f"- {row.what}, {row.peer}: {row.note}" for row in rows if row.note)
    return f"{text}\n\n{notes}" if notes else text


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def amount(value: float | None, unit: str) -> str:
    match value, unit:
        case None, _:
            return "–"
        case float() | int(), "s":
            return f"{value:.2f} s"
        case float() | int(), "ms":
            return f"{value * 1000:.1f} ms" if value < 0.1 else f"{value * 1000:,.0f} ms"  # noqa: PLR2004 - three digits
        case _:
            return f"{value / 1e6:,.1f} MB"


def _cells(row: Row) -> list[str]:
    ratio = "–" if row.ratio is None else f"{row.ratio:.2f}"
    theirs = "missing" if row.theirs is None else amount(row.theirs, row.unit)
    return [
        *(row.what, amount(row.ours, row.unit), row.peer, theirs),
        *(ratio, _wanted(row), _verdict(row)),
    ]


def _wanted(row: Row) -> str:
    if row.slack is not None:
        return f"≤ + {amount(row.slack, row.unit)}"
    return "–" if row.target is None else f"≤ {row.target:.2f}"


def _verdict(row: Row) -> str:
    if row.is_met is None:
        return "–"
    if row.is_met:
        return "yes"
    assert row.ours is not None
    assert row.theirs is not None
    if row.slack is not None:
        return f"no, {amount(row.ours - row.theirs - row.slack, row.unit)} over"
    assert row.ratio is not None
    assert row.target is not None
    return f"no, {row.ratio / row.target:.2f} times the target"
