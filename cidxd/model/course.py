"""
What becomes of a claimed job, decided against the newest state: the runner's side.

Each function reads and changes a draft and returns the job after it.  A report for
a job that ended is dropped by TRANSITIONS, not by timing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from cidxd.errors import CidxdError, FaultError
from cidxd.model import incidents, moves, pipeline, queue, schedule, timing
from cidxd.model.incident import Incident
from cidxd.model.job import BranchMove, IllegalTransitionError, Job, JobError, Outcome, Status
from cidxd.model.pipeline import Defer, GiveUp
from cidxd.model.queue import Limits
from cidxd.model.records import Wait
from cidxd.model.registry import State
from cidxd.model.report import (
    Phase,
    PhaseEnded,
    PhaseProgressed,
    PhaseStarted,
    Report,
    TimePassed,
)
from cidxd.model.repository import BranchState, LastJob, Repository
from cidxd.model.timing import Timing


class PermitRefusedError(CidxdError):
    """The job may not publish: it is to be cancelled, or not running any more."""

    code = "permit-refused"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a finished sync did: JSON-ready summary, and every branch's move."""

    outcome: Outcome
    summary: Mapping[str, Any]
    commits: tuple[BranchMove, ...]


def claim_due(state: State, limits: Limits, *, now: float) -> list[Job]:
    """Claim every job whose turn it is."""
    return [_claim(state, job, now) for job in queue.due(state, limits, now=now)]


def report(state: State, job_id: str, news: Report, *, now: float) -> Job:
    """Take in what a running phase reports."""
    job = _active(state, job_id)
    if isinstance(news, PhaseProgressed | PhaseEnded) and news.phase is Phase.FETCH:
        incidents.answered(state, job, in_full=isinstance(news, PhaseEnded))
    timings, at = timings_of(state, job), job.not_before(now)
    match news:
        case PhaseStarted(phase):
            return state.take(moves.start_phase(job, phase, at=at, timings=timings))
        case PhaseProgressed():
            return state.take(moves.progress(job, news, at=at, timings=timings))
        case PhaseEnded():
            return state.take(moves.end_phase(job, news, at=at, timings=timings))
        case TimePassed():
            return state.take(moves.pass_time(job, at=at, timings=timings))
        case _:
            assert_never(news)


def permit(
    state: State,
    job_id: str,
    *,
    summary: Mapping[str, Any],
    commits: Sequence[BranchMove],
    now: float,
) -> Job:
    """
    Allow the job to publish.

    Raises:
        PermitRefusedError: A cancel came first.
    """
    job = _active(state, job_id)
    if job.cancel is not None:
        raise PermitRefusedError(f"job {job_id} is to be cancelled")
    return state.take(moves.permit(job, summary=summary, commits=commits, at=job.not_before(now)))


def complete(state: State, job_id: str, result: Result, *, now: float) -> Job:
    """Record success, and what the repository's index answers with from now on."""
    running = _active(state, job_id)
    job = state.take(
        moves.complete(
            running,
            result.outcome,
            at=running.not_before(now),
            summary=result.summary,
            commits=result.commits,
        )
    )
    incidents.answered(state, job, in_full=True)
    repository = _noted(state, job)
    if repository is None:
        return job
    repository = dataclasses.replace(
        repository,
        checked_at=now,
        default_branch=next(
            (moved.branch for moved in result.commits if moved.is_default),
            repository.default_branch,
        ),
        timings=timing.remembered(repository.timings, timing.timing_of(job)),
    )
    if result.outcome is Outcome.UPDATED:
        repository = dataclasses.replace(repository, branches=_branches(repository, result, job))
    state.repositories.put(repository.repository_id, repository)
    return job


def end_attempt(
    state: State,
    job_id: str,
    error: JobError,
    following: Defer | GiveUp,
    limits: Limits,
    *,
    now: float,
    jitter: float = 0.5,
    retry_after_s: float | None = None,
) -> Job:
    """
    Record a fault, and put the job back or end it as *following* says.

    A job that was to be cancelled is cancelled: what broke under the cancel is not news.
    One whose host is in trouble, as others have found too, is held back instead.
    """
    job = _active(state, job_id)
    if job.cancel is not None:
        return cancelled(state, job_id, now=now)
    at = job.not_before(now)
    incident = incidents.after_fault(
        state,
        job,
        error,
        limits.incident_repositories,
        limits.hold_s,
        now=now,
        jitter=jitter,
        retry_after_s=retry_after_s,
    )
    if incident is not None:
        return _held(state, job, error, incident, limits, now)
    match following:
        case Defer(seconds):
            wait, timings = Wait(now + seconds, now), timings_of(state, job)
            return state.take(moves.defer(job, error, wait, at=at, timings=timings))
        case GiveUp():
            return _failed(state, job, error, at)
        case _:
            assert_never(following)


