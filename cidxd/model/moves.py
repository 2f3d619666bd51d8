"""
Every way a job moves on: pure functions from a job and a fact to the job after it.

Each checks TRANSITIONS and raises IllegalTransitionError for what comes too late.
Instants are POSIX seconds (UTC), handed in by the caller.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from cidxd.model import estimate, instant, records
from cidxd.model.documents import error_document, phase_document, wish
from cidxd.model.job import (
    FINAL,
    NEW_PHASES,
    TRANSITIONS,
    Attempt,
    BranchMove,
    CancelRequest,
    Event,
    HistoryEntry,
    IllegalTransitionError,
    Job,
    JobError,
    Kind,
    Options,
    Outcome,
    PhaseRecord,
    PhaseStatus,
    changed,
)
from cidxd.model.report import Phase, PhaseEnded, PhaseProgressed, Usage


@dataclasses.dataclass(frozen=True, slots=True)
class Moved:
    """A job after an event, and the event."""

    job: Job
    event: Event


def _move(job: Job, kind: Kind, *, at: float, extra: Mapping[str, Any], **changes: Any) -> Moved:  # noqa: ANN401 - fields of Job
    try:
        status = TRANSITIONS[job.status][kind]
    except KeyError:
        raise IllegalTransitionError(f"job {job.job_id} is {job.status}: no {kind}") from None
    phase = changes.get("phase", job.phase)
    history = job.history
    if not history or (status, phase) != (job.status, job.phase):
        history = (*history, HistoryEntry(at=at, status=status, phase=phase))
    changes |= {"status": status, "history": history, "seq": job.seq + 1}
    if status in FINAL:
        changes["finished_at"] = at
    after = changed(job, **changes)
    return Moved(after, _event(after, kind, at, extra))


def _event(job: Job, kind: Kind, at: float, extra: Mapping[str, Any]) -> Event:
    data = {
        "status": job.status,
        "phase": job.phase,
        "progress_percentage": estimate.shown(job.progress),
        "message": job.message,
        **extra,
    }
    return Event(
        job_id=job.job_id,
        repository_id=job.repository_id,
        repository=job.repository,
        seq=job.seq,
        at=at,
        kind=kind,
        data=data,
    )


def enqueue(job: Job, *, at: float) -> Moved:
    """Return the new *job* with its first event."""
    return _move(job, Kind.ENQUEUED, at=at, extra={"requested_by": job.requested_by})


def join(job: Job, *, user: str, options: Options, at: float) -> Moved:
    """Return the queued *job* answering *user* as well, with the stronger options of both."""
    requesters = job.requesters if user in job.requesters else (*job.requesters, user)
    both = unite(job.options, options)
    return _move(
        job, Kind.JOINED, at=at, extra={"requester": user}, requesters=requesters, options=both
    )


def unite(one: Options, other: Options) -> Options:
    """Return options that give each request what it asked for; no branch named means all."""
    branches: tuple[str, ...] = ()
    if one.branches and other.branches:
        branches = tuple(sorted({*one.branches, *other.branches}))
    return Options(full=one.full or other.full, branches=branches)


def claim(job: Job, *, at: float, weights: tuple[float, ...], is_first: bool) -> Moved:
    """Return *job* running its next attempt, all phases pending."""
    number = job.attempt + 1
    return _move(
        job,
        Kind.CLAIMED,
        at=at,
        extra={"attempt": number},
        attempt=number,
        attempts=(*job.attempts, Attempt(number=number, started_at=at)),
        started_at=job.started_at or at,
        weights=job.weights or weights,
        is_first=is_first,
        phases=NEW_PHASES,
        error=None,
        run_after=None,
        message="starting",
    )


def start_phase(job: Job, phase: Phase, *, at: float) -> Moved:
    """Return *job* in *phase*."""
    record = PhaseRecord(name=phase, status=PhaseStatus.RUNNING, started_at=at)
    extra = {"phase_record": phase_document(record)}
    return _move(
        job,
        Kind.PHASE_STARTED,
        at=at,
        extra=extra,
        phase=phase,
        phases=records.replaced(job.phases, record),
        message=estimate.opening(phase),
    )


def progress(job: Job, report: PhaseProgressed, *, at: float) -> Moved:
    """Return *job* a little further; its percentage never goes back."""
    record = job.record_of(report.phase)
    fraction = max(record.fraction, estimate.fraction(report))
    phases = records.replaced(job.phases, dataclasses.replace(record, fraction=fraction))
    elapsed = at - record.started_at if record.started_at is not None else 0.0
    return _move(
        job,
        Kind.PROGRESSED,
        at=at,
        extra={},
        phases=phases,
        progress=max(job.progress, estimate.reached(job.weights, phases)),
        message=estimate.message(report, elapsed),
    )


def end_phase(job: Job, report: PhaseEnded, *, at: float) -> Moved:
    """Return *job* with *report*'s phase completed and what it used added up."""
    record = dataclasses.replace(
        job.record_of(report.phase),
        status=PhaseStatus.COMPLETED,
        fraction=1.0,
        finished_at=at,
        counters=dict(report.counters),
    )
    phases = records.replaced(job.phases, record)
    return _move(
        job,
        Kind.PHASE_COMPLETED,
        at=at,
        extra={"phase_record": phase_document(record)},
        phases=phases,
        progress=max(job.progress, estimate.reached(job.weights, phases)),
        usage={
            **job.usage,
            report.phase: job.usage.get(report.phase, Usage()) + report.usage,
        },
    )


