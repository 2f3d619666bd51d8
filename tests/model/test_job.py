from __future__ import annotations

import dataclasses
import itertools

import pytest

from cidxd.errors import FaultError
from cidxd.model import moves
from cidxd.model.job import (
    ANYTHING,
    FINAL,
    TRANSITIONS,
    CancelRequest,
    IllegalTransitionError,
    Job,
    Kind,
    Outcome,
    PhaseStatus,
    Status,
)
from cidxd.model.moves import Moved
from cidxd.model.pipeline import job_error
from cidxd.model.records import Wait
from cidxd.model.report import ORDER, Phase, PhaseEnded, PhaseProgressed, Usage

ERROR = job_error(FaultError("remote-unreachable", "no route"), Phase.FETCH)
CANCEL = CancelRequest(requested_by="ada", reason="", at=1.0)
QUEUED = Job(
    job_id="j",
    repository_id=1,
    repository="demo",
    requested_by="ada",
    requesters=("ada", "bob"),
    created_at=1.0,
)
MOVES = {
    Kind.ENQUEUED: lambda job: moves.enqueue(job, at=2.0),
    Kind.JOINED: lambda job: moves.join(job, user="cy", options=ANYTHING, at=2.0),
    Kind.WITHDRAWN: lambda job: moves.withdraw(job, user="ada", at=2.0),
    Kind.CLAIMED: lambda job: moves.claim(job, at=2.0, is_first=True),
    Kind.PHASE_STARTED: lambda job: moves.start_phase(job, Phase.FETCH, at=2.0),
    Kind.PROGRESSED: lambda job: moves.progress(
        job, PhaseProgressed(Phase.FETCH, 1, 2, "objects"), at=2.0
    ),
    Kind.PHASE_COMPLETED: lambda job: moves.end_phase(
        job, PhaseEnded(Phase.FETCH, {}, Usage()), at=2.0
    ),
    Kind.PUBLISH_STARTED: lambda job: moves.permit(job, summary={}, commits=(), at=2.0),
    Kind.DEFERRED: lambda job: moves.defer(job, ERROR, Wait(9.0, 2.0), at=2.0),
    Kind.INTERRUPTED: lambda job: moves.interrupt(job, at=2.0),
    Kind.CANCEL_REQUESTED: lambda job: moves.request_cancel(job, CANCEL, at=2.0),
    Kind.CANCELLED: lambda job: moves.cancel(job, CANCEL, at=2.0),
    Kind.FAILED: lambda job: moves.fail(job, ERROR, at=2.0),
    Kind.COMPLETED: lambda job: moves.complete(
        job, Outcome.UPDATED, at=2.0, summary={}, commits=()
    ),
}


def job_in(status: Status) -> Job:
    running = moves.claim(QUEUED, at=1.0, is_first=True).job
    return {
        Status.QUEUED: QUEUED,
        Status.RUNNING: running,
        Status.COMPLETED: moves.complete(
            running, Outcome.UPDATED, at=1.0, summary={}, commits=()
        ).job,
        Status.FAILED: moves.fail(running, ERROR, at=1.0).job,
        Status.CANCELLED: moves.cancel(running, CANCEL, at=1.0).job,
    }[status]


@pytest.mark.parametrize(("status", "kind"), list(itertools.product(Status, MOVES)))
def test_every_event_in_every_status_moves_the_job_or_is_refused(
    status: Status, kind: Kind
) -> None:
    job = job_in(status)
    if kind not in TRANSITIONS[status]:
        with pytest.raises(IllegalTransitionError):
            MOVES[kind](job)
        return
    moved = MOVES[kind](job)
    assert moved.job.status is TRANSITIONS[status][kind]
    assert moved.event.kind is kind
    assert moved.job.seq == moved.event.seq == job.seq + 1
    assert (moved.job.finished_at is not None) == (moved.job.status in FINAL)
    assert {"status", "phase", "progress_percentage", "message"} <= set(moved.event.data)


def test_no_event_is_forgotten_by_the_table_or_by_its_test() -> None:
    in_table = {kind for moves_of in TRANSITIONS.values() for kind in moves_of}
    assert in_table == set(Kind)
    assert set(MOVES) == set(Kind)


def test_only_a_completed_job_shows_100_percent() -> None:
    job = job_in(Status.RUNNING)
    for phase in ORDER:
        job = moves.start_phase(job, phase, at=2.0).job
        moved = moves.end_phase(job, PhaseEnded(phase, {}, Usage()), at=3.0)
        job = moved.job
        assert moved.event.data["progress_percentage"] < 100
    done = moves.complete(job, Outcome.UPDATED, at=4.0, summary={}, commits=())
    assert done.event.data["progress_percentage"] == 100


