from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from ledgers import Store, opened

from cidxd.errors import BusyError, FaultError, InvalidError
from cidxd.model import incidents, intake
from cidxd.model.account import Principal, Role
from cidxd.model.course import PermitRefusedError, Result
from cidxd.model.intake import CancelEffect, SyncRequest
from cidxd.model.job import (
    IllegalTransitionError,
    Job,
    JobError,
    Kind,
    Options,
    Outcome,
    Status,
)
from cidxd.model.pipeline import Defer, GiveUp, job_error
from cidxd.model.queue import Limits
from cidxd.model.registry import State
from cidxd.model.report import Phase, PhaseEnded, PhaseProgressed, PhaseStarted, Usage
from cidxd.store.database import StoreError, open_reader
from cidxd.store.history import History, JobFilter

ADA = Principal("ada", Role.MEMBER, "s1")
BOB = Principal("bob", Role.MEMBER, "s2")


def result(outcome: Outcome = Outcome.UPDATED) -> Result:
    return Result(outcome=outcome, summary={"files_total": 3}, commits=())


async def test_a_job_is_stored_before_it_is_answered(store: Store) -> None:
    submitted = await store.ledger.submit(store.request(await store.repository()))
    reader = await open_reader(store.path)
    try:
        stored = await History(reader).job(submitted.job.job_id)
    finally:
        await reader.close()
    assert stored == submitted.job
    assert store.ledger.state.jobs.get(submitted.job.job_id) == submitted.job


async def test_second_sync_of_a_queued_repository_joins_it_and_of_a_busy_one_follows_up(
    store: Store,
) -> None:
    repository_id = await store.repository()
    first = await store.ledger.submit(store.request(repository_id))
    second = await store.ledger.submit(
        store.request(repository_id, "bob", options=Options(full=True))
    )
    assert second.is_joined
    assert second.job.job_id == first.job.job_id
    assert second.job.requesters == ("ada", "bob")
    assert second.job.options.full
    await store.ledger.claim_due()
    third = await store.ledger.submit(store.request(repository_id))
    fourth = await store.ledger.submit(store.request(repository_id))
    assert not third.is_joined
    assert fourth.is_joined
    assert fourth.job.job_id == third.job.job_id
    assert await store.ledger.claim_due() == []


async def test_submits_at_once_make_one_job(store: Store) -> None:
    repository_id = await store.repository()
    answers = await asyncio.gather(
        *(store.ledger.submit(store.request(repository_id, f"user{n}")) for n in range(50))
    )
    assert len({answer.job.job_id for answer in answers}) == 1
    assert sum(not answer.is_joined for answer in answers) == 1
    assert [event.seq for event in store.events] == list(range(1, 51))


async def test_a_cancelled_caller_changes_nothing_about_its_commit(store: Store) -> None:
    repository_id = await store.repository()
    request = store.request(repository_id)
    task = asyncio.create_task(store.ledger.submit(request))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    joined = await store.ledger.submit(store.request(repository_id))
    assert joined.is_joined
    assert joined.job.job_id == request.job_id


async def test_a_late_running_write_cannot_overwrite_a_final_status(store: Store) -> None:
    job = await store.running()
    done = await store.ledger.complete(job.job_id, result())
    with pytest.raises(IllegalTransitionError):
        await store.ledger.report(job.job_id, PhaseStarted(Phase.FETCH))
    with pytest.raises(IllegalTransitionError):
        await store.ledger.complete(job.job_id, result())
    assert store.ledger.state.jobs.get(job.job_id) == done
    assert store.events[-1].kind is Kind.COMPLETED


async def test_a_bad_row_fails_its_own_caller_only(store: Store) -> None:
    job = await store.running()

    def impossible(state: State) -> None:
        known = state.jobs.get(job.job_id)
        assert known is not None
        state.events.append(store.events[0])  # the same (job, seq) again

    good, bad = await asyncio.gather(
        store.ledger.report(job.job_id, PhaseStarted(Phase.FETCH)),
        store.ledger._writer.decide(impossible),
        return_exceptions=True,
    )
    assert isinstance(bad, StoreError)
    assert isinstance(good, Job)
    assert good.phase is Phase.FETCH


async def test_cursors_and_seqs_have_no_gap_after_a_refused_commit(store: Store) -> None:
    job = await store.running()
    await store.connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreError):
        await store.ledger.report(job.job_id, PhaseStarted(Phase.FETCH))
    assert store.ledger.fault is not None
    assert store.ledger.state.jobs.get(job.job_id) == job
    await store.connection.execute("PRAGMA query_only = OFF")
    await store.ledger.report(job.job_id, PhaseStarted(Phase.FETCH))
    assert store.ledger.fault is None
    assert [event.seq for event in store.events] == [1, 2, 3]
    assert [event.cursor for event in store.events] == [1, 2, 3]