def cancelled(state: State, job_id: str, *, now: float) -> Job:
    """Record that the running job, asked to be cancelled, has stopped."""
    job = _active(state, job_id)
    if job.cancel is None:
        raise IllegalTransitionError(f"nobody asked to cancel job {job_id}")
    ended = state.take(moves.cancel(job, job.cancel, at=job.not_before(now)))
    _noted(state, ended)
    return ended


def interrupted(state: State, job_id: str, *, now: float) -> Job:
    """
    Put the job back because the daemon stops or stopped; the attempt is given back.

    A job that was to be cancelled is cancelled: nobody wants it to go on.
    """
    job = _active(state, job_id)
    if job.cancel is not None:
        return cancelled(state, job_id, now=now)
    return state.take(moves.interrupt(job, at=job.not_before(now)))


def timings_of(state: State, job: Job) -> tuple[Timing, ...]:
    """Return what the last syncs of *job*'s repository took, the newest last."""
    repository = state.repositories.get(job.repository_id)
    return repository.timings if repository is not None else ()


def _claim(state: State, job: Job, now: float) -> Job:
    repository = state.repositories.get(job.repository_id)
    is_new = repository is None or not repository.branches
    incidents.claimed(state, job)
    return state.take(
        moves.claim(
            job,
            at=job.not_before(now),
            is_first=is_new or job.options.full,
            is_new=is_new,
            timings=timings_of(state, job),
        )
    )


def _held(  # noqa: PLR0917 - a fault, its cause and the limits
    state: State, job: Job, error: JobError, incident: Incident, limits: Limits, now: float
) -> Job:
    """Put the job back until its host answers; those that waited for too long have failed."""
    for other in incidents.waiting(state, incident):
        if incidents.is_overdue(other, incident, limits.hold_s, now):
            fault = FaultError(incident.code, incident.detail)
            _failed(state, other, pipeline.job_error(fault, None), other.not_before(now))
    if incidents.is_overdue(job, incident, limits.hold_s, now):
        return _failed(state, job, error, job.not_before(now))
    why = incidents.words(state, incident, now)
    wait = Wait(incident.next_attempt_at, now, held=why)
    return state.take(moves.defer(job, error, wait, at=job.not_before(now)))


def _failed(state: State, job: Job, error: JobError, at: float) -> Job:
    failed = state.take(moves.fail(job, error, at=at))
    _noted(state, failed)
    return failed


def _active(state: State, job_id: str) -> Job:
    job = state.jobs.get(job_id)
    if job is None or job.status is not Status.RUNNING:
        raise IllegalTransitionError(f"job {job_id} is not running")
    return job


def _noted(state: State, job: Job) -> Repository | None:
    """Note *job* as the repository's last one; None if the repository is gone."""
    repository = state.repositories.get(job.repository_id)
    if repository is None or job.finished_at is None:
        return None
    last = LastJob(job_id=job.job_id, status=job.status, finished_at=job.finished_at)
    failures = schedule.failures_after(repository, job)
    noted = dataclasses.replace(repository, last_job=last, failures=failures)
    state.repositories.put(noted.repository_id, noted)
    return noted


def _branches(repository: Repository, result: Result, job: Job) -> tuple[BranchState, ...]:
    known = {branch.name: branch for branch in repository.branches}

    def state_of(moved: BranchMove) -> BranchState | None:
        if moved.indexed is None:
            return None
        before = known.get(moved.branch)
        is_same = before is not None and before.commit == moved.indexed
        return BranchState(
            name=moved.branch,
            commit=moved.indexed,
            indexed_at=before.indexed_at if before and is_same else job.finished_at or 0.0,
            job_id=before.job_id if before and is_same else job.job_id,
            is_default=moved.is_default,
            committed_at=moved.committed_at
            or (before.committed_at if before and is_same else None),
        )

    return tuple(state for moved in result.commits if (state := state_of(moved)) is not None)
