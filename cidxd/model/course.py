"""
What becomes of a claimed job, decided against the newest state: the runner's side.

Each function reads and changes a draft and returns the job after it.  A report for
a job that ended is dropped by TRANSITIONS, not by timing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from cidxd.errors import CidxdError
from cidxd.model import moves, queue, timing
from cidxd.model.job import BranchMove, IllegalTransitionError, Job, JobError, Outcome, Status
from cidxd.model.pipeline import Defer, GiveUp
from cidxd.model.queue import Limits
from cidxd.model.registry import State
from cidxd.model.report import PhaseEnded, PhaseProgressed, PhaseStarted, Report, TimePassed
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
    timings = timings_of(state, job)
    match news:
        case PhaseStarted(phase):
            return state.take(moves.start_phase(job, phase, at=now, timings=timings))
        case PhaseProgressed():
            return state.take(moves.progress(job, news, at=now, timings=timings))
        case PhaseEnded():
            return state.take(moves.end_phase(job, news, at=now, timings=timings))
        case TimePassed():
            return state.take(moves.pass_time(job, at=now, timings=timings))
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
    return state.take(moves.permit(job, summary=summary, commits=commits, at=now))


def complete(state: State, job_id: str, result: Result, *, now: float) -> Job:
    """Record success, and what the repository's index answers with from now on."""
    job = state.take(
        moves.complete(
            _active(state, job_id),
            result.outcome,
            at=now,
            summary=result.summary,
            commits=result.commits,
        )
    )
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
    state: State, job_id: str, error: JobError, following: Defer | GiveUp, *, now: float
) -> Job:
    """
    Record a fault, and put the job back or end it as *following* says.

    A job that was to be cancelled is cancelled: what broke under the cancel is not news.
    """
    job = _active(state, job_id)
    if job.cancel is not None:
        return cancelled(state, job_id, now=now)
    match following:
        case Defer(seconds):
            timings = timings_of(state, job)
            run_after = now + seconds
            return state.take(moves.defer(job, error, run_after=run_after, at=now, timings=timings))
        case GiveUp():
            failed = state.take(moves.fail(job, error, at=now))
            _noted(state, failed)
            return failed
        case _:
            assert_never(following)


def cancelled(state: State, job_id: str, *, now: float) -> Job:
    """Record that the running job, asked to be cancelled, has stopped."""
    job = _active(state, job_id)
    if job.cancel is None:
        raise IllegalTransitionError(f"nobody asked to cancel job {job_id}")
    ended = state.take(moves.cancel(job, job.cancel, at=now))
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
    return state.take(moves.interrupt(job, at=now))


def timings_of(state: State, job: Job) -> tuple[Timing, ...]:
    """Return what the last syncs of *job*'s repository took, the newest last."""
    repository = state.repositories.get(job.repository_id)
    return repository.timings if repository is not None else ()


def _claim(state: State, job: Job, now: float) -> Job:
    repository = state.repositories.get(job.repository_id)
    is_new = repository is None or not repository.branches
    return state.take(
        moves.claim(
            job,
            at=now,
            is_first=is_new or job.options.full,
            is_new=is_new,
            timings=timings_of(state, job),
        )
    )


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
    noted = dataclasses.replace(repository, last_job=last)
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
        )

    return tuple(state for moved in result.commits if (state := state_of(moved)) is not None)
