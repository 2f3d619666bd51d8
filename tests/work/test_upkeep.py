from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from indexer.filling import Filled
from sandbox import Checkout

from cidxd.git import guard
from cidxd.indexer import merging
from cidxd.model.job import Attempt, Event, Job, Kind, Outcome, Status
from cidxd.model.registry import State
from cidxd.model.report import Report
from cidxd.model.repository import Repository
from cidxd.work import lock
from cidxd.work.allowance import Allowance
from cidxd.work.folders import DataFolder
from cidxd.work.outreach import Outreach
from cidxd.work.phases import Phases, Tools
from cidxd.work.reporter import Reporter
from cidxd.work.searchers import Searchers
from cidxd.work.upkeep import Upkeep

ENV = {"PATH": os.environ["PATH"]}
FAN_IN = merging.FAN_IN
REAL = (sys.executable, "-m", "cidxd.indexer", "upkeep")
JOB = Job(
    job_id="j", repository_id=1, repository="demo", requested_by="ada", created_at=1.0,
    requesters=("ada",),
)  # fmt: skip

# Says that it has begun, by a file beside the index, and works until it is ended.
ENDLESS = """
import json, os, sys
index = json.loads(sys.stdin.readline())["index"]
print('{"type": "hello", "version": 1}', flush=True)
open(index + ".new", "w").write(str(os.getpid()))
os.rename(index + ".new", index + ".begun")
while sys.stdin.readline():
    pass
sys.exit(3)
"""
FAILING = """
import sys
sys.stdin.readline()
print('{"type": "hello", "version": 1}')
print('{"type": "failed", "code": "index-damaged", "detail": "a bit is wrong"}', flush=True)
"""


def repository(key: int, *, remote: str = "/nowhere") -> Repository:
    return Repository(
        repository_id=key, name=f"r{key}", remote=remote, key=f"r{key}", created_at=1.0,
        created_by="ada",
    )  # fmt: skip


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not what():  # noqa: ASYNC110 - what happens on disk sets no event
            await asyncio.sleep(0.005)


@dataclasses.dataclass
class Yard:
    """Repositories 1 and 2, and upkeep at work on them."""

    data: DataFolder
    state: State
    slots: asyncio.Semaphore
    upkeep: Upkeep

    def index(self, repository_id: int = 1) -> Path:
        return self.data.repository(repository_id).index

    def begun(self, repository_id: int = 1) -> Path:
        return self.index(repository_id).with_suffix(".begun")

    def put(self, job: Job) -> None:
        self.state.jobs.put(job.job_id, job)

    def happened(self, kind: Kind, job: Job) -> None:
        self.put(job)
        event = Event(
            job_id=job.job_id, repository_id=job.repository_id, repository=job.repository,
            seq=1, at=1.0, kind=kind, data={},
        )  # fmt: skip
        self.upkeep.notice([event])

    def updated(self, repository_id: int = 1) -> None:
        done = dataclasses.replace(
            JOB, repository_id=repository_id, status=Status.COMPLETED, outcome=Outcome.UPDATED
        )
        self.happened(Kind.COMPLETED, done)


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[Callable[..., Yard]]:
    tasks: list[asyncio.Task[None]] = []

    def yard(
        *argv: str,
        code: str = "",
        slots: int = 1,
        pause_s: float = 0.0,
        stall_s: float = 30.0,
        allowance: Allowance | None = None,
    ) -> Yard:
        data, state = DataFolder(tmp_path / "data"), State()
        for key in (1, 2):
            state.repositories.put(key, repository(key))
        semaphore = asyncio.Semaphore(slots)
        upkeep = Upkeep(
            argv or (sys.executable, "-c", code), env=ENV, data=data, state=state,
            index_slots=semaphore, stall_s=stall_s, pause_s=pause_s,
            allowance=allowance or Allowance(),
        )  # fmt: skip
        tasks.append(asyncio.create_task(upkeep.run()))
        return Yard(data, state, semaphore, upkeep)

    yield yard
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def small_segments(index: Path) -> Filled:
    made = Filled(index)
    for number in range(FAN_IN):
        made.sync({f"file-{number}": b"needle %d\n" % number})
    return made


def large_segments(index: Path) -> Filled:
    """Segments whose merge takes long enough to be met in the middle of it."""
    made = Filled(index)
    line = b"needle is what is looked for in here %d\n"
    for first in range(FAN_IN):
        made.sync({f"{first}-{n}": line % n * 20_000 for n in range(first, 40, FAN_IN)})
    return made


