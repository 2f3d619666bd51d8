"""
Durable submissions: at the ledger, beside the same rows written barely, and over HTTP.

All three of the first table write the same rows through one aiosqlite connection with the
daemon's schema and pragmas.  The bare insert has them ready, and commits as many at once as
the ledger did.
"""

from __future__ import annotations

import asyncio
import http.client
import itertools
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiosqlite
from callers import Asked, Called, call
from daemon import Daemon
from rates import Rate, Rounds, compared

from cidxd.app import new_id
from cidxd.model.intake import SyncRequest
from cidxd.model.job import Event
from cidxd.model.queue import Limits
from cidxd.model.registry import State
from cidxd.model.repository import Repository
from cidxd.store import rows
from cidxd.store.database import open_writer
from cidxd.store.ledger import Ledger
from cidxd.store.writer import Writer
from cidxd.work.folders import DataFolder

CALLERS = 64
LIFTED = Limits(running=10**9, running_per_user=10**9, queued=10**9, queued_per_user=10**9)
_JOB_COLUMNS = (
    "job_id, repository_id, repository, requested_by, status, outcome, returned, created_at,"
    " started_at, finished_at, files_indexed, bytes_indexed, estimate_ratio, seq, message, body"
)
_EVENT_COLUMNS = "cursor, job_id, repository_id, repository, seq, at, kind, data"
_INSERT_JOB = f"INSERT INTO job ({_JOB_COLUMNS}) VALUES ({', '.join('?' * 16)})"  # noqa: S608 - ours
_INSERT_EVENT = f"INSERT INTO event ({_EVENT_COLUMNS}) VALUES ({', '.join('?' * 8)})"  # noqa: S608 - ours
_EVENTS = f"SELECT {_EVENT_COLUMNS} FROM event ORDER BY cursor"  # noqa: S608 - ours
_ACCEPTED = 202


class Written(NamedTuple):
    """What the ledger wrote: rows in the order of the events, and how many in each commit."""

    jobs: list[Any]
    events: list[Any]
    sizes: list[int]


def measured(rounds: int, jobs: int) -> list[Rate]:
    """Return the ledger's rates beside the others'."""
    return _rates(asyncio.run(_rounds(rounds, jobs)))


def over_http(folder: Path, jobs: int) -> Called:
    """Let 64 connections ask a daemon for *jobs* syncs, each of another repository."""
    data = DataFolder(folder / "data")
    data.root.mkdir(parents=True, mode=0o700)
    asyncio.run(_registered(data.database, jobs))
    limits = "".join(f"{name} = {10**6}\n" for name in ("queued", "queued_per_user"))
    with Daemon(folder, limits=limits) as daemon:
        status, answer = daemon.ask("POST", "/api/queue/pause", {})
        assert status == http.client.OK, answer
        asked = Asked(
            port=daemon.port,
            path="/api/sync",
            token=daemon.token,
            connections=CALLERS,
            requests=jobs,
            method="POST",
            body='{"repository": "r{n}"}',
        )
        called = call(asked)
        assert called.statuses == {str(_ACCEPTED): jobs}, called
        return called


async def _registered(path: Path, count: int) -> None:
    async with _opened(path) as connection:
        await connection.execute("BEGIN")
        await connection.executemany(
            "INSERT INTO repository VALUES (?, ?, ?, ?)",
            [rows._repository_row(_repository(n)) for n in range(1, count + 1)],  # noqa: SLF001 - its rows
        )
        await connection.execute("COMMIT")


async def _rounds(rounds: int, jobs: int) -> Rounds:
    found = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="cidx-bench-") as name:
            folder = Path(name)
            took, written = await _ledger(folder / "ledger.db", jobs)
            rates = {"the ledger": jobs / took}
            rates["a bare insert"] = jobs / await _bare(folder / "bare.db", written)
            few = jobs // 4
            single = await _one_by_one(folder / "single.db", written, few)
            rates["one commit per job"] = few / single
            found.append(rates)
    return found


def _rates(rounds: Rounds) -> list[Rate]:
    what, ours = f"submissions by {CALLERS} callers", "the ledger"
    return [
        compared(rounds, what, ours, "one commit per job", 5.0, "jobs/s"),
        compared(rounds, what, ours, "a bare insert", 0.6, "jobs/s"),
    ]


async def _ledger(path: Path, jobs: int) -> tuple[float, Written]:
    """Let the callers submit *jobs* jobs; return the seconds and what was written."""
    state, sizes = State(), list[int]()

    def news(_state: State, events: list[Event]) -> None:
        sizes.append(len(events))

    for number in range(1, jobs + 1):
        state.repositories.put(number, _repository(number))
    async with _opened(path) as connection:
        writer = Writer(connection, state, news)
        writing = asyncio.create_task(writer.run())
        ledger = Ledger(writer, state, LIFTED, time.time)
        numbers = iter(range(1, jobs + 1))
        began = time.perf_counter()
        await asyncio.gather(*(_caller(ledger, numbers, f"u{n}") for n in range(CALLERS)))
        took = time.perf_counter() - began
        writer.stop()
        await writing
        return took, Written(*await _rows(connection), sizes)


async def _caller(ledger: Ledger, numbers: Iterator[int], user: str) -> None:
    for number in numbers:
        await ledger.submit(SyncRequest(job_id=new_id(), repository_id=number, user=user))


async def _bare(path: Path, written: Written) -> float:
    ends = list(itertools.accumulate(written.sizes))
    async with _opened(path) as connection:
        began = time.perf_counter()
        for start, end in zip([0, *ends], ends, strict=False):
            await connection.execute("BEGIN IMMEDIATE")
            await connection.executemany(_INSERT_JOB, written.jobs[start:end])
            await connection.executemany(_INSERT_EVENT, written.events[start:end])
            await connection.execute("COMMIT")
        return time.perf_counter() - began


async def _one_by_one(path: Path, written: Written, jobs: int) -> float:
    pairs = zip(written.jobs[:jobs], written.events[:jobs], strict=True)
    lock = asyncio.Lock()

    async def caller(connection: aiosqlite.Connection) -> None:
        for job, event in pairs:
            async with lock:
                await connection.execute("BEGIN IMMEDIATE")
                await connection.execute(_INSERT_JOB, job)
                await connection.execute(_INSERT_EVENT, event)
                await connection.execute("COMMIT")

    async with _opened(path) as connection:
        began = time.perf_counter()
        await asyncio.gather(*(caller(connection) for _ in range(CALLERS)))
        return time.perf_counter() - began


async def _rows(connection: aiosqlite.Connection) -> tuple[list[Any], list[Any]]:
    jobs = await connection.execute_fetchall(f"SELECT {_JOB_COLUMNS} FROM job")  # noqa: S608 - ours
    events = await connection.execute_fetchall(_EVENTS)
    by_id = {job[0]: tuple(job) for job in jobs}
    return [by_id[event[1]] for event in events], [tuple(event) for event in events]


@asynccontextmanager
async def _opened(path: Path) -> AsyncIterator[aiosqlite.Connection]:
    connection = await open_writer(path)
    try:
        yield connection
    finally:
        await connection.close()


def _repository(number: int) -> Repository:
    return Repository(
        repository_id=number,
        name=f"r{number}",
        remote=f"https://example.org/r{number}",
        key=f"example.org/r{number}",
        created_at=0.0,
        created_by="bench",
    )