async def test_progress_never_goes_back_over_attempts(store: Store) -> None:
    job = await store.running()
    await store.ledger.report(job.job_id, PhaseStarted(Phase.FETCH))
    ahead = await store.ledger.report(
        job.job_id, PhaseProgressed(Phase.FETCH, 90, 100, "objects", 1000)
    )
    behind = await store.ledger.report(job.job_id, PhaseProgressed(Phase.FETCH, 10, 100, "objects"))
    assert behind.progress >= ahead.progress > 0
    await store.ledger.end_attempt(job.job_id, _error(), Defer(0.0))
    (again,) = await store.ledger.claim_due()
    assert 100 > again.progress >= behind.progress
    assert again.attempt == 2
    done = await store.ledger.complete(job.job_id, result())
    assert done.progress == 100


async def test_a_permitted_job_cannot_be_cancelled_and_a_cancelled_one_gets_no_permit(
    store: Store,
) -> None:
    job = await store.running()
    cancelled = await store.ledger.cancel(job.job_id, ADA, reason="wrong branch")
    assert cancelled is not None
    assert cancelled.effect is CancelEffect.STOPPING
    with pytest.raises(PermitRefusedError):
        await store.ledger.permit(job.job_id, summary={}, commits=())
    ended = await store.ledger.cancelled(job.job_id)
    assert ended.status is Status.CANCELLED
    assert ended.cancel is not None
    assert (ended.cancel.requested_by, ended.cancel.reason) == ("ada", "wrong branch")

    second = await store.ledger.submit(store.request(job.repository_id))
    await store.ledger.claim_due()
    await store.ledger.permit(second.job.job_id, summary={}, commits=())
    late = await store.ledger.cancel(second.job.job_id, ADA, reason="")
    assert late is not None
    assert late.effect is CancelEffect.TOO_LATE


async def test_a_cancel_by_force_is_on_record_once_also_after_one_without(store: Store) -> None:
    job = await store.running()
    asked = [(False, 1), (False, 1), (True, 2), (True, 2), (False, 2)]
    is_forced = False
    for force, events in asked:
        is_forced |= force
        cancelled = await store.ledger.cancel(job.job_id, ADA, reason="", force=force)
        assert cancelled is not None
        assert cancelled.job.cancel is not None
        assert (cancelled.effect, cancelled.job.cancel.force) == (CancelEffect.STOPPING, is_forced)
        kinds = [event.kind for event in store.events]
        assert kinds.count(Kind.CANCEL_REQUESTED) == events


async def test_one_of_several_who_cancels_by_force_only_withdraws(store: Store) -> None:
    repository_id = await store.repository()
    job = (await store.ledger.submit(store.request(repository_id, "ada"))).job
    await store.ledger.submit(store.request(repository_id, "bob"))
    await store.ledger.claim_due()
    withdrawn = await store.ledger.cancel(job.job_id, ADA, reason="", force=True)
    assert withdrawn is not None
    assert withdrawn.effect is CancelEffect.WITHDRAWN
    assert (withdrawn.job.status, withdrawn.job.cancel) == (Status.RUNNING, None)


async def test_a_cancel_from_before_there_was_force_still_loads(store: Store) -> None:
    job = await store.running()
    await store.ledger.cancel(job.job_id, ADA, reason="old")
    await store.ledger.cancelled(job.job_id)
    await store.connection.execute("UPDATE job SET body = json_remove(body, '$.cancel.force')")
    await store.connection.commit()
    loaded = await History(store.connection).job(job.job_id)
    assert loaded is not None
    assert loaded.cancel is not None
    assert (loaded.cancel.reason, loaded.cancel.force) == ("old", False)


async def test_one_requesters_cancel_withdraws_and_the_last_ones_ends_the_job(
    store: Store,
) -> None:
    repository_id = await store.repository()
    job = (await store.ledger.submit(store.request(repository_id, "ada"))).job
    await store.ledger.submit(store.request(repository_id, "bob"))
    first = await store.ledger.cancel(job.job_id, ADA, reason="")
    assert first is not None
    assert first.effect is CancelEffect.WITHDRAWN
    assert first.job.status is Status.QUEUED
    last = await store.ledger.cancel(job.job_id, BOB, reason="")
    assert last is not None
    assert last.effect is CancelEffect.ENDED
    assert last.job.status is Status.CANCELLED