async def test_an_index_is_looked_after_once_a_sync_has_changed_it(
    yard: Callable[..., Yard],
) -> None:
    made = yard(*REAL)
    index = small_segments(made.index())
    made.updated()
    assert made.upkeep.is_busy
    await until(lambda: made.upkeep.counts["done"])
    assert len(index.segment_ids()) == 1
    assert index.lines("needle") == index.expected("needle")
    assert not made.upkeep.is_busy
    assert not made.slots.locked()


@pytest.mark.parametrize("outcome", [Outcome.UNCHANGED, None])
async def test_a_sync_that_changed_nothing_asks_for_no_upkeep(
    yard: Callable[..., Yard], outcome: Outcome | None
) -> None:
    made = yard(code=ENDLESS)
    status = Status.FAILED if outcome is None else Status.COMPLETED
    job = dataclasses.replace(JOB, status=status, outcome=outcome)
    made.happened(Kind.FAILED if outcome is None else Kind.COMPLETED, job)
    assert not made.upkeep.is_busy


async def test_a_repository_with_a_job_is_left_alone_until_that_has_ended(
    yard: Callable[..., Yard],
) -> None:
    made = yard(code=ENDLESS)
    made.put(JOB)  # queued
    made.upkeep.want([1, 2])
    await until(made.begun(2).exists)
    await made.upkeep.give_way(2)
    made.put(dataclasses.replace(JOB, job_id="two", repository_id=2))
    assert not made.begun(1).exists()

    made.happened(Kind.COMPLETED, dataclasses.replace(JOB, status=Status.COMPLETED))
    await until(made.begun(1).exists)


async def test_repositories_are_looked_after_one_at_a_time(yard: Callable[..., Yard]) -> None:
    made = yard(code=ENDLESS, slots=4)
    made.upkeep.want([1, 2])
    await until(made.begun(1).exists)
    assert not made.begun(2).exists()
    await made.upkeep.give_way(2)  # its turn has not come: nothing to end
    assert not made.upkeep.counts["ended"]
    await made.upkeep.give_way(1)
    await until(made.begun(2).exists)


async def test_no_upkeep_starts_while_every_index_place_is_taken(
    yard: Callable[..., Yard],
) -> None:
    made = yard(code=ENDLESS)
    async with made.slots:
        made.updated()
        for _ in range(10):
            await asyncio.sleep(0)
        assert not made.begun().exists()
    made.happened(Kind.COMPLETED, dataclasses.replace(JOB, status=Status.COMPLETED))
    await until(made.begun().exists)


async def test_upkeep_makes_room_for_a_sync_of_another_repository(
    yard: Callable[..., Yard],
) -> None:
    made = yard(code=ENDLESS)
    made.updated()
    await until(made.begun().exists)
    assert made.slots.locked()
    await made.upkeep.make_room()
    assert not made.slots.locked()
    assert not is_running(int(made.begun().read_text()))
    async with made.slots:
        assert made.upkeep.is_busy  # it goes on later


async def test_upkeep_goes_on_while_there_is_room_for_a_sync(yard: Callable[..., Yard]) -> None:
    made = yard(code=ENDLESS, slots=2)
    made.updated()
    await until(made.begun().exists)
    await made.upkeep.make_room()
    assert is_running(int(made.begun().read_text()))


async def test_the_lock_is_free_as_soon_as_upkeep_gave_way_and_nothing_is_half_done(
    yard: Callable[..., Yard],
) -> None:
    """A real child in the middle of writing a segment."""
    made = yard(*REAL)
    index = large_segments(made.index())
    before = index.segment_ids()
    made.updated()
    await until(lambda: list(index.epoch.rglob("*.tmp")))

    made.put(JOB)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await made.upkeep.give_way(1)
    async with lock.held(made.data.repository(1).lock, 0):
        took = loop.time() - began
        assert index.segment_ids() == before
        assert not list(index.epoch.rglob("*.tmp"))
    assert took < 2.5  # it was not killed, which comes three seconds after it was told to stop
    await until(lambda: made.upkeep.counts["ended"])

    made.happened(Kind.COMPLETED, dataclasses.replace(JOB, status=Status.COMPLETED))
    await until(lambda: made.upkeep.counts["done"])
    assert len(index.segment_ids()) == 1
    assert not index.has_orphans()


