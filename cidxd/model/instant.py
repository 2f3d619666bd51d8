"""Instants on the wire: RFC 3339 in UTC; inside, POSIX seconds."""

from __future__ import annotations

import datetime as dt
from typing import Final

_RECENT_S: Final = 43_200.0


def to_wire(at: float) -> str:
    """Return *at* (POSIX seconds) as RFC 3339 UTC with milliseconds, ending in Z."""
    moment = dt.datetime.fromtimestamp(at, tz=dt.UTC)
    return moment.isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z"


def optional(at: float | None) -> str | None:
    """Return *at* as RFC 3339, or None for None."""
    return None if at is None else to_wire(at)


def told(at: float, now: float) -> str:
    """Return *at* for people: the time of day, with the date where it is not a recent one."""
    moment = dt.datetime.fromtimestamp(at, tz=dt.UTC)
    is_recent = abs(now - at) < _RECENT_S
    return moment.strftime("%H:%M UTC" if is_recent else "%Y-%m-%d %H:%M UTC")


def from_wire(text: str) -> float:
    """
    Return the POSIX seconds of an RFC 3339 instant or a plain date (midnight UTC).

    Raises:
        ValueError: *text* is neither.
    """
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return moment.timestamp()
