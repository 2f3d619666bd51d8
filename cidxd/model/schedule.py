"""
When a repository is looked at without anybody asking: rules, and what follows from them.

Adaptive: a repository that changed lately is asked often, one that sleeps seldom; half the
age of its last commit, between two bounds.  Cron: at the times that its owner chose.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import re
import zlib
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterError, croniter

from cidxd.errors import InvalidError
from cidxd.model.job import CLOCK_SLACK_S, Job, Status
from cidxd.model.registry import State
from cidxd.model.repository import Repository, Schedule

SHORTEST_S: Final = 60.0
LONGEST_S: Final = 30 * 86_400.0
BACKOFF_S: Final = 300.0  # after the first failure of a cron schedule, doubled with each
BACKOFF_CAP_S: Final = 86_400.0
OFF: Final = Schedule(kind="off")
_SPREAD: Final = 0.1  # of an interval, so that what was asked together is not asked together again
_FIELDS: Final = 5
_HOUR: Final = 1  # the field's place
_UNSURE_FIELD: Final = re.compile(r"[hr](?:[(/]|$)", re.IGNORECASE)  # hashed, or random

Source = Literal["repository", "server"]


def adaptive(min_s: float, max_s: float, *, now: float | None = None) -> Schedule:
    """
    Return an adaptive schedule.

    Raises:
        InvalidError: The bounds are none.
    """
    if not SHORTEST_S <= min_s <= LONGEST_S:
        raise _invalid(
            f"not an interval of {SHORTEST_S:.0f} s to 30 days: {min_s:g}", "/schedule/min_seconds"
        )
    if not min_s <= max_s <= LONGEST_S:
        raise _invalid(
            f"not an interval of min_seconds to 30 days: {max_s:g}", "/schedule/max_seconds"
        )
    return Schedule(kind="adaptive", min_s=min_s, max_s=max_s, set_at=now)


def cron(expression: str, timezone: str, *, now: float) -> Schedule:
    """
    Return a cron schedule: five fields (crontab(5)), or `@hourly` and the like.

    Raises:
        InvalidError: There is no such time zone, or no such time.
    """
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _invalid(
            f"no such time zone: {timezone}",
            "/schedule/timezone",
            hint="use a name of the IANA database, such as Europe/Berlin",
        ) from None
    try:
        words = _fields(expression)
        made = Schedule(kind="cron", expression=" ".join(words), timezone=zone.key, set_at=now)
        cron_after(made.expression, made.timezone, now)
    except (CroniterError, ValueError, KeyError) as err:
        raise _invalid(
            f"not a cron expression: {expression!r}: {err}",
            "/schedule/expression",
            hint="minute hour day month weekday, such as */15 * * * *",
        ) from None
    return made


def effective(row: Repository, default: Schedule) -> tuple[Schedule, Source]:
    """Return what *row* goes by, and whose choice that is."""
    if row.schedule is not None:
        return row.schedule, "repository"
    return default, "server"


def next_at(row: Repository, default: Schedule, *, now: float) -> float | None:
    """
    Return when *row* is to be looked at next, POSIX seconds; None for never.

    It may lie in the past: then it is due once, however often it was missed.
    """
    schedule, _ = effective(row, default)
    last = max(row.polled_at or 0.0, schedule.set_at or 0.0, row.created_at)
    ended = row.last_job.finished_at if row.last_job is not None else 0.0
    if max(last, ended) > now + CLOCK_SLACK_S:
        return None if schedule.kind == "off" else now  # the clock was set back, who knows how far
    match schedule.kind:
        case "off":
            return None
        case "adaptive":
            asked = max(last, ended)
            return asked + _interval(row, schedule, asked)
        case "cron":
            after = last if not row.failures else max(last, ended + _backoff(row.failures))
            return cron_after(schedule.expression, schedule.timezone, after)


@functools.lru_cache(maxsize=16_384)
def cron_after(expression: str, timezone: str, at: float) -> float:
    """
    Return the first time after *at* that a cron expression means.

    What falls into the hour that is skipped when summer time begins comes at once after it;
    what has a fixed hour comes once, also where the clock shows that hour twice.

    Raises:
        CroniterError: There is none.
    """
    found = croniter(expression, dt.datetime.fromtimestamp(at, ZoneInfo(timezone)))
    words = expression.split()
    has_fixed_hour = len(words) == _FIELDS and not words[_HOUR].startswith("*")
    moment: dt.datetime = found.get_next(dt.datetime)
    while has_fixed_hour and moment.fold:
        moment = found.get_next(dt.datetime)
    return moment.timestamp()


def failures_after(row: Repository, job: Job) -> int:
    """Return how many syncs of *row* in a row have failed, *job* included."""
    if job.status is Status.FAILED:
        return row.failures + 1
    return 0 if job.status is Status.COMPLETED else row.failures


def forgive(state: State, repository_id: int) -> None:
    """Forget a repository's failures, for somebody asks for it."""
    row = state.repositories.get(repository_id)
    if row is not None and row.failures:
        state.repositories.put(repository_id, dataclasses.replace(row, failures=0))


def _interval(row: Repository, schedule: Schedule, asked: float) -> float:
    """Return the seconds from *asked* to the next look: between the bounds, a little spread."""
    age_s = max(0.0, asked - _changed_at(row))
    wanted = min(max(age_s / 2, schedule.min_s), schedule.max_s)
    wanted = min(wanted * 2.0 ** min(row.failures, 30), schedule.max_s)
    spread = wanted * _SPREAD * _jitter(row, asked)
    shifted = wanted + spread if wanted + spread <= schedule.max_s else wanted - spread
    return max(shifted, schedule.min_s)


def _changed_at(row: Repository) -> float:
    """Return when the last commit was made: of an empty or unknown repository, a moment ago."""
    dates = [branch.committed_at or branch.indexed_at for branch in row.branches]
    return max(dates, default=row.created_at)


def _jitter(row: Repository, asked: float) -> float:
    """Return a number in [0, 1), another one for each repository and time."""
    return zlib.crc32(f"{row.repository_id} {asked:.3f}".encode()) / 2**32


def _fields(expression: str) -> list[str]:
    """Return the five fields, or the one word, of a cron expression."""
    words = expression.split()
    is_named = len(words) == 1 and words[0].startswith("@")
    if not is_named and len(words) != _FIELDS:
        raise CroniterError(f"it has {len(words)} fields, not {_FIELDS}")
    if any(_UNSURE_FIELD.match(word) for word in words):
        raise CroniterError("H and R are not known here")
    return words


def _backoff(failures: int) -> float:
    return min(BACKOFF_CAP_S, BACKOFF_S * 2.0 ** min(failures - 1, 30))


def _invalid(message: str, pointer: str, *, hint: str = "") -> InvalidError:
    return InvalidError(message, code="schedule-invalid", hint=hint, pointer=pointer)