def test_a_deferred_attempt_stays_listed_with_its_error_and_counts() -> None:
    deferred = moves.defer(job_in(Status.RUNNING), ERROR, Wait(9.0, 2.0), at=2.0).job
    assert (deferred.attempt, deferred.returned, deferred.run_after) == (1, True, 9.0)
    assert deferred.attempts[0].error == ERROR
    again = moves.claim(deferred, at=9.0, is_first=False).job
    assert (again.attempt, again.error, again.run_after) == (2, None, None)
    assert {record.status for record in again.phases} == {PhaseStatus.PENDING}


def test_an_interrupted_attempt_is_given_back_and_stays_listed() -> None:
    back = moves.interrupt(job_in(Status.RUNNING), at=2.0).job
    assert back.attempt == 0
    assert back.attempts[0].interrupted
    again = moves.claim(back, at=3.0, is_first=True).job
    assert [attempt.number for attempt in again.attempts] == [1, 1]


def test_a_no_change_sync_skips_the_phases_it_did_not_need() -> None:
    job = moves.start_phase(job_in(Status.RUNNING), Phase.FETCH, at=2.0).job
    job = moves.end_phase(job, PhaseEnded(Phase.FETCH, {}, Usage()), at=3.0).job
    done = moves.complete(job, Outcome.UNCHANGED, at=4.0, summary={}, commits=()).job
    assert [record.status for record in done.phases] == [
        PhaseStatus.COMPLETED,
        *[PhaseStatus.SKIPPED] * 4,
    ]


def test_usage_adds_up_over_attempts_with_the_larger_peak() -> None:
    job = job_in(Status.RUNNING)
    for peak in (100, 50):
        job = moves.start_phase(job, Phase.FETCH, at=2.0).job
        report = PhaseEnded(Phase.FETCH, {}, Usage(1.0, peak, 10, 20))
        job = moves.end_phase(job, report, at=3.0).job
    assert job.usage[Phase.FETCH] == Usage(2.0, 100, 20, 40)


def test_history_has_every_change_of_status_and_phase_and_no_progress() -> None:
    moved: Moved = moves.enqueue(QUEUED, at=1.0)
    moved = moves.claim(moved.job, at=2.0, is_first=True)
    moved = moves.start_phase(moved.job, Phase.FETCH, at=3.0)
    for done in range(3):
        report = PhaseProgressed(Phase.FETCH, done, 10, "objects")
        moved = moves.progress(moved.job, report, at=4.0)
    moved = moves.fail(moved.job, ERROR, at=5.0)
    assert [(entry.at, entry.status, entry.phase) for entry in moved.job.history] == [
        (1.0, Status.QUEUED, None),
        (2.0, Status.RUNNING, None),
        (3.0, Status.RUNNING, Phase.FETCH),
        (5.0, Status.FAILED, None),
    ]


def test_a_job_is_never_changed_in_place() -> None:
    before = dataclasses.replace(QUEUED)
    moves.claim(QUEUED, at=2.0, is_first=True)
    assert before == QUEUED


@pytest.mark.parametrize(
    ("now", "wait_s"),
    [
        (100.0, 5.0),
        (103.0, 2.0),
        (105.0, 0.0),
        (99.0, 6.0),  # corrected by a second
        (100.0 - 3600, 0.0),  # set back: when it is over cannot be told any more
        (100.0 + 3600, 0.0),
    ],
)
def test_a_back_off_is_no_longer_for_a_clock_that_was_set_back(now: float, wait_s: float) -> None:
    deferred = moves.defer(job_in(Status.RUNNING), ERROR, Wait(105.0, 100.0), at=100.0).job
    assert deferred.wait_s(now) == wait_s


def test_a_back_off_decided_after_the_clock_was_set_back_is_as_long_as_any() -> None:
    deferred = moves.defer(job_in(Status.RUNNING), ERROR, Wait(15.0, 10.0), at=3610.0).job
    assert [deferred.wait_s(now) for now in (10.0, 14.0, 15.0)] == [5.0, 1.0, 0.0]


def test_nothing_is_on_record_as_earlier_than_what_came_before_it() -> None:
    running = job_in(Status.RUNNING)
    assert running.history
    latest = running.history[-1].at
    assert running.not_before(latest - 3600) == latest
    assert running.not_before(latest + 1) == latest + 1
