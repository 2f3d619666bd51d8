"""What became of the jobs of the last days, in figures, for a dashboard."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from aiohttp import web
from typing_extensions import TypedDict

from cidxd.model import instant
from cidxd.store import figures
from cidxd.store.database import open_reader
from cidxd.store.figures import Figures, Group, Missed, Spread
from cidxd.web.requests import StatsQuery
from cidxd.web.route import Call, Route, answer
from cidxd.web.services import Services

WINDOW_S: Final = 30 * 86_400.0


class OutcomeCounts(TypedDict):
    """How many jobs ended how."""

    updated: int
    unchanged: int
    failed: int
    cancelled: int


class SpreadDocument(TypedDict):
    """What half, and nine in ten, of the jobs took at most, in seconds; null of no jobs."""

    median: float | None
    p90: float | None


class EstimateErrorDocument(TypedDict):
    """How far off the time remaining was at half time, in percent of what it became."""

    count: int
    median_percent: float | None
    within_20_percent: int


class FiguresDocument(TypedDict):
    """Durations are of completed jobs, from first start to end; waits of those that started."""

    jobs: OutcomeCounts
    duration_seconds: SpreadDocument
    wait_seconds: SpreadDocument
    estimate_error: EstimateErrorDocument
    files_indexed: int
    bytes_indexed: int


class RepositoryStats(FiguresDocument):
    """The figures of one repository."""

    repository: str


class DayStats(FiguresDocument):
    """The figures of one day (UTC), such as 2026-11-25."""

    day: str


class StatsDocument(TypedDict):
    """Of the jobs that ended in a window of time: by repository, and of all of these by day."""

    since: str
    until: str
    repositories: list[RepositoryStats]
    days: list[DayStats]


class Stats:
    """The handler of `/api/stats`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._asking = asyncio.Lock()  # a hundred dashboards take one processor, not all

    def routes(self) -> list[Route]:
        """Return the route."""
        return [
            Route(
                "GET", "/api/stats", self.show,
                "What became of the jobs of the last days, by repository and by day",
                query=StatsQuery, answer=StatsDocument, faults={404: "no such repository"},
            ),
        ]  # fmt: skip

    async def show(self, call: Call) -> web.StreamResponse:
        """`GET /api/stats`."""
        asked, sight = call.asked(StatsQuery), self._services.sight(call.caller)
        now = self._services.clock()
        since = now - WINDOW_S if asked.since is None else instant.from_wire(asked.since)
        name = asked.repository
        rows = sight.repositories() if name is None else [sight.named(name)]
        ids = [row.repository_id for row in rows]
        async with self._asking, contextlib.AsyncExitStack() as stack:
            # A reader of its own: nobody who asks for a job waits for this.
            reader = await open_reader(self._services.data.database)
            stack.push_async_callback(reader.close)
            by_repository = await figures.figures(reader, Group.REPOSITORY, ids, since)
            by_day = await figures.figures(reader, Group.DAY, ids, since)
        document: StatsDocument = {
            "since": instant.to_wire(since),
            "until": instant.to_wire(now),
            "repositories": [
                {"repository": row.name, **_document(by_repository[row.repository_id])}
                for row in rows
                if row.repository_id in by_repository
            ],
            "days": [{"day": day, **_document(found)} for day, found in by_day.items()],
        }
        return answer(document)


def _document(found: Figures) -> FiguresDocument:
    return {
        "jobs": {
            "updated": found.updated,
            "unchanged": found.unchanged,
            "failed": found.failed,
            "cancelled": found.cancelled,
        },
        "duration_seconds": _spread_document(found.duration),
        "wait_seconds": _spread_document(found.wait),
        "estimate_error": _missed_document(found.estimate),
        "files_indexed": found.files_indexed,
        "bytes_indexed": found.bytes_indexed,
    }


def _spread_document(spread: Spread) -> SpreadDocument:
    return {"median": _rounded(spread.median), "p90": _rounded(spread.p90)}


def _missed_document(missed: Missed) -> EstimateErrorDocument:
    return {
        "count": missed.count,
        "median_percent": None if missed.median is None else round(100 * missed.median, 1),
        "within_20_percent": missed.near,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
