"""Rates side by side: in every round each of them in turn, the ratio taken within the round."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tables import table

_HEAD = ("what", "cidx", "against", "there", "ratio", "target", "met")
Rounds = Sequence[Mapping[str, float]]


class Rate(NamedTuple):
    """
    One comparison.

    Attributes:
        what: What was measured.
        ours, theirs: Medians over the rounds; the more the better, unless `is_cost`.
        peer: Whom it is held against, in words.
        ratio: Ours of theirs, the median of the rounds' ratios.
        target: The ratio to reach, or to stay within if `is_cost`; None if there is none.
        unit: Such as "jobs/s".
    """

    what: str
    ours: float
    peer: str
    theirs: float
    ratio: float
    target: float | None
    unit: str
    is_cost: bool = False

    @property
    def is_met(self) -> bool:
        assert self.target is not None
        return self.ratio <= self.target if self.is_cost else self.ratio >= self.target


def compared(  # noqa: PLR0917 - the cells of a row, in their order
    rounds: Rounds, what: str, ours: str, peer: str, target: float | None, unit: str
) -> Rate:
    """Return what the rounds say of *ours* beside *peer*, by their names there."""
    return Rate(
        what,
        median(one[ours] for one in rounds),
        peer,
        median(one[peer] for one in rounds),
        median(one[ours] / one[peer] for one in rounds),
        target,
        unit,
    )


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def shown(rates: Iterable[Rate]) -> str:
    """Return the rates as a table."""
    return table(_HEAD, (_cells(rate) for rate in rates))


def number(value: float, unit: str) -> str:
    """Return *value* with three digits or more, and its unit."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2  # noqa: PLR2004 - three digits
    return f"{value:,.{digits}f} {unit}"


def _cells(rate: Rate) -> list[str]:
    mark = "≤" if rate.is_cost else "≥"
    return [
        *(rate.what, number(rate.ours, rate.unit), rate.peer, number(rate.theirs, rate.unit)),
        f"{rate.ratio:.2f}",
        "–" if rate.target is None else f"{mark} {rate.target:.1f}",
        "–" if rate.target is None else "yes" if rate.is_met else "**no**",
    ]
