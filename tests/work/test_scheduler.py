from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cidxd.errors import FaultError
from cidxd.model.catalogue import Registration
from cidxd.model.intake import SyncRequest
from cidxd.model.job import Job
from cidxd.model.pipeline import Defer, job_error
from cidxd.model.queue import Limits
from cidxd.store import load
from cidxd.store.database import open_writer
from cidxd.store.ledger import Ledger
from cidxd.store.writer import Writer
from cidxd.work.scheduler import Scheduler

PATIENCE_S = 10.0


class Clock:
    """Goes on by *step_s* whenever somebody looks."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.step_s = 0.0

    def __call__(self) -> float:
        self.now += self.step_s
        return self.now


@contextlib.asynccontextmanager
async def opened(path: Path, clock: Clock) -> AsyncIterator[Ledger]:
    connection = await open_writer(path)
    state = await load.load_state(connection)
    writer = Writer(connection, state, lambda _state, _events: None)
    writing = asyncio.create_task(writer.run())
    try:
        yield Ledger(writer, state, Limits(), clock)
    finally:
        writer.stop()
        await writing
        await connection.close()


@pytest.mark.parametrize("start", [1004.4, 1004.5, 1004.6, 1004.7, 1004.8, 1004.9])
async def test_a_back_off_that_ends_while_the_scheduler_looks_is_not_slept_over(
    tmp_path: Path, start: float
) -> None:
    clock = Clock()
    async with opened(tmp_path / "cidxd.db", clock) as ledger:
        await _deferred_until_1005(ledger)
        ran = asyncio.Event()

        async def run(job: Job) -> None:
            assert job.attempt == 2
            ran.set()

        clock.now, clock.step_s = start, 0.2
        scheduling = asyncio.create_task(Scheduler(ledger, run, clock).run())
        try:
            async with asyncio.timeout(PATIENCE_S):
                await ran.wait()
        finally:
            scheduling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await scheduling


async def _deferred_until_1005(ledger: Ledger) -> None:
    row = await ledger.register(Registration(remote="https://example.org/r.git", user="ada"))
    await ledger.submit(SyncRequest(job_id="a", repository_id=row.repository_id, user="ada"))
    await ledger.claim_due()
    error = job_error(FaultError("remote-unreachable"), None)
    await ledger.end_attempt("a", error, Defer(5.0))
