from __future__ import annotations

import contextlib
import itertools
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cidxd import app
from cidxd.errors import FaultError
from cidxd.model.account import Principal, Role
from cidxd.model.catalogue import Registration
from cidxd.model.course import Result
from cidxd.model.intake import SyncRequest
from cidxd.model.job import Job, Outcome
from cidxd.model.pipeline import GiveUp, job_error
from cidxd.model.queue import Limits
from cidxd.model.report import Phase
from cidxd.model.retention import Rules
from cidxd.store.database import open_reader
from cidxd.store.history import History, JobFilter
from cidxd.store.ledger import Ledger
from cidxd.work.folders import DataFolder
from cidxd.work.joblog import JobLogs
from cidxd.work.retention import BATCH, Retention

DAY = 86_400.0
ROOT = Principal("root", Role.ADMIN, "s")
FAULT = job_error(FaultError("remote-unreachable", "no route"), Phase.FETCH)


class House:
    """A ledger with its logs and its retention on a real database, and a clock to set."""

    def __init__(self, ledger: Ledger, history: History, data: DataFolder, kept: int) -> None:
        self.ledger = ledger
        self.history = history
        self.data = data
        self.now = 1_800_000_000.0
        self.logs = JobLogs(data.logs, self.clock)
        rules = Rules(completed_s=30 * DAY, failed_s=90 * DAY, kept_per_repository=kept)
        self.retention = Retention(ledger, history, self.logs, rules, self.clock)
        self._ids = (f"019d{number:05d}" for number in itertools.count())

    def clock(self) -> float:
        return self.now

    async def repository(self, name: str = "demo") -> int:
        wanted = Registration(remote=f"https://example.org/{name}.git", user="ada", name=name)
        return (await self.ledger.register(wanted)).repository_id

    async def queued(self, repository_id: int) -> Job:
        request = SyncRequest(job_id=next(self._ids), repository_id=repository_id, user="ada")
        return (await self.ledger.submit(request)).job

    async def ended(self, repository_id: int, how: str = "completed") -> str:
        job = await self.queued(repository_id)
        if how == "cancelled":
            await self.ledger.cancel(job.job_id, ROOT, reason="")
            return job.job_id
        await self.ledger.claim_due()
        if how == "failed":
            await self.ledger.end_attempt(job.job_id, FAULT, GiveUp())
        else:
            result = Result(outcome=Outcome.UNCHANGED, summary={}, commits=())
            await self.ledger.complete(job.job_id, result)
        return job.job_id

    async def stored(self) -> list[str]:
        return [job.job_id for job in await self.history.jobs(JobFilter(), 1000)][::-1]

    def in_memory(self) -> list[str]:
        return sorted(job.job_id for job in self.ledger.state.jobs.values())

    def logged(self) -> list[str]:
        return sorted(path.stem for path in self.data.logs.rglob("*.log"))


@contextlib.asynccontextmanager
async def opened(
    data: DataFolder, monkeypatch: pytest.MonkeyPatch, kept: int
) -> AsyncIterator[House]:
    async with contextlib.AsyncExitStack() as stack:
        houses: list[House] = []
        monkeypatch.setattr(app, "clock", lambda: houses[0].now if houses else 0.0)
        ledger, _ = await stack.enter_async_context(
            app.ledger_at(data, Limits(), lambda _, events: houses[0].logs.notice(events))
        )
        reader = await open_reader(data.database)
        stack.push_async_callback(reader.close)
        houses.append(House(ledger, History(reader), data, kept))
        yield houses[0]


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    async with opened(DataFolder(tmp_path), monkeypatch, kept=2) as made:
        yield made


async def test_old_jobs_go_with_their_events_and_their_logs_and_recent_ones_stay(
    house: House,
) -> None:
    demo = await house.repository()
    for how in ("completed", "cancelled", "failed", "completed"):
        await house.ended(demo, how)
    old = await house.stored()
    house.now += 31 * DAY
    recent = [await house.ended(demo), await house.ended(demo)]

    assert await house.retention.prune() == {"completed": 2, "cancelled": 1}

    kept = [old[2], *recent]
    assert await house.stored() == house.in_memory() == house.logged() == kept
    assert await house.history.events(after=0, limit=9, job_id=old[0]) == []
    assert len(await house.history.events(after=0, limit=9, job_id=old[2])) == 3
    assert await house.retention.prune() == {}

    house.now += 31 * DAY  # the failed one is 62 days old
    assert await house.retention.prune() == {}
    house.now += 31 * DAY
    assert await house.retention.prune() == {"failed": 1}
    assert await house.stored() == recent  # the last two, however old


async def test_each_repository_keeps_its_last_jobs_and_every_active_one(house: House) -> None:
    busy, quiet = await house.repository("busy"), await house.repository("quiet")
    active = (await house.queued(busy)).job_id
    await house.ledger.claim_due()
    waiting = (await house.queued(busy)).job_id
    old = [await house.ended(quiet, "cancelled") for _ in range(2 * BATCH + 5)]
    house.now += 400 * DAY

    assert (await house.retention.prune()).total() == 2 * BATCH + 3

    assert await house.stored() == [active, waiting, *old[-2:]]


async def test_jobs_of_a_removed_repository_are_pruned_too(house: House) -> None:
    demo = await house.repository()
    old = [await house.ended(demo, "cancelled") for _ in range(4)]
    await house.ledger.remove(demo, "ada")
    house.now += 31 * DAY
    await house.retention.prune()
    assert await house.stored() == old[2:]


async def test_no_cursor_is_given_twice_after_every_event_was_pruned_and_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(DataFolder(tmp_path), monkeypatch, kept=0) as house:
        await house.ended(await house.repository())
        house.now += 31 * DAY
        await house.retention.prune()
        last = house.ledger.state.cursor
        assert await house.stored() == []
        assert await house.history.pruned_cursor() == last == 3
    async with opened(DataFolder(tmp_path), monkeypatch, kept=0) as house:
        assert house.ledger.state.cursor == last
        await house.queued(1)
        (event,) = await house.history.events(after=0, limit=9)
        assert event.cursor == last + 1


async def test_the_database_refuses_to_remove_an_active_job(house: House) -> None:
    job = await house.queued(await house.repository())
    with (
        contextlib.closing(sqlite3.connect(house.data.database)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="an active job is not removed"),
    ):
        connection.execute("DELETE FROM job WHERE job_id = ?", (job.job_id,))
