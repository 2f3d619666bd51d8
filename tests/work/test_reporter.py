from __future__ import annotations

import asyncio
import dataclasses

import pytest

from cidxd.model import moves
from cidxd.model.job import Job
from cidxd.model.report import (
    Phase,
    PhaseEnded,
    PhaseProgressed,
    PhaseStarted,
    Report,
    TimePassed,
    Usage,
)
from cidxd.model.timing import Timing
from cidxd.work.reporter import Reporter

JOB = moves.claim(
    Job(job_id="j", repository_id=1, repository="r", requested_by="a", created_at=0.0),
    at=0.0,
    is_first=True,
).job
STARTED = PhaseStarted(Phase.INDEX)
ENDED = PhaseEnded(Phase.INDEX, {}, Usage())


def progress(done: int) -> PhaseProgressed:
    return PhaseProgressed(Phase.INDEX, done, 1000, "files")


class Record:
    """What was recorded, `came` by each; recording waits while `gate` is closed."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.came = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, report: Report) -> Job:
        await self.gate.wait()
        self.reports.append(report)
        self.came.set()
        return dataclasses.replace(JOB, progress=10.0)


async def test_phases_are_recorded_in_order_and_progress_between_them_is_thinned() -> None:
    record = Record()
    reporter = Reporter(JOB, record)
    running = asyncio.create_task(reporter.run())
    reporter(STARTED)
    for done in range(1000):
        reporter(progress(done))
    reporter(ENDED)
    reporter.close()
    await running
    assert record.reports == [STARTED, progress(999), ENDED]


async def test_progress_waits_for_newer_progress_but_the_first_of_a_step_does_not() -> None:
    record = Record()
    reporter = Reporter(JOB, record)
    running = asyncio.create_task(reporter.run())
    reporter(STARTED)
    await reporter.flushed()
    for done in range(100):
        reporter(progress(done))
        await asyncio.sleep(0)
    assert record.reports[:2] == [STARTED, progress(0)], "the first of a step at once"
    reporter.close()
    await running
    assert record.reports[-1] == progress(99)
    assert len(record.reports) < 12, "and few of the others"


async def test_the_first_word_of_each_step_is_recorded_at_once() -> None:
    record = Record()
    reporter = Reporter(JOB, record)
    running = asyncio.create_task(reporter.run())
    steps = [PhaseProgressed(Phase.FETCH, 1, 9, "objects", step=name) for name in "abc"]
    for step in steps:
        reporter(step)
        async with asyncio.timeout(1):
            await record.came.wait()
        record.came.clear()
    reporter.close()
    await running
    assert record.reports == steps


async def test_time_alone_moves_the_percentage_of_a_job_that_tells_nothing() -> None:
    timing = Timing(is_first=True, seconds=dict.fromkeys(Phase, 0.1))
    record = Record()
    reporter = Reporter(JOB, record, timings=[timing])
    running = asyncio.create_task(reporter.run())
    async with asyncio.timeout(5):
        await record.came.wait()
    reporter.close()
    await running
    assert set(record.reports) == {TimePassed()}


async def test_flushed_waits_for_what_is_being_recorded_and_hurries_what_is_held_back() -> None:
    record = Record()
    reporter = Reporter(JOB, record)
    running = asyncio.create_task(reporter.run())
    reporter(STARTED)
    reporter(progress(1))
    record.gate.clear()
    flushing = asyncio.create_task(reporter.flushed())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not flushing.done()
    record.gate.set()
    async with asyncio.timeout(1):
        await flushing
    assert record.reports == [STARTED, progress(1)]
    reporter.close()
    await running


def test_what_children_say_is_kept_under_the_name_of_who_said_it() -> None:
    said: list[str] = []
    reporter = Reporter(JOB, Record(), said.append)
    reporter.git_said("From example")
    reporter.indexer_said(b"no memory for \xff")
    assert said == ["git: From example", "indexer: no memory for �"]


async def test_nobody_waits_for_a_recorder_that_broke() -> None:
    async def broken(_: Report) -> Job:
        raise ZeroDivisionError

    reporter = Reporter(JOB, broken)
    reporter(STARTED)
    running = asyncio.create_task(reporter.run())
    async with asyncio.timeout(5):
        for _ in range(2):  # while it breaks, and when it is known to be broken
            with pytest.raises(ZeroDivisionError):
                await reporter.flushed()
    with pytest.raises(ZeroDivisionError):
        await running
