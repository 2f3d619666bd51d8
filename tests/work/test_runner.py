"""The runner with a real ledger, and phases that do nothing but wait or end."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cidxd.errors import FaultError
from cidxd.model.account import Principal, Role
from cidxd.model.catalogue import Registration
from cidxd.model.course import Result
from cidxd.model.intake import SyncRequest
from cidxd.model.job import Event, Job, Outcome, Status
from cidxd.model.queue import Limits
from cidxd.model.registry import State
from cidxd.store import load
from cidxd.store.database import open_writer
from cidxd.store.ledger import Ledger
from cidxd.store.writer import Writer
from cidxd.work.joblog import JobLogs
from cidxd.work.reporter import Reporter
from cidxd.work.runner import Runner, StopReason

ADA = Principal("ada", Role.MEMBER)
PATIENCE_S = 10.0
DONE = Result(outcome=Outcome.UNCHANGED, summary={}, commits=())


class Sync:
    """Phases that end when told, or when cancelled."""

    def __init__(self) -> None:
        self.has_begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.is_at_work = 0

    async def __call__(self, job: Job, report: Reporter) -> Result:
        del job, report
        self.is_at_work += 1
        self.has_begun.set()
        try:
            await self.may_end.wait()
        finally:
            self.is_at_work -= 1
        return DONE


class Desk:
    """A ledger with one repository, and a runner."""

    def __init__(self, ledger: Ledger, logs: Path) -> None:
        self.ledger = ledger
        self.sync = Sync()
        self.runner = Runner(
            ledger, self.sync, max_attempts=4, jitter=lambda: 0.0, logs=JobLogs(logs, _clock)
        )

    async def submit(self, job_id: str) -> None:
        await self.ledger.submit(SyncRequest(job_id=job_id, repository_id=1, user="ada"))

    async def claimed(self) -> Job:
        [job] = await self.ledger.claim_due()
        return job

    async def cancel(self, job_id: str) -> None:
        await self.ledger.cancel(job_id, ADA, reason="enough")

    def notice(self, _state: State, events: list[Event]) -> None:
        self.runner.notice(events)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    connection = await open_writer(tmp_path / "cidxd.db")
    state = await load.load_state(connection)
    writer = Writer(connection, state, lambda *news: made.notice(*news))  # noqa: PLW0108 - made below
    writing = asyncio.create_task(writer.run())
    ledger = Ledger(writer, state, Limits(), _clock)
    await ledger.register(Registration(remote="https://example.org/r.git", user="ada"))
    made = Desk(ledger, tmp_path / "logs")
    yield made
    writer.stop()
    await writing
    await connection.close()


async def ended(running: asyncio.Task[Job | None]) -> Job:
    async with asyncio.timeout(PATIENCE_S):
        job = await running
    assert job is not None
    return job


async def test_a_cancel_that_comes_between_the_claim_and_the_first_step_is_not_lost(
    desk: Desk,
) -> None:
    await desk.submit("a")
    # In one commit, so that the cancel finds the job running and nobody at work on it.
    claiming = asyncio.create_task(desk.claimed())
    cancelling = asyncio.create_task(desk.cancel("a"))
    job = await claiming
    await cancelling
    assert (job.status, job.cancel) == (Status.RUNNING, None)
    after = await ended(asyncio.create_task(desk.runner.run(job)))
    assert after.status is Status.CANCELLED
    assert desk.sync.is_at_work == 0


async def test_a_cancel_whose_sender_hangs_up_before_the_answer_is_carried_out_all_the_same(
    desk: Desk,
) -> None:
    await desk.submit("a")
    running = asyncio.create_task(desk.runner.run(await desk.claimed()))
    await desk.sync.has_begun.wait()
    cancelling = asyncio.create_task(desk.cancel("a"))
    await asyncio.sleep(0)
    cancelling.cancel()
    assert (await ended(running)).status is Status.CANCELLED


async def test_a_cancel_remembered_against_an_id_that_was_not_running_does_not_kill_the_next_job(
    desk: Desk,
) -> None:
    await desk.submit("a")
    desk.runner.stop("a", StopReason.CANCEL)
    desk.runner.stop("b", StopReason.CANCEL)
    await desk.cancel("a")
    desk.runner.stop("a", StopReason.CANCEL)
    await desk.submit("b")
    running = asyncio.create_task(desk.runner.run(await desk.claimed()))
    await desk.sync.has_begun.wait()
    desk.runner.stop("a", StopReason.CANCEL)
    desk.sync.may_end.set()
    assert (await ended(running)).status is Status.COMPLETED


async def test_a_cancel_does_not_leave_the_worker_running_for_the_next_sync_to_overlap(
    desk: Desk,
) -> None:
    await desk.submit("a")
    running = asyncio.create_task(desk.runner.run(await desk.claimed()))
    await desk.sync.has_begun.wait()
    await desk.submit("b")
    await desk.cancel("a")
    assert await desk.ledger.claim_due() == [], "the first one has not stopped yet"
    assert (await ended(running)).status is Status.CANCELLED
    assert desk.sync.is_at_work == 0
    assert (await desk.claimed()).job_id == "b"


def _clock() -> float:
    return 1000.0


async def test_a_verdict_that_cannot_be_recorded_is_a_fault_of_ours_and_keeps_no_place(
    desk: Desk,
) -> None:
    async def broken(job: Job, report: Reporter) -> Result:
        del job, report
        raise FaultError("remote-rate-limited", retry_after_s=math.inf)

    desk.runner._sync = broken
    await desk.submit("a")
    after = await ended(asyncio.create_task(desk.runner.run(await desk.claimed())))
    assert after.status is not Status.RUNNING
    assert [tried.error.code for tried in after.attempts if tried.error] == ["internal"]
