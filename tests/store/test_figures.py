from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import aiosqlite
import pytest

from cidxd.model.job import Job, Outcome, Status
from cidxd.model.registry import State
from cidxd.store import database, load
from cidxd.store.database import open_reader, open_writer
from cidxd.store.figures import Figures, Group, Missed, Spread, figures
from cidxd.store.writer import Writer

DAY = 86_400.0
AT = 20_000 * DAY  # 2024-10-04


def job(number: int, *, repository_id: int = 1, took: float = 1.0, ended: float = AT) -> Job:
    """Return a completed job that waited as many seconds as its number and took *took*."""
    return Job(
        job_id=f"j{number:03d}",
        repository_id=repository_id,
        repository=f"r{repository_id}",
        requested_by="ada",
        created_at=ended - took - number,
        started_at=ended - took,
        finished_at=ended,
        status=Status.COMPLETED,
        outcome=Outcome.UPDATED,
        summary={"files_indexed": number, "bytes_indexed": 1000 * number},
        seq=1,
    )


@contextlib.asynccontextmanager
async def stored(path: Path, jobs: list[Job]) -> AsyncIterator[aiosqlite.Connection]:
    """Store *jobs* as the daemon does, and yield a connection that reads."""
    writing = await open_writer(path)
    writer = Writer(writing, await load.load_state(writing), lambda *_: None)
    task = asyncio.create_task(writer.run())

    def keep(state: State) -> None:
        for one in jobs:
            state.jobs.put(one.job_id, one)

    await writer.decide(keep)
    writer.stop()
    await task
    await writing.close()
    reader = await open_reader(path)
    try:
        yield reader
    finally:
        await reader.close()


async def test_median_and_p90_are_values_of_jobs_by_the_nearest_rank(tmp_path: Path) -> None:
    jobs = [job(n, took=10.0 * n) for n in range(1, 11)]
    async with stored(tmp_path / "db", jobs) as reader:
        found = await figures(reader, Group.REPOSITORY, [1], AT - DAY)
    assert found == {
        1: Figures(Spread(50.0, 90.0), Spread(5.0, 9.0), Missed(), 10, 0, 0, 0, 55, 55_000)
    }


async def test_each_repository_and_each_day_has_its_own_figures(tmp_path: Path) -> None:
    jobs = [
        job(1, took=1.0),
        job(2, took=3.0, ended=AT + DAY),
        job(3, took=5.0, ended=AT + 2 * DAY - 0.001, repository_id=2),
        job(4, took=7.0, ended=AT - 0.001),  # before the window
        job(5, took=9.0, repository_id=3),  # not asked for
    ]
    async with stored(tmp_path / "db", jobs) as reader:
        by_repository = await figures(reader, Group.REPOSITORY, [2, 1, 4], AT)
        by_day = await figures(reader, Group.DAY, [2, 1, 4], AT)
        nothing = await figures(reader, Group.DAY, [], AT)
    assert {key: row.updated for key, row in by_repository.items()} == {1: 2, 2: 1}
    assert {key: row.duration.p90 for key, row in by_repository.items()} == {1: 3.0, 2: 5.0}
    assert {key: row.updated for key, row in by_day.items()} == {"2024-10-04": 1, "2024-10-05": 2}
    assert nothing == {}


async def test_durations_are_of_completed_jobs_and_waits_of_those_that_started(
    tmp_path: Path,
) -> None:
    plain = {"outcome": None, "summary": None}
    jobs = [
        dataclasses.replace(job(1, took=100.0), status=Status.FAILED, **plain),  # type: ignore[arg-type]
        dataclasses.replace(job(2, took=4.0), outcome=Outcome.UNCHANGED),
        dataclasses.replace(
            job(9, repository_id=2),
            status=Status.CANCELLED,
            started_at=None,
            **plain,  # type: ignore[arg-type]
        ),
    ]
    async with stored(tmp_path / "db", jobs) as reader:
        found = await figures(reader, Group.REPOSITORY, [1, 2], AT)
    assert found == {
        1: Figures(Spread(4.0, 4.0), Spread(1.0, 2.0), Missed(), 0, 1, 1, 0, 2, 2000),
        2: Figures(Spread(), Spread(), Missed(), 0, 0, 0, 1, 0, 0),
    }


async def test_how_far_off_estimates_were_is_told_of_the_jobs_that_can_be_judged(
    tmp_path: Path,
) -> None:
    ratios = [None, 1.1, 0.85, 1.5, 0.2, 1.0]
    jobs = [
        dataclasses.replace(job(number), estimate_ratio=ratio)
        for number, ratio in enumerate(ratios, 1)
    ]
    async with stored(tmp_path / "db", jobs) as reader:
        (found,) = (await figures(reader, Group.REPOSITORY, [1], AT)).values()
    assert found.estimate.count == 5
    assert found.estimate.median == pytest.approx(0.15)
    assert found.estimate.near == 3


async def test_a_clock_that_was_set_back_makes_no_negative_times(tmp_path: Path) -> None:
    async with stored(tmp_path / "db", [job(-5, took=-3.0)]) as reader:
        (found,) = (await figures(reader, Group.DAY, [1], AT)).values()
    assert (found.duration, found.wait) == (Spread(0.0, 0.0), Spread(0.0, 0.0))


async def test_figures_are_read_from_an_index_alone(tmp_path: Path) -> None:
    asked: list[str] = []
    async with stored(tmp_path / "db", [job(1)]) as reader:
        await reader.set_trace_callback(asked.append)
        await figures(reader, Group.DAY, [1], AT)
        await reader.set_trace_callback(None)  # type: ignore[arg-type]
        assert len(asked) == 4
        for sql in asked:
            plan = [row[3] for row in await reader.execute_fetchall(f"EXPLAIN QUERY PLAN {sql}")]
            assert any("USING COVERING INDEX job_by_" in step for step in plan), plan


async def test_jobs_that_an_older_daemon_stored_count_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, first = tmp_path / "db", database.migrations()[:1]
    monkeypatch.setattr(database, "migrations", lambda: first)
    old = await open_writer(path)
    await old.execute(
        "INSERT INTO job VALUES ('j', 1, 'r1', 'ada', 'completed', 'updated', 0, 1.0, 9.0, 5, ?)",
        ('{"started_at": 3.0, "summary": {"files_indexed": 7, "bytes_indexed": 70}}',),
    )
    await old.close()
    monkeypatch.undo()
    new = await open_writer(path)
    found = await figures(new, Group.REPOSITORY, [1], 0.0)
    await new.close()
    assert found == {1: Figures(Spread(6.0, 6.0), Spread(2.0, 2.0), Missed(), 1, 0, 0, 0, 7, 70)}
