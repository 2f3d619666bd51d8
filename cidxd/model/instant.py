"""Instants on the wire: RFC 3339 in UTC; inside, POSIX seconds."""

from __future__ import annotations

import datetime as dt


def to_wire(at: float) -> str:
    """Return *at* (POSIX seconds) as RFC 3339 UTC with milliseconds, ending in Z."""
    moment = dt.datetime.fromtimestamp(at, tz=dt.UTC)
    return moment.isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z"


def optional(at: float | None) -> str | None:
    """Return *at* as RFC 3339, or None for None."""
    return None if at is None else to_wire(at)


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
