"""When a repository is looked at without anybody asking: as it is written, and as it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cidx import amounts

if TYPE_CHECKING:
    from cidx.wire import Json

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_FORMS = "off, default, adaptive, adaptive:5m-6h, or a cron expression such as '*/15 * * * *'"
_FIELDS = 5


def _converted(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> dict[str, Any] | None:
    if value is None:
        return None
    made = parsed(value)
    if made is None:
        raise click.BadParameter(f"not a schedule: {value!r}; give {_FORMS}")
    return made


schedule_option = click.option(
    "--schedule",
    callback=_converted,
    metavar="WHEN",
    help=f"When it is synced by itself: {_FORMS}.",
)
timezone_option = click.option(
    "--timezone", metavar="ZONE", help="Of a cron expression, such as Europe/Berlin. Default: UTC."
)


def wanted(schedule: Json | None, timezone: str | None) -> Json | None:
    """
    Return the schedule as the server takes it, None if none was given.

    Raises:
        UsageError: A time zone was given, and no cron expression.
    """
    if timezone is None:
        return schedule
    if schedule is None or schedule["kind"] != "cron":
        raise click.UsageError("--timezone belongs to a cron expression: --schedule '0 3 * * *'")
    return {**schedule, "timezone": timezone}


def parsed(text: str) -> Json | None:
    """Return what *text* means to the server, None for what has none of the forms."""
    words = text.split()
    if len(words) == _FIELDS or text.startswith("@"):
        return {"kind": "cron", "expression": text}
    if text in {"off", "default", "adaptive"}:
        return {"kind": text}
    kind, _, bounds = text.partition(":")
    least, dash, most = bounds.partition("-")
    low, high = _seconds(least), _seconds(most)
    if kind != "adaptive" or not dash or low is None or high is None:
        return None
    return {"kind": "adaptive", "min_seconds": low, "max_seconds": high}


def lines(repository: dict[str, Any], now: float) -> list[str]:
    """Return what `cidx repo show` tells of what starts syncs of a repository."""
    if "schedule" not in repository:  # an older daemon
        return []
    told = [f"  schedule  {told_schedule(repository)}"]
    if repository.get("next_sync"):
        told.append(f"  next sync {coming(repository['next_sync'], now)}")
    if hook := repository.get("webhook"):
        made = amounts.age(hook.get("created_at"), now)
        told.append(f"  webhook   made {made} by {hook.get('created_by')}")
    return told


def told_schedule(repository: dict[str, Any]) -> str:
    """Return a repository's schedule in words."""
    schedule = repository.get("schedule")
    own = "" if repository.get("schedule_from") == "repository" else " (the server's default)"
    if schedule is None:
        return f"off{own}"
    if schedule.get("kind") == "cron":
        zone = schedule.get("timezone") or "UTC"
        return f"{schedule.get('expression')} in {zone}{own}"
    low = amounts.rough_duration(float(schedule.get("min_seconds") or 0))
    high = amounts.rough_duration(float(schedule.get("max_seconds") or 0))
    return f"adaptive, every {low} to {high}{own}"


def coming(text: object, now: float) -> str:
    """Return in how long an RFC 3339 instant is: `in 5 min`; `due` once it has come."""
    at = amounts.instant_of(text)
    if at is None:
        return "-"
    return f"in {amounts.rough_duration(at - now)}" if at > now else "due"


def _seconds(text: str) -> float | None:
    unit = _UNITS.get(text[-1:])
    digits = text if unit is None else text[:-1]
    return float(digits) * (unit or 1) if digits.isdecimal() else None
