"""Symptoms of other systems' workers, one by one: each fails to happen here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from ledgers import Store, opened
from structlog.testing import capture_logs

from cidxd.errors import FaultError
from cidxd.model.course import Result
from cidxd.model.job import Job, Kind, Outcome, Status
from cidxd.model.queue import Limits
from cidxd.model.report import Phase, PhaseEnded, PhaseProgressed, PhaseStarted, Usage
from cidxd.store.database import StoreError
from cidxd.work import folders, held, rescue
from cidxd.work.indexed import Tips
from cidxd.work.joblog import JobLogs
from cidxd.work.reporter import Reporter
from cidxd.work.runner import Runner
from cidxd.work.scheduler import Scheduler

LIMITS = Limits(running=8, running_per_user=8)
Work = Callable[[Job, Reporter], Awaitable[Result]]
DONE = Result(outcome=Outcome.UPDATED, summary={}, commits=())


@contextlib.asynccontextmanager
async def house(folder: Path) -> AsyncIterator[Store]:
    async with opened(folder / "cidxd.db", lambda: 1_800_000_000.0, LIMITS) as store:
        yield store


def runner_of(store: Store, folder: Path, sync: Work) -> Runner:
    async def phases(job: Job, report: Reporter) -> Result:
        return await sync(job, report)

    logs = JobLogs(folder / "logs", lambda: 0.0)
    return Runner(store.ledger, phases, max_attempts=1, jitter=lambda: 0.0, logs=logs)


@contextlib.asynccontextmanager
async def working(store: Store, folder: Path, sync: Work) -> AsyncIterator[Scheduler]:
    scheduler = Scheduler(store.ledger, runner_of(store, folder, sync).run, lambda: 1_800_000_000.0)
    task = asyncio.create_task(scheduler.run())
    try:
        yield scheduler
        await scheduler.drain(20)
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_terminal_write_that_the_database_refuses_is_kept_until_it_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = asyncio.Event()
    monkeypatch.setattr(held, "AGAIN_S", (0.01,))

    async def sync(_job: Job, _report: Reporter) -> Result:
        await store.connection.execute("PRAGMA query_only = ON")
        refused.set()
        return DONE

    async with house(tmp_path) as store:
        job = await store.running()
        running = asyncio.create_task(runner_of(store, tmp_path, sync).run(job))
        await refused.wait()
        with capture_logs() as logs:
            while "record_held" not in [entry["event"] for entry in logs]:
                with pytest.raises(StoreError):
                    await store.ledger.report(job.job_id, PhaseStarted(Phase.FETCH))
        # Neither ended nor forgotten: pollers see what is stored, and so does readiness.
        assert store.ledger.state.jobs.get(job.job_id) == job
        await store.connection.execute("PRAGMA query_only = OFF")
        ended = await running
        assert ended == store.ledger.state.jobs.get(job.job_id)
        assert ended is not None
        assert ended.status is Status.COMPLETED
    async with house(tmp_path) as store:
        assert store.ledger.state.jobs.active() == []


async def test_a_work_function_that_fails_is_never_stored_as_completed(tmp_path: Path) -> None:
    async def sync(_job: Job, _report: Reporter) -> Result:
        raise FaultError("remote-unreachable", "no route")

    async with house(tmp_path) as store:
        job = await store.running()
        ended = await runner_of(store, tmp_path, sync).run(job)
        assert ended is not None
        assert (ended.status, ended.outcome, ended.progress) == (Status.FAILED, None, 0.0)
        assert ended.error is not None
        assert ended.error.code == "remote-unreachable"


async def test_no_job_is_executed_while_it_still_says_queued(tmp_path: Path) -> None:
    seen: list[Status | None] = []
    ran = asyncio.Event()

    async def sync(job: Job, _report: Reporter) -> Result:
        now = store.ledger.state.jobs.get(job.job_id)
        seen.append(now.status if now else None)
        rows = await store.connection.execute_fetchall("SELECT status FROM job")
        seen.extend(Status(row[0]) for row in rows)
        ran.set()
        return DONE

    async with house(tmp_path) as store:
        await store.ledger.submit(store.request(await store.repository()))
        async with working(store, tmp_path, sync) as scheduler:
            await ran.wait()
            await scheduler.drain(20)
    assert seen == [Status.RUNNING, Status.RUNNING]


async def test_82000_progress_ticks_neither_deadlock_nor_write_82000_rows(tmp_path: Path) -> None:
    ticks = 82_000

    async def sync(_job: Job, report: Reporter) -> Result:
        report(PhaseStarted(Phase.INDEX))
        for done in range(ticks):
            report(PhaseProgressed(Phase.INDEX, done, ticks, "files"))
            if done % 1_000 == 0:  # somebody else asks for something meanwhile
                await store.ledger.submit(store.request(other, f"user{done}"))
        report(PhaseEnded(Phase.INDEX, {}, Usage()))
        return DONE

    async with house(tmp_path) as store:
        job = await store.running()
        other = await store.repository("other")
        async with asyncio.timeout(30):
            ended = await runner_of(store, tmp_path, sync).run(job)
        assert ended is not None
        assert ended.status is Status.COMPLETED
        kinds = [event.kind for event in store.events if event.job_id == job.job_id]
        assert kinds.count(Kind.PROGRESSED) < 100


async def no_tips(_repository_id: int) -> Tips:
    raise FaultError("internal", "no job of this test was published")


@contextlib.asynccontextmanager
async def after_a_crash(folder: Path) -> AsyncIterator[Store]:
    """Open the store of a daemon that was killed with one job running and one queued."""
    async with house(folder) as store:
        await store.running()
        await store.ledger.submit(store.request(await store.repository("other")))
    data = folders.prepared(folder / "data")
    async with house(folder) as store:
        await rescue.rescue(store.ledger, data, no_tips, lock_wait_s=1.0)
        yield store


async def test_after_a_restart_no_job_stays_running_and_blocks_new_ones(tmp_path: Path) -> None:
    async with after_a_crash(tmp_path) as store:
        jobs = store.ledger.state.jobs.active()
        assert [job.status for job in jobs] == [Status.QUEUED] * 2
        assert len(await store.ledger.claim_due()) == 2
        fresh = await store.ledger.submit(store.request(jobs[0].repository_id))
        assert fresh.job.status is Status.QUEUED


async def test_a_restart_marks_no_queued_and_no_running_job_failed(tmp_path: Path) -> None:
    async with after_a_crash(tmp_path) as store:
        was_running, was_queued = store.ledger.state.jobs.active()
        assert (was_running.error, was_running.attempt, was_running.returned) == (None, 0, True)
        assert (was_queued.error, was_queued.attempt, was_queued.returned) == (None, 0, False)
        assert {event.kind for event in store.events} == {Kind.INTERRUPTED}


async def test_a_reclaimed_job_is_executed_again_and_needs_nothing_but_its_row(
    tmp_path: Path,
) -> None:
    ran: list[str] = []
    both = asyncio.Event()

    async def sync(job: Job, _report: Reporter) -> Result:
        ran.append(job.job_id)
        if len(ran) == len(waiting):
            both.set()
        return DONE

    async with after_a_crash(tmp_path) as store:
        waiting = [job.job_id for job in store.ledger.state.jobs.active()]
        async with working(store, tmp_path, sync) as scheduler:
            await both.wait()
            await scheduler.drain(20)
        assert ran == waiting
        assert store.ledger.state.jobs.active() == []


async def test_a_row_left_by_a_crash_blocks_its_repository_no_longer_than_its_job(
    tmp_path: Path,
) -> None:
    async with after_a_crash(tmp_path) as store:
        left = store.ledger.state.jobs.active()[0]
        joined = await store.ledger.submit(store.request(left.repository_id))
        assert joined.is_joined
        for job in await store.ledger.claim_due():
            await store.ledger.complete(job.job_id, DONE)
        assert not (await store.ledger.submit(store.request(left.repository_id))).is_joined