async def test_a_cancel_sent_twice_at_once_leaves_the_job_to_those_who_want_it(
    store: Store,
) -> None:
    repository_id = await store.repository()
    job = (await store.ledger.submit(store.request(repository_id, "ada"))).job
    await store.ledger.submit(store.request(repository_id, "bob"))
    twice = [store.ledger.cancel(job.job_id, BOB, reason="") for _ in range(2)]
    answers = await asyncio.gather(*twice)
    assert [answer.effect for answer in answers if answer] == [CancelEffect.WITHDRAWN] * 2
    now = store.ledger.state.jobs.get(job.job_id)
    assert now is not None
    assert (now.status, now.requesters) == (Status.QUEUED, ("ada",))
    assert [event.kind for event in store.events].count(Kind.WITHDRAWN) == 1


@pytest.mark.parametrize("end", ["transient fault", "last fault", "stop"])
async def test_a_job_that_was_to_be_cancelled_is_never_put_back(store: Store, end: str) -> None:
    job = await store.running()
    await store.ledger.cancel(job.job_id, ADA, reason="wrong branch")
    if end == "stop":  # the daemon stops before the cancel reached the runner
        ended = await store.ledger.interrupted(job.job_id)
    else:  # the fault was judged before the cancel was on record
        following = Defer(5.0) if end == "transient fault" else GiveUp()
        ended = await store.ledger.end_attempt(job.job_id, _error(), following)
    assert (ended.status, ended.message) == (Status.CANCELLED, "cancelled by ada")


async def test_a_claim_and_the_follow_up_of_the_same_moment_are_one_commit(store: Store) -> None:
    repository_id = await store.repository()
    await store.ledger.submit(store.request(repository_id))
    said: list[str] = []
    await store.connection.set_trace_callback(said.append)
    claimed, follow_up = await asyncio.gather(
        store.ledger.claim_due(), store.ledger.submit(store.request(repository_id))
    )
    assert [claimed[0].status, follow_up.job.status] == [Status.RUNNING, Status.QUEUED]
    assert (said.count("COMMIT"), said.count("ROLLBACK")) == (1, 0)


async def test_an_idempotency_key_is_taken_again_when_its_job_is_too_old_to_be_replayed(
    store: Store,
) -> None:
    job = await store.running()
    first = store.request(job.repository_id, key="k", body_hash="a")
    known = await store.ledger.submit(first)
    await store.ledger.cancel(known.job.job_id, ADA, reason="")
    store.ledger.state.jobs.drop(known.job.job_id)  # as after 500 others
    again = store.request(job.repository_id, key="k", body_hash="a")
    assert (await store.ledger.submit(again)).job.job_id == again.job_id


async def test_a_pause_outlasts_a_restart_and_so_does_its_end(
    tmp_path: Path, clock: Callable[[], float]
) -> None:
    path = tmp_path / "cidxd.db"
    async with opened(path, clock, Limits()) as store:
        await store.ledger.submit(store.request(await store.repository()))
        made = await store.ledger.pause(ADA, reason="a new disk")
        assert await store.ledger.claim_due() == []
    async with opened(path, clock, Limits()) as store:
        assert store.ledger.state.pause == made
        assert (made.reason, made.requested_by) == ("a new disk", "ada")
        assert await store.ledger.claim_due() == []
        await store.ledger.pause(BOB, reason="a full disk")
    async with opened(path, clock, Limits()) as store:
        assert (await store.ledger.pause(ADA, reason="a full disk")).requested_by == "bob"
        await store.ledger.resume()
        assert await store.ledger.resume() is None
    async with opened(path, clock, Limits()) as store:
        assert store.ledger.state.pause is None
        assert len(await store.ledger.claim_due()) == 1


async def test_the_same_idempotency_key_replays_its_job_also_after_a_restart(
    tmp_path: Path, clock: Callable[[], float]
) -> None:
    path = tmp_path / "cidxd.db"
    async with opened(path, clock, Limits()) as store:
        repository_id = await store.repository()
        request = store.request(repository_id, key="k", body_hash="a")
        first = await store.ledger.submit(request)
        await store.ledger.claim_due()
    async with opened(path, clock, Limits()) as store:
        known = await History(store.connection).known("ada", "k")
        more = {"job_id": "another", "key": "k", "known": known}
        again = SyncRequest(repository_id=repository_id, user="ada", body_hash="a", **more)  # type: ignore[arg-type]
        assert (await store.ledger.submit(again)).job.job_id == first.job.job_id
        other = dataclasses.replace(again, body_hash="b")
        with pytest.raises(InvalidError) as caught:
            await store.ledger.submit(other)
        assert caught.value.code == "idempotency-mismatch"


