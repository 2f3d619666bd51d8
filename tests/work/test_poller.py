from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import ledgers
import pytest
from api_client import eventually
from ledgers import Store

from cidxd.model import schedule
from cidxd.model.account import Principal, Role
from cidxd.model.job import Status
from cidxd.model.polling import Terms
from cidxd.model.queue import Limits
from cidxd.work.poller import Poller

NOW = 1_800_000_000.0
DAY = 86_400.0


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@contextlib.asynccontextmanager
async def polling(store: Store, clock: Clock) -> AsyncIterator[Poller]:
    poller = Poller(store.ledger, clock, lambda: next(store.ids), pause_s=0.0)
    task = asyncio.create_task(poller.run())
    try:
        yield poller
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[tuple[Store, Clock]]:
    clock = Clock()
    async with ledgers.opened(tmp_path / "cidxd.db", clock, Limits(running=2)) as made:
        made.ledger.polling = Terms(default=schedule.adaptive(300, 600), waiting=2)
        yield made, clock


def jobs(store: Store, status: Status) -> list[int]:
    rows = store.ledger.state.jobs.values()
    return sorted(row.repository_id for row in rows if row.status is status)


async def test_what_is_due_is_asked_for_as_room_is_made(store: tuple[Store, Clock]) -> None:
    made, clock = store
    for number in range(5):
        await made.repository(f"r{number}")
    clock.now += DAY
    async with polling(made, clock) as poller:
        await eventually(lambda: len(jobs(made, Status.QUEUED)) == 2)
        await made.ledger.claim_due()
        poller.notice(made.events[-1:])
        await eventually(lambda: len(jobs(made, Status.QUEUED)) == 2)
        assert len(jobs(made, Status.RUNNING)) == 1


async def test_a_pause_that_ends_lets_it_ask_again(store: tuple[Store, Clock]) -> None:
    made, clock = store
    root = Principal("root", Role.ADMIN)
    await made.repository("r")
    await made.ledger.pause(root, reason="")
    clock.now += DAY
    async with polling(made, clock) as poller:
        poller.look_again()
        await made.ledger.probe()
        assert jobs(made, Status.QUEUED) == []
        await made.ledger.resume()
        poller.notice([])
        await eventually(lambda: jobs(made, Status.QUEUED) == [1])


async def test_a_schedule_that_is_set_is_looked_at_at_once(store: tuple[Store, Clock]) -> None:
    made, clock = store
    await made.repository("r")
    made.ledger.polling = Terms(default=schedule.OFF)
    clock.now += DAY
    async with polling(made, clock) as poller:
        await made.ledger.probe()
        made.ledger.polling = Terms(default=schedule.adaptive(300, 600))
        poller.look_again()
        await eventually(lambda: jobs(made, Status.QUEUED) == [1])


async def test_days_without_a_daemon_are_made_up_for_by_one_sync(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "cidxd.db"
    async with ledgers.opened(path, clock, Limits()) as made:
        await made.repository("r")
        (row,) = made.ledger.state.repositories.values()
        made.ledger.polling = Terms(default=schedule.cron("*/5 * * * *", "UTC", now=NOW))
        assert await made.ledger.poll([next(made.ids)]) == []
    clock.now += 3 * DAY
    async with ledgers.opened(path, clock, Limits()) as made:
        made.ledger.polling = Terms(default=schedule.cron("*/5 * * * *", "UTC", now=NOW))
        (job,) = await made.ledger.poll([next(made.ids) for _ in range(9)])
        assert (job.repository_id, job.requested_by) == (row.repository_id, "schedule")
    async with ledgers.opened(path, clock, Limits()) as made:
        made.ledger.polling = Terms(default=schedule.cron("*/5 * * * *", "UTC", now=NOW))
        (row,) = made.ledger.state.repositories.values()
        assert row.polled_at == clock.now
        assert await made.ledger.poll([next(made.ids)]) == []
