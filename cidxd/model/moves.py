"""
Every way a job moves on: pure functions from a job and a fact to the job after it.

Each checks TRANSITIONS and raises IllegalTransitionError for what comes too late.
Instants are POSIX seconds (UTC), handed in by the caller.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from cidxd.model import estimate, instant, records, wording
from cidxd.model.documents import error_document, event_of, phase_document, wish
from cidxd.model.job import (
    FINAL,
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
)
from cidxd.model.records import Wait
from cidxd.model.report import Phase, PhaseEnded, PhaseProgressed, Usage
from cidxd.model.revision import changed
from cidxd.model.timing import Timing

Timings = Sequence[Timing]  # of the repository's last syncs


@dataclasses.dataclass(frozen=True, slots=True)
class Moved:
    """A job after an event, and the event."""

    job: Job
    event: Event


def _move(
    job: Job,
    kind: Kind,
    *,
    at: float,
    extra: Mapping[str, Any],
    timings: Timings | None = None,
    **changes: Any,  # noqa: ANN401 - fields of Job
) -> Moved:
    """Return *job* after an event; with *timings* its percentage moves on as well."""
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
    if timings is not None:
        after = estimate.advanced(after, timings, now=at)
    return Moved(after, event_of(after, kind, at, extra))


def enqueue(job: Job, *, at: float) -> Moved:
    """Return the new *job* with its first event."""
    return _move(job, Kind.ENQUEUED, at=at, extra={"requested_by": job.requested_by})


def join(job: Job, *, user: str, options: Options, at: float) -> Moved:
    """Return the queued *job* answering *user* as well, with the stronger options of both."""
    requesters = job.requesters if user in job.requesters else (*job.requesters, user)
    both = records.unite(job.options, options)
    return _move(
        job, Kind.JOINED, at=at, extra={"requester": user}, requesters=requesters, options=both
    )


def claim(
    job: Job, *, at: float, is_first: bool, is_new: bool = False, timings: Timings = ()
) -> Moved:
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
        timings=timings,
        is_first=is_first,
        is_new=is_new,
        phases=records.renewed(job.phases),
        error=None,
        run_after=None,
        deferred_at=None,
        message="starting",
    )


def start_phase(job: Job, phase: Phase, *, at: float, timings: Timings = ()) -> Moved:
    """Return *job* in *phase*."""
    earlier = job.record_of(phase).earlier
    record = PhaseRecord(name=phase, status=PhaseStatus.RUNNING, started_at=at, earlier=earlier)
    extra = {"phase_record": phase_document(record)}
    return _move(
        job,
        Kind.PHASE_STARTED,
        at=at,
        extra=extra,
        timings=timings,
        phase=phase,
        phases=records.replaced(job.phases, record),
        message=wording.opening(phase),
    )


def progress(job: Job, report: PhaseProgressed, *, at: float, timings: Timings = ()) -> Moved:
    """Return *job* a little further; its percentage never goes back."""
    record = estimate.taken(job.record_of(report.phase), report, at=at)
    return _move(
        job,
        Kind.PROGRESSED,
        at=at,
        extra={},
        timings=timings,
        phases=records.replaced(job.phases, record),
        message=wording.message(report, at - record.steps[-1].started_at),
    )


def pass_time(job: Job, *, at: float, timings: Timings = ()) -> Moved:
    """Return *job* as far as it is likely to be by now; nothing was reported."""
    return _move(job, Kind.PROGRESSED, at=at, extra={}, timings=timings)


def end_phase(job: Job, report: PhaseEnded, *, at: float, timings: Timings = ()) -> Moved:
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
        timings=timings,
        phases=phases,
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
    is_judged = outcome is Outcome.UPDATED
    return _move(
        job,
        Kind.COMPLETED,
        at=at,
        extra={"outcome": outcome, "summary": dict(summary)},
        outcome=outcome,
        phase=None,
        phases=phases,
        progress=100.0,
        guesses=(),
        estimate_ratio=estimate.ratio(job, finished_at=at) if is_judged else None,
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


def defer(
    job: Job, error: JobError, wait: Wait, *, at: float, timings: Timings | None = None
) -> Moved:
    """Return *job* queued again, to wait."""
    extra = {"error": error_document(error), "run_after": instant.to_wire(wait.run_after)}
    held = wait.held is not None
    return _move(
        job,
        Kind.DEFERRED,
        at=at,
        extra={**extra, "held": wait.held} if held else extra,
        timings=timings,
        phase=None,
        returned=True,
        attempt=job.attempt - 1 if held else job.attempt,
        run_after=None if held else wait.run_after,
        deferred_at=wait.decided_at,
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