async def test_an_idempotency_key_is_good_for_a_day_and_then_forgotten(tmp_path: Path) -> None:
    now = 1_800_000_000.0
    async with opened(tmp_path / "cidxd.db", lambda: now, Limits()) as store:
        repository_id = await store.repository()
        await store.ledger.submit(store.request(repository_id, key="old", body_hash="a"))
        now += intake.KEYS_KEPT_S + 1
        await store.ledger.submit(store.request(repository_id, key="new", body_hash="a"))
        history = History(store.connection)
        before = now - intake.KEYS_KEPT_S
        assert await history.keys_before(before, 10) == [("ada", "old")]
        await store.ledger.forget_keys([("ada", "old")])
        stored = await store.connection.execute_fetchall("SELECT key FROM idempotency_key")
        assert [row[0] for row in stored] == ["new"]
        assert store.ledger.state.keys.get(("ada", "old")) is None


async def test_a_restart_finds_every_job_as_it_was(
    tmp_path: Path, clock: Callable[[], float]
) -> None:
    path = tmp_path / "cidxd.db"
    async with opened(path, clock, Limits()) as store:
        job = await store.running()
        await store.ledger.report(job.job_id, PhaseStarted(Phase.FETCH))
        await store.ledger.report(job.job_id, PhaseEnded(Phase.FETCH, {"objects": 3}, Usage(1.5)))
        before = store.ledger.state.jobs.get(job.job_id)
        cursor = store.ledger.state.cursor
    async with opened(path, clock, Limits()) as store:
        assert store.ledger.state.jobs.get(job.job_id) == before
        assert store.ledger.state.cursor == cursor
        again = await store.ledger.interrupted(job.job_id)
        assert (again.status, again.attempt, again.returned) == (Status.QUEUED, 0, True)
        assert again.attempts[0].interrupted
        fresh = await store.ledger.submit(store.request(job.repository_id))
        assert fresh.is_joined


async def test_an_incident_and_the_jobs_that_it_holds_back_outlast_a_restart(
    tmp_path: Path, clock: Callable[[], float]
) -> None:
    path = tmp_path / "cidxd.db"
    async with opened(path, clock, Limits()) as store:
        for number in range(3):
            await store.ledger.submit(store.request(await store.repository(f"r{number}")))
        for job in await store.ledger.claim_due():
            await store.ledger.end_attempt(job.job_id, _error(), Defer(0.0), retry_after_s=60.0)
        (before,) = incidents.opened(store.ledger.state)
    async with opened(path, clock, Limits()) as store:
        assert incidents.opened(store.ledger.state) == [before]
        assert before.host == "example.org"
        assert await store.ledger.claim_due() == []
    later = itertools.count(1_800_000_100)
    async with opened(path, lambda: float(next(later)), Limits()) as store:
        (job,) = await store.ledger.claim_due()
        await store.ledger.complete(job.job_id, result(Outcome.UNCHANGED))
        assert len(await store.ledger.claim_due()) == 2
    async with opened(path, clock, Limits()) as store:
        assert list(store.ledger.state.incidents.values()) == []


async def test_limits_are_refused_with_a_reason(tmp_path: Path, clock: Callable[[], float]) -> None:
    limits = Limits(running=0, queued=3, queued_per_user=2)
    async with opened(tmp_path / "cidxd.db", clock, limits) as store:
        ids = [await store.repository(f"r{number}") for number in range(4)]
        await store.ledger.submit(store.request(ids[0]))
        await store.ledger.submit(store.request(ids[1]))
        with pytest.raises(BusyError) as own:
            await store.ledger.submit(store.request(ids[2]))
        assert own.value.code == "user-queue-full"
        await store.ledger.submit(store.request(ids[2], "bob"))
        with pytest.raises(BusyError) as whole:
            await store.ledger.submit(store.request(ids[3], "cy"))
        assert whole.value.code == "queue-full"


async def test_history_filters_and_pages_newest_first(store: Store) -> None:
    ids = [await store.repository(f"r{number}") for number in range(5)]
    jobs = [(await store.ledger.submit(store.request(i, f"u{i % 2}"))).job for i in ids]
    for job in await store.ledger.claim_due():
        await store.ledger.end_attempt(job.job_id, _error(), GiveUp())
    reader = await open_reader(store.path)
    try:
        history = History(reader)
        newest = await history.jobs(JobFilter(), 2)
        assert [job.job_id for job in newest] == [jobs[4].job_id, jobs[3].job_id]
        rest = await history.jobs(JobFilter(before=newest[-1].job_id), 10)
        assert [job.job_id for job in rest] == [job.job_id for job in jobs[2::-1]]
        failed = await history.jobs(JobFilter(status="failed"), 10)
        assert {job.status for job in failed} == {Status.FAILED}
        mine = await history.jobs(JobFilter(user="u1"), 10)
        assert {job.requested_by for job in mine} == {"u1"}
        assert await history.jobs(JobFilter(words="remote%"), 10) == []
    finally:
        await reader.close()


def _error() -> JobError:
    return job_error(FaultError("remote-unreachable", "no route"), Phase.FETCH)
