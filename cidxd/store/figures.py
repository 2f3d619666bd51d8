"""
Figures of the jobs that ended in a window of time, worked out by the database.

An index has all that is asked here (`job_by_end`): no job's body is read, and no job comes
into the daemon's memory.
"""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Collection
from typing import Any, Final

import aiosqlite  # noqa: TID251 - store/ is where SQL lives

from cidxd.store.database import StoreError


class Group(enum.StrEnum):
    """What the jobs are told apart by, in SQL."""

    REPOSITORY = "repository_id"
    DAY = "date(finished_at, 'unixepoch')"


@dataclasses.dataclass(frozen=True, slots=True)
class Spread:
    """What half, and nine in ten, of the jobs took at most, in seconds; None of no jobs."""

    median: float | None = None
    p90: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Missed:
    """
    By how much the time remaining was misjudged at half time.

    Attributes:
        count: Jobs with an estimate that can be judged.
        median: Of |estimate - truth| / truth; None of no jobs.
        near: How many were within a fifth.
    """

    count: int = 0
    median: float | None = None
    near: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Figures:
    """
    What became of some jobs.

    Attributes:
        duration: From the first start to the end, of the completed ones.
        wait: From the request to the first start, of those that started.
        estimate: How far off their estimates were.
        updated, unchanged, failed, cancelled: How many ended so.
        files_indexed, bytes_indexed: In all.
    """

    duration: Spread
    wait: Spread
    estimate: Missed
    updated: int
    unchanged: int
    failed: int
    cancelled: int
    files_indexed: int
    bytes_indexed: int


_ENDED: Final = """
    FROM job INDEXED BY job_by_end
    WHERE finished_at >= :since
    AND repository_id IN (SELECT value FROM json_each(:repository_ids))
"""
_COUNTS: Final = """
    SELECT {group}, sum(outcome IS 'updated'), sum(outcome IS 'unchanged'),
        sum(status = 'failed'), sum(status = 'cancelled'),
        coalesce(sum(files_indexed), 0), coalesce(sum(bytes_indexed), 0)
    {ended} GROUP BY 1 ORDER BY 1
"""
_SPREADS: Final = """
    SELECT name, min(seconds) FILTER (WHERE share >= 0.5), min(seconds) FILTER (WHERE share >= 0.9)
    FROM (
        SELECT {group} AS name, max(0.0, {seconds}) AS seconds,
            cume_dist() OVER (PARTITION BY {group} ORDER BY {seconds}) AS share
        {ended} AND {condition}
    ) GROUP BY name
"""
_MISSED: Final = """
    SELECT name, count(*), min(missed) FILTER (WHERE share >= 0.5), sum(missed <= 0.2)
    FROM (
        SELECT {group} AS name, abs(estimate_ratio - 1) AS missed,
            cume_dist() OVER (PARTITION BY {group} ORDER BY abs(estimate_ratio - 1)) AS share
        FROM job INDEXED BY job_by_estimate
        WHERE estimate_ratio IS NOT NULL AND finished_at >= :since
        AND repository_id IN (SELECT value FROM json_each(:repository_ids))
    ) GROUP BY name
"""
_DURATION: Final = ("finished_at - started_at", "status = 'completed'")
_WAIT: Final = ("started_at - created_at", "started_at IS NOT NULL")


async def figures(
    connection: aiosqlite.Connection, group: Group, repository_ids: Collection[int], since: float
) -> dict[Any, Figures]:
    """
    Return the figures of the jobs that ended since *since*, by *group* in its order.

    Args:
        connection: Reads; it is busy for as long as this takes.
        group: Keys are repository ids, or days (UTC) such as 2026-11-25.  Only of those
            with at least one job.
        repository_ids: Of these repositories only.
        since: POSIX seconds.

    Raises:
        StoreError: The database cannot be read.
    """
    window = {"since": since, "repository_ids": json.dumps(list(repository_ids))}
    try:
        counts = await connection.execute_fetchall(
            _COUNTS.format(group=group, ended=_ENDED), window
        )
        durations = await _spreads(connection, group, _DURATION, window)
        waits = await _spreads(connection, group, _WAIT, window)
        missed = await connection.execute_fetchall(_MISSED.format(group=group), window)
    except aiosqlite.Error as err:
        raise StoreError(f"the database cannot be read: {err}") from err
    misses = {name: Missed(*numbers) for name, *numbers in missed}
    return {
        name: Figures(
            durations.get(name, Spread()),
            waits.get(name, Spread()),
            misses.get(name, Missed()),
            *numbers,
        )
        for name, *numbers in counts
    }


async def _spreads(
    connection: aiosqlite.Connection,
    group: Group,
    measure: tuple[str, str],
    window: dict[str, Any],
) -> dict[Any, Spread]:
    seconds, condition = measure
    sql = _SPREADS.format(group=group, ended=_ENDED, seconds=seconds, condition=condition)
    rows = await connection.execute_fetchall(sql, window)
    return {name: Spread(median, p90) for name, median, p90 in rows}
