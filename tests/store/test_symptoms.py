"""Symptoms of other systems' stores, one by one: each fails to happen here."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from ledgers import Store, opened

from cidxd.errors import FaultError
from cidxd.model.account import Principal, Role
from cidxd.model.catalogue import Registration
from cidxd.model.course import Result
from cidxd.model.intake import Submitted
from cidxd.model.job import IllegalTransitionError, Kind, Outcome, Status
from cidxd.model.pipeline import Defer, GiveUp, job_error
from cidxd.model.queue import Limits
from cidxd.model.registry import RECENT_JOBS
from cidxd.model.report import Phase, PhaseProgressed, PhaseStarted
from cidxd.store import rows
from cidxd.store.database import StoreError, open_reader
from cidxd.store.history import History
from cidxd.store.session_rows import PUT_SESSION

ROOT = Path(__file__).parents[2]
ADA = Principal("ada", Role.MEMBER, "s1")
DONE = Result(outcome=Outcome.UPDATED, summary={}, commits=())
FAULT = job_error(FaultError("remote-unreachable", "no route"), Phase.FETCH)


def test_no_second_code_path_writes_the_row_of_a_job() -> None:
    sources = "\n".join(path.read_text("utf-8") for path in (ROOT / "cidxd").rglob("*.py"))
    writes = re.findall(r"(?i)(?:insert(?: or \w+)? into|update|replace into) job\b", sources)
    assert writes == ["INSERT INTO job"]


async def test_a_job_completed_twice_ends_once_and_leaves_no_zombie_row(store: Store) -> None:
    job = await store.running()
    answers = await asyncio.gather(
        store.ledger.complete(job.job_id, DONE),
        store.ledger.complete(job.job_id, DONE),
        store.ledger.end_attempt(job.job_id, FAULT, GiveUp()),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers[1:]] == [IllegalTransitionError] * 2
    assert [event.kind for event in store.events][-1:] == [Kind.COMPLETED]
    stored = await store.connection.execute_fetchall("SELECT status FROM job")
    assert [tuple(row) for row in stored] == [("completed",)]


async def test_an_ended_jobs_events_are_closed_by_the_database_itself(store: Store) -> None:
    job = await store.running()
    await store.ledger.complete(job.job_id, DONE)
    late = "INSERT INTO event SELECT 99, job_id, repository_id, repository, 99, at, kind, data"
    with pytest.raises(sqlite3.IntegrityError, match="a final job takes no event"):
        await store.connection.execute(f"{late} FROM event WHERE kind = 'claimed'")


async def test_stale_error_text_does_not_survive_a_recovery(store: Store) -> None:
    job = await store.running()
    deferred = await store.ledger.end_attempt(job.job_id, FAULT, Defer(0.0))
    assert deferred.attempts[0].error == FAULT
    (again,) = await store.ledger.claim_due()
    assert (again.status, again.error, again.message) == (Status.RUNNING, None, "starting")
    done = await store.ledger.complete(job.job_id, DONE)
    assert (done.error, done.attempts[0].error, done.attempts[1].error) == (None, FAULT, None)


async def test_database_is_locked_for_a_moment_and_nobody_fails(store: Store) -> None:
    job = await store.running()
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.create_task(store.ledger.report(job.job_id, PhaseStarted(Phase.FETCH)))
    reader = await open_reader(store.path)
    try:
        assert await History(reader).job(job.job_id) == job  # who reads does not wait
    finally:
        await reader.close()
    assert not writing.done()
    other.execute("ROLLBACK")
    other.close()
    assert (await writing).phase is Phase.FETCH


async def test_the_database_has_a_log_ahead_and_every_connection_a_busy_timeout(
    store: Store,
) -> None:
    async def pragma(name: str) -> object:
        return next(iter(await store.connection.execute_fetchall(f"PRAGMA {name}")))[0]

    assert (await pragma("journal_mode"), await pragma("synchronous")) == ("wal", 2)
    assert int(str(await pragma("busy_timeout"))) >= 1000
    reader = await open_reader(store.path)
    try:
        [row] = await reader.execute_fetchall("PRAGMA busy_timeout")
    finally:
        await reader.close()
    assert row[0] >= 1000


async def test_many_changes_at_once_are_a_few_commits_and_not_one_each(store: Store) -> None:
    repository_id = await store.repository()
    said: list[str] = []
    await store.connection.set_trace_callback(said.append)
    requests = [store.request(repository_id, f"user{n}") for n in range(100)]
    await asyncio.gather(*map(store.ledger.submit, requests))
    assert said.count("COMMIT") <= 2


def test_no_column_is_encoded_on_insert_and_forgotten_on_update() -> None:
    never_change = {
        "job": {"job_id", "repository_id", "created_at"},
        "user": {"name", "created_at"},
        "session": {"session_id", "user", "created_at", "address", "agent"},
    }
    for table, fixed in never_change.items():
        statement = PUT_SESSION if table == "session" else getattr(rows, f"_PUT_{table.upper()}")
        inserted = re.findall(r"\w+", statement.partition("(")[2].partition(")")[0])
        updated = re.findall(r"(\w+) = excluded\.(\w+)", statement)
        assert {name for name, _ in updated} == set(inserted) - fixed, table
        assert all(name == source for name, source in updated)


async def test_a_json_column_is_the_same_after_an_update_as_after_an_insert(store: Store) -> None:
    job = await store.running()
    await store.ledger.report(job.job_id, PhaseStarted(Phase.FETCH))
    told = await store.ledger.report(job.job_id, PhaseProgressed(Phase.FETCH, 1, 2, "objects"))
    [updated] = await store.connection.execute_fetchall("SELECT body FROM job")
    assert rows.job_from(updated[0]) == told
    await store.connection.execute("DELETE FROM event")
    await store.connection.execute("DROP TRIGGER job_active_stays")
    await store.connection.execute("DELETE FROM job")
    await store.connection.commit()
    draft = type(store.ledger.state)()
    draft.jobs.put(told.job_id, told)
    for sql, parameters in rows.statements(draft, 1):
        await store.connection.executemany(sql, parameters)
    [inserted] = await store.connection.execute_fetchall("SELECT body FROM job")
    assert inserted[0] == updated[0]


async def test_a_job_that_merely_waits_is_never_failed_for_that(tmp_path: Path) -> None:
    now = 1_800_000_000.0
    async with opened(tmp_path / "cidxd.db", lambda: now, Limits()) as store:
        waiting = (await store.ledger.submit(store.request(await store.repository()))).job
    now += 365 * 86_400.0
    async with opened(tmp_path / "cidxd.db", lambda: now, Limits()) as store:
        assert store.ledger.state.jobs.get(waiting.job_id) == waiting
        (claimed,) = await store.ledger.claim_due()
        assert claimed.job_id == waiting.job_id


async def test_two_refreshes_of_one_repository_never_run_in_parallel(store: Store) -> None:
    job = await store.running()
    follow_up = (await store.ledger.submit(store.request(job.repository_id))).job
    for _ in range(3):
        assert await store.ledger.claim_due() == []
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):  # not even by a faulty program
        await store.connection.execute(
            "UPDATE job SET status = 'running' WHERE job_id = ?", (follow_up.job_id,)
        )
    await store.ledger.complete(job.job_id, DONE)
    assert [claimed.job_id for claimed in await store.ledger.claim_due()] == [follow_up.job_id]


async def test_the_blocking_job_is_found_behind_any_number_of_newer_jobs(
    tmp_path: Path, clock: Callable[[], float]
) -> None:
    limits = Limits(running=1_000, running_per_user=1_000, queued=1_000, queued_per_user=1_000)
    async with opened(tmp_path / "cidxd.db", clock, limits) as store:
        blocking = await store.running()
        ids = [await store.repository(f"r{number}") for number in range(RECENT_JOBS + 100)]
        await asyncio.gather(*(store.ledger.submit(store.request(number)) for number in ids))
        newer = await store.ledger.claim_due()
        await asyncio.gather(*(store.ledger.complete(job.job_id, DONE) for job in newer))
        first = await store.ledger.submit(store.request(blocking.repository_id))
        second = await store.ledger.submit(store.request(blocking.repository_id))
        assert not first.is_joined
        assert second.is_joined
        assert second.job.job_id == first.job.job_id
        assert await store.ledger.claim_due() == []


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
async def test_no_sync_in_history_blocks_the_next(store: Store, end: str) -> None:
    job = await store.running()
    if end == "completed":
        await store.ledger.complete(job.job_id, DONE)
    elif end == "failed":
        await store.ledger.end_attempt(job.job_id, FAULT, GiveUp())
    else:
        await store.ledger.cancel(job.job_id, ADA, reason="")
        await store.ledger.cancelled(job.job_id)
    following = await store.ledger.submit(store.request(job.repository_id))
    assert not following.is_joined
    assert [claimed.job_id for claimed in await store.ledger.claim_due()] == [following.job.job_id]


async def test_a_repository_does_not_block_anothers_of_the_same_name(store: Store) -> None:
    remotes = [f"https://example.org/{user}/demo.git" for user in ("ada", "bob")]
    made = [await store.ledger.register(Registration(remote=r, user="ada")) for r in remotes]
    assert [row.name for row in made] == ["demo", "demo-2"]
    jobs = [await store.ledger.submit(store.request(row.repository_id)) for row in made]
    assert [job.is_joined for job in jobs] == [False, False]
    assert len(await store.ledger.claim_due()) == 2


async def test_a_cancel_remembered_against_an_ended_job_does_not_end_the_next_one(
    store: Store,
) -> None:
    job = await store.running()
    await store.ledger.complete(job.job_id, DONE)
    await store.ledger.cancel(job.job_id, ADA, reason="too late")
    following = (await store.ledger.submit(store.request(job.repository_id))).job
    (claimed,) = await store.ledger.claim_due()
    assert (claimed.job_id, claimed.cancel) == (following.job_id, None)
    await store.ledger.permit(claimed.job_id, summary={}, commits=())


async def test_what_cannot_be_stored_fails_its_own_caller_and_the_writer_goes_on(
    store: Store,
) -> None:
    repository_id = await store.repository()
    odd = store.ledger.submit(store.request(repository_id, "\udcff"))
    fine = store.ledger.submit(store.request(await store.repository("other")))
    refused, submitted = await asyncio.gather(odd, fine, return_exceptions=True)
    assert isinstance(refused, StoreError)
    assert isinstance(submitted, Submitted)
    assert [job.job_id for job in store.ledger.state.jobs.active()] == [submitted.job.job_id]