def permit(
    job: Job, *, summary: Mapping[str, Any], commits: Sequence[BranchMove], at: float
) -> Moved:
    """Return *job* allowed to publish: from here on it completes, and no cancel is in time."""
    return _move(
        job,
        Kind.PUBLISH_STARTED,
        at=at,
        extra={},
        summary=dict(summary),
        commits=tuple(commits),
        is_permitted=True,
    )


def complete(
    job: Job,
    outcome: Outcome,
    *,
    at: float,
    summary: Mapping[str, Any],
    commits: Sequence[BranchMove],
) -> Moved:
    """Return *job* completed; phases it did not need are skipped."""
    phases = records.closed(job.phases, PhaseStatus.COMPLETED, at)
    return _move(
        job,
        Kind.COMPLETED,
        at=at,
        extra={"outcome": outcome, "summary": dict(summary)},
        outcome=outcome,
        phase=None,
        phases=phases,
        progress=100.0,
        summary=dict(summary),
        commits=tuple(commits),
        attempts=records.attempts_ended(job, at),
        is_permitted=False,
        message="up to date" if outcome is Outcome.UNCHANGED else "the index is up to date",
    )


def fail(job: Job, error: JobError, *, at: float) -> Moved:
    """Return *job* failed for good."""
    return _move(
        job,
        Kind.FAILED,
        at=at,
        extra={"error": error_document(error)},
        phase=None,
        error=error,
        phases=records.closed(job.phases, PhaseStatus.FAILED, at),
        attempts=records.attempts_ended(job, at, error=error),
        message=error.title,
    )


def defer(job: Job, error: JobError, *, run_after: float, at: float) -> Moved:
    """Return *job* queued again after a transient fault, not to start before *run_after*."""
    extra = {"error": error_document(error), "run_after": instant.to_wire(run_after)}
    return _move(
        job,
        Kind.DEFERRED,
        at=at,
        extra=extra,
        phase=None,
        returned=True,
        run_after=run_after,
        error=error,
        is_permitted=False,
        phases=records.closed(job.phases, PhaseStatus.FAILED, at),
        attempts=records.attempts_ended(job, at, error=error),
        message=f"{error.title}; it is tried again",
    )


def interrupt(job: Job, *, at: float) -> Moved:
    """Return *job* queued again because the daemon stopped; the attempt is given back."""
    return _move(
        job,
        Kind.INTERRUPTED,
        at=at,
        extra={},
        phase=None,
        returned=True,
        attempt=job.attempt - 1,
        is_permitted=False,
        phases=records.closed(job.phases, PhaseStatus.CANCELLED, at),
        attempts=records.attempts_ended(job, at, interrupted=True),
        message="interrupted by a restart; it goes on",
    )


def request_cancel(job: Job, request: CancelRequest, *, at: float) -> Moved:
    """Return the running *job* with the wish to end it on record, before anything is killed."""
    return _move(job, Kind.CANCEL_REQUESTED, at=at, extra=wish(request), cancel=request)


def withdraw(job: Job, *, user: str, at: float) -> Moved:
    """Return *job* without *user* among its requesters; others still want it."""
    left = tuple(name for name in job.requesters if name != user)
    return _move(job, Kind.WITHDRAWN, at=at, extra={"requester": user}, requesters=left)


def cancel(job: Job, request: CancelRequest, *, at: float) -> Moved:
    """Return *job* cancelled."""
    return _move(
        job,
        Kind.CANCELLED,
        at=at,
        extra=wish(request),
        phase=None,
        cancel=request,
        phases=records.closed(job.phases, PhaseStatus.CANCELLED, at),
        attempts=records.attempts_ended(job, at),
        message=f"cancelled by {request.requested_by}",
    )