async def test_a_fault_is_counted_and_the_next_repository_has_its_turn(
    yard: Callable[..., Yard],
) -> None:
    made = yard(code=FAILING)
    made.upkeep.want([1, 2])
    await until(lambda: made.upkeep.counts["failed"] == 2)
    assert not made.upkeep.is_busy


async def test_damage_that_a_real_child_finds_is_left_to_the_next_sync(
    yard: Callable[..., Yard],
) -> None:
    made = yard(*REAL)
    index = small_segments(made.index())
    next(index.epoch.rglob("*.seg")).unlink()
    made.updated()
    await until(lambda: made.upkeep.counts["failed"])
    assert (index.epoch / "DAMAGED").exists()


async def test_a_silent_child_is_ended(yard: Callable[..., Yard]) -> None:
    made = yard(code=ENDLESS, stall_s=0.3)
    made.updated()
    await until(lambda: made.upkeep.counts["failed"])
    assert not is_running(int(made.begun().read_text()))


async def test_a_child_with_more_memory_than_it_may_have_is_ended(
    yard: Callable[..., Yard],
) -> None:
    made = yard(code=ENDLESS, allowance=Allowance(memory_mb=1))
    made.updated()
    await until(lambda: made.upkeep.counts["failed"])
    assert not made.upkeep.is_busy


async def test_a_repository_that_somebody_else_writes_is_left_alone(
    yard: Callable[..., Yard],
) -> None:
    made = yard(code=ENDLESS)
    async with lock.held(made.data.repository(1).lock, 0):
        made.updated()
        await until(lambda: made.upkeep.counts["failed"])
    assert not made.begun().exists()


async def test_a_removed_repository_is_forgotten(yard: Callable[..., Yard]) -> None:
    made = yard(code=ENDLESS)
    made.put(JOB)
    made.upkeep.want([1])
    made.state.repositories.drop(1)
    made.happened(Kind.COMPLETED, dataclasses.replace(JOB, status=Status.COMPLETED))
    await until(lambda: not made.upkeep.is_busy)
    assert not made.begun().exists()


async def test_nothing_runs_on_when_the_daemon_stops(tmp_path: Path) -> None:
    data, state = DataFolder(tmp_path), State()
    state.repositories.put(1, repository(1))
    upkeep = Upkeep(
        (sys.executable, "-c", ENDLESS), env=ENV, data=data, state=state,
        index_slots=asyncio.Semaphore(1), stall_s=30, pause_s=0,
        allowance=Allowance(),
    )  # fmt: skip
    begun = data.repository(1).index.with_suffix(".begun")
    upkeep.want([1])
    task = asyncio.create_task(upkeep.run())
    await until(begun.exists)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert not is_running(int(begun.read_text()))


async def test_a_sync_ends_the_upkeep_of_its_repository_and_is_not_held_up(
    yard: Callable[..., Yard], tmp_path: Path
) -> None:
    """Real git, a real build child and a real search child; upkeep that would never end."""
    origin = Checkout(tmp_path / "origin")
    head = origin.commit({"a": "needle\n"})
    made = yard(code=ENDLESS)
    made.state.repositories.put(1, repository(1, remote=str(origin.folder)))
    made.updated()
    await until(made.begun().exists)

    environ = guard.local_env(os.environ)
    searchers = Searchers((sys.executable, "-m", "cidxd.indexer", "search"), env=environ, size=1)
    tools = Tools(
        build_argv=(sys.executable, "-m", "cidxd.indexer", "build"),
        outreach=Outreach(guard.user_env(os.environ)), child_env=environ,
        stall_s=30.0, lock_wait_s=0.0, max_file_bytes=1 << 20,
        symbols="tree-sitter",
    )  # fmt: skip

    async def permit(*_: object) -> None:
        return None

    async def record(_: Report) -> Job:
        return job

    phases = Phases(
        tools, made.data, searchers, made.upkeep,
        repository_of=made.state.repositories.get, permit=permit, moved=permit,
        index_slots=made.slots, allowance=Allowance(),
    )  # fmt: skip
    tries = (Attempt(number=1, started_at=1.0),)
    job = dataclasses.replace(JOB, status=Status.RUNNING, attempts=tries)
    made.put(job)
    report = Reporter(job, record)
    pump = asyncio.create_task(report.run())
    try:
        result: Any = await phases.sync(job, report)
    finally:
        report.close()
        await pump
        await searchers.close()
    assert result.outcome is Outcome.UPDATED
    assert [move.indexed for move in result.commits] == [head]
    assert made.upkeep.counts["ended"] == 1
    assert not is_running(int(made.begun().read_text()))


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
