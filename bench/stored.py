"""
A database full of jobs that ended, written past the daemon through its own schema.

A few jobs are made by the model, of each way to end; the others are these with another id,
repository, user and time.  Triggers and indexes are put back when the rows are there.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple

from cidxd.model import moves
from cidxd.model.job import BranchMove, CancelRequest, Event, Job, JobError, Outcome
from cidxd.model.report import ORDER, Phase, PhaseEnded, PhaseProgressed, Usage
from cidxd.model.repository import Repository
from cidxd.store import rows
from cidxd.store.database import open_writer
from cidxd.work.folders import DataFolder

REPOSITORIES: Final = 200
USERS: Final = 20
SPAN_S: Final = 29 * 86_400.0
_ID: Final = "00000000-0000-7000-8000-000000000000"
_AT: Final = 1_000_000_000.0
_BATCH: Final = 20_000
_SHARES: Final = (("unchanged", 60), ("updated", 32), ("failed", 5), ("cancelled", 3))


class _Template(NamedTuple):
    """One job as rows: the job's, and those of its events."""

    job: tuple[Any, ...]
    events: list[tuple[Any, ...]]


def fill(folder: Path, jobs: int, *, now: float, seed: int = 4) -> int:
    """Make a daemon's data folder that holds *jobs* ended jobs; return how many events."""
    data = DataFolder(folder)
    folder.mkdir(mode=0o700, parents=True)
    asyncio.run(_made(data.database))
    with closing(sqlite3.connect(data.database, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.executemany(
            "INSERT INTO repository VALUES (?, ?, ?, ?)",
            [rows._repository_row(repository(n)) for n in range(1, REPOSITORIES + 1)],  # noqa: SLF001 - its own rows
        )
        kept = db.execute(
            "SELECT type, name, sql FROM sqlite_schema"
            " WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
        ).fetchall()
        for kind, name, _ in kept:
            db.execute(f"DROP {kind} {name}")
        cursor = 0
        for batch in _batches(jobs, now, random.Random(seed)):  # noqa: S311 - no secret
            cursor = _written(db, batch, cursor)
        for _, _, sql in kept:
            db.execute(sql)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return cursor


def repository(number: int) -> Repository:
    """Return one of the repositories that the jobs are of."""
    return Repository(
        repository_id=number,
        name=f"r{number}",
        remote=f"https://example.org/r{number}",
        key=f"example.org/r{number}",
        created_at=_AT,
        created_by="bench",
    )


async def _made(path: Path) -> None:
    connection = await open_writer(path)
    await connection.close()


def _written(db: sqlite3.Connection, batch: list[tuple[Any, ...]], cursor: int) -> int:
    jobs, events = [], []
    for template, job_id, number, user, at in batch:
        head, shift = template.job, at - _AT
        name = f"r{number}"
        times = (None if one is None else one + shift for one in head[7:10])
        body = _moved(head[-1], job_id, number, user)
        jobs.append((job_id, number, name, user, *head[4:7], *times, *head[10:-1], body))
        for event in template.events:
            cursor += 1
            events.append((cursor, job_id, number, name, event[4], event[5] + shift, *event[6:]))
    db.execute("BEGIN")
    db.executemany(rows._PUT_JOB, jobs)  # noqa: SLF001 - the daemon's own words
    db.executemany(rows._PUT_EVENT, events)  # noqa: SLF001 - likewise
    db.execute("COMMIT")
    return cursor


def _moved(body: str, job_id: str, number: int, user: str) -> str:
    return (
        body.replace(_ID, job_id)
        .replace(
            '"repository_id":1,"repository":"r1"',
            f'"repository_id":{number},"repository":"r{number}"',
        )
        .replace('"u1"', f'"{user}"')
    )


def _batches(jobs: int, now: float, dice: random.Random) -> Iterator[list[tuple[Any, ...]]]:
    templates = {name: _template(name) for name, _ in _SHARES}
    names = [name for name, share in _SHARES for _ in range(share)]
    for start in range(0, jobs, _BATCH):
        yield [
            (
                templates[dice.choice(names)],
                _job_id(at := now - SPAN_S + SPAN_S * n / jobs, dice),
                dice.randint(1, REPOSITORIES),
                f"u{dice.randint(1, USERS)}",
                at,
            )
            for n in range(start, min(jobs, start + _BATCH))
        ]


def _job_id(at: float, dice: random.Random) -> str:
    value = (int(at * 1000) << 80) | (7 << 76) | (2 << 62) | dice.getrandbits(62)
    return str(uuid.UUID(int=value | (dice.getrandbits(12) << 64)))


def _template(name: str) -> _Template:
    job, events = lived(name)
    return _Template(
        rows._job_row(job),  # noqa: SLF001 - its own rows
        [rows._event_row(0, event) for event in events],  # noqa: SLF001 - likewise
    )


def lived(name: str) -> tuple[Job, list[Event]]:
    """Return a job that ended as *name* says, or still runs, and its events."""
    events = []

    def take(moved: moves.Moved) -> Job:
        events.append(moved.event)
        return moved.job

    job = Job(
        job_id=_ID, repository_id=1, repository="r1", requested_by="u1", requesters=("u1",),
        created_at=_AT,
    )  # fmt: skip
    job = take(moves.enqueue(job, at=_AT))
    if name == "cancelled":
        request = CancelRequest(requested_by="u1", reason="not needed any more", at=_AT + 1)
        return take(moves.cancel(job, request, at=_AT + 1)), events
    job = take(moves.claim(job, at=_AT + 0.1, is_first=False))
    job = take(moves.start_phase(job, Phase.FETCH, at=_AT + 0.1))
    if name == "failed":
        error = JobError(
            code="remote-unreachable", title="the remote cannot be reached",
            detail="fatal: unable to access: could not resolve host", hint="check the address",
            phase=Phase.FETCH, retryable=True,
        )  # fmt: skip
        return take(moves.fail(job, error, at=_AT + 3.5)), events
    moved = BranchMove(branch="main", before="a" * 40, fetched="b" * 40, is_default=True)
    job = take(moves.end_phase(job, _ended(Phase.FETCH), at=_AT + 0.6))
    if name == "running":
        return take(moves.start_phase(job, Phase.DIFF, at=_AT + 0.7)), events
    if name == "unchanged":
        return take(
            moves.complete(job, Outcome.UNCHANGED, at=_AT + 0.7, summary=_SUMMARY, commits=[moved])
        ), events
    for number, phase in enumerate(ORDER[1:], 1):
        job = take(moves.start_phase(job, phase, at=_AT + number))
        progress = PhaseProgressed(phase=phase, done=20, total=40, unit="files", bytes=90_000)
        job = take(moves.progress(job, progress, at=_AT + number + 0.2))
        job = take(moves.end_phase(job, _ended(phase), at=_AT + number + 0.5))
    return take(
        moves.complete(job, Outcome.UPDATED, at=_AT + 6, summary=_SUMMARY, commits=[moved])
    ), events


def _ended(phase: Phase) -> PhaseEnded:
    return PhaseEnded(
        phase, {"files": 40, "bytes": 180_000}, Usage(0.12, 40 << 20, 180_000, 90_000)
    )


_SUMMARY: Final = {
    "files_total": 4_500, "files_added": 1, "files_modified": 38, "files_deleted": 1,
    "files_renamed": 0, "files_indexed": 4_400, "files_skipped": 100,
    "skipped_by_reason": {"binary": 90, "too-large": 10}, "blobs_new": 39, "blobs_reused": 4_361,
    "commits_received": 10, "objects_received": 120, "bytes_received": 56_000,
    "bytes_indexed": 41_000_000,
}  # fmt: skip
