"""Records to the wire's words: the only place that makes JSON documents of jobs and the like."""

from __future__ import annotations

from typing import Any, Final, cast

import orjson

from cidxd.model import course, estimate, forecast, instant, queue, schedule
from cidxd.model.documents import error_document, phase_document
from cidxd.model.job import Attempt, BranchMove, CancelRequest, Event, Job, Options
from cidxd.model.queue import Limits
from cidxd.model.registry import State
from cidxd.model.report import Usage
from cidxd.model.repository import Repository, Schedule
from cidxd.web import credentials
from cidxd.web import documents as doc
from cidxd.web.schedule_documents import schedule_document

_KNOWN: Final = 500  # jobs whose documents are remembered, and events
_COMPUTED: Final = dict.fromkeys(
    ("elapsed_seconds", "estimated_completion", "estimate", "queue"), None
)


class Documents:
    """Documents of jobs as JSON: what is stored of a job is encoded once, not for each reader."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Job, orjson.Fragment | dict[str, Any]]] = {}

    def of(self, job: Job, state: State, limits: Limits, now: float) -> orjson.Fragment:
        """Return `job_document` as JSON."""
        known = self._known.get(job.job_id)
        if known is None or known[0] is not job:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            known = self._known[job.job_id] = (job, _encoded(job, state, limits, now))
        if isinstance(known[1], orjson.Fragment):
            return known[1]
        return orjson.Fragment(orjson.dumps(_document(known[1], job, state, limits, now)))


class Frames:
    """The frames of events as JSON, encoded once for all who follow."""

    def __init__(self) -> None:
        self._known: dict[int, str] = {}

    def of(self, event: Event) -> str:
        """Return `{"event": …}`."""
        known = self._known.get(event.cursor)
        if known is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            known = orjson.dumps({"event": event_document(event)}).decode()
            self._known[event.cursor] = known
        return known


def job_document(job: Job, state: State, limits: Limits, now: float) -> doc.JobDocument:
    """Return *job* as the wire has it; elapsed time, estimate and queue are as of *now*."""
    return _document(_stored(job), job, state, limits, now)


def _document(
    stored: dict[str, Any], job: Job, state: State, limits: Limits, now: float
) -> doc.JobDocument:
    left = _estimate(job, state, limits, now)
    row = state.repositories.get(job.repository_id)
    computed = {
        "repository": job.repository if row is None else row.name,
        "elapsed_seconds": _elapsed(job, now),
        "estimated_completion": _completion(left, now),
        "estimate": left,
        "queue": _queue(job, state, limits, now),
    }
    return cast("doc.JobDocument", {**stored, **computed})


def _encoded(
    job: Job, state: State, limits: Limits, now: float
) -> orjson.Fragment | dict[str, Any]:
    """Return all of a final job's document, else what is stored: its parts as JSON."""
    if job.is_final:  # nothing in it is as of now
        return orjson.Fragment(orjson.dumps(job_document(job, state, limits, now)))
    return {
        key: orjson.Fragment(orjson.dumps(value)) if isinstance(value, dict | list) else value
        for key, value in _stored(job).items()
    }


def _stored(job: Job) -> dict[str, Any]:
    """Return the document with what is computed left open, in the order of the wire."""
    return {
        "job_id": job.job_id,
        "repository": job.repository,
        "requested_by": job.requested_by,
        "requesters": list(job.requesters),
        "status": job.status,
        "outcome": job.outcome,
        "phase": job.phase,
        "progress_percentage": estimate.shown(job.progress),
        "message": job.message,
        "created_at": instant.to_wire(job.created_at),
        "started_at": instant.optional(job.started_at),
        "finished_at": instant.optional(job.finished_at),
        **_COMPUTED,
        "commits": [_commit(moved) for moved in job.commits],
        "phases": [phase_document(record) for record in job.phases],
        "summary": None if job.summary is None else dict(job.summary),
        "resources": _resources(job),
        "history": [
            {"at": instant.to_wire(entry.at), "status": entry.status, "phase": entry.phase}
            for entry in job.history
        ],
        "attempts": [_attempt(attempt) for attempt in job.attempts],
        "error": None if job.error is None else error_document(job.error),
        "options": _options(job.options),
        "retry_of": job.retry_of,
        "retried_by": job.retried_by,
        "cancel": None if job.cancel is None else _cancel(job.cancel),
        "links": _links(job),
    }


def event_document(event: Event) -> doc.EventDocument:
    """Return *event* as the wire has it."""
    return {
        "cursor": event.cursor,
        "job_id": event.job_id,
        "repository": event.repository,
        "seq": event.seq,
        "at": instant.to_wire(event.at),
        "type": event.kind,
        "data": dict(event.data),
    }


def repository_document(
    row: Repository, state: State, default: Schedule, now: float
) -> doc.RepositoryDocument:
    """Return *row* as the wire has it; *default* is the server's own schedule."""
    last, hook = row.last_job, state.hooks.get(row.repository_id)
    chosen, source = schedule.effective(row, default)
    return {
        "name": row.name,
        "remote": row.remote,
        "default_branch": row.default_branch,
        "tracked": list(row.tracked),
        "branches": [
            {
                "name": branch.name,
                "commit": branch.commit,
                "indexed_at": instant.to_wire(branch.indexed_at),
                "job_id": branch.job_id,
                "default": branch.is_default,
            }
            for branch in row.branches
        ],
        "created_at": instant.to_wire(row.created_at),
        "created_by": row.created_by,
        "credentials": credentials.document(state.credentials.get(row.repository_id)),
        "checked_at": instant.optional(row.checked_at),
        "active_jobs": [job.job_id for job in state.jobs.active_of(row.repository_id)],
        "last_job": None
        if last is None
        else cast(
            "doc.LastJobDocument",
            {
                "job_id": last.job_id,
                "status": last.status,
                "finished_at": instant.to_wire(last.finished_at),
            },
        ),
        "schedule": schedule_document(chosen),
        "schedule_from": source,
        "next_sync": instant.optional(schedule.next_at(row, default, now=now)),
        "webhook": None
        if hook is None
        else {"created_by": hook.set_by, "created_at": instant.to_wire(hook.set_at)},
    }


def _estimate(job: Job, state: State, limits: Limits, now: float) -> doc.Estimate | None:
    starts_in_s = forecast.starts_in(job, state, limits, now=now)
    if starts_in_s is None:  # nobody knows when the queue is resumed
        return None
    timings = course.timings_of(state, job)
    left = estimate.remaining(job, timings, now=now, starts_in_s=starts_in_s)
    if left is None:
        return None
    return {
        "remaining_seconds": left.remaining_s,
        "low_seconds": left.low_s,
        "high_seconds": left.high_s,
        "basis": left.basis,
    }


def _completion(left: doc.Estimate | None, now: float) -> str | None:
    return None if left is None else instant.to_wire(now + left["remaining_seconds"])


def _elapsed(job: Job, now: float) -> float:
    """Return the seconds since the first claim, to the end or to now; 0 before it."""
    if job.started_at is None:
        return 0.0
    end = job.finished_at if job.finished_at is not None else now
    return round(max(0.0, end - job.started_at), 3)


def _queue(job: Job, state: State, limits: Limits, now: float) -> doc.Queue | None:
    place = queue.place(job, state, limits, now=now)
    return None if place is None else {"position": place.position, "reason": place.reason}


def _commit(moved: BranchMove) -> doc.Commit:
    return {
        "branch": moved.branch,
        "before": moved.before,
        "fetched": moved.fetched,
        "indexed": moved.indexed,
    }


def _usage(usage: Usage) -> doc.UsageDocument:
    return {
        "cpu_seconds": round(usage.cpu_seconds, 3),
        "peak_rss_bytes": usage.peak_rss_bytes,
        "read_bytes": usage.read_bytes,
        "written_bytes": usage.written_bytes,
    }


def _resources(job: Job) -> dict[str, Any]:
    whole = sum(job.usage.values(), Usage())
    by_phase = {phase.value: _usage(usage) for phase, usage in job.usage.items()}
    return {**_usage(whole), "by_phase": by_phase}


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "started_at": instant.to_wire(attempt.started_at),
        "finished_at": instant.optional(attempt.finished_at),
        "error": None if attempt.error is None else error_document(attempt.error),
        "interrupted": attempt.interrupted,
    }


def _options(options: Options) -> dict[str, Any]:
    branches = list(options.branches)
    return {
        "full": options.full,
        "branch": branches[0] if len(branches) == 1 else branches or None,
    }


def _cancel(request: CancelRequest) -> doc.CancelDocument:
    return {
        "requested_by": request.requested_by,
        "reason": request.reason,
        "at": instant.to_wire(request.at),
        "force": request.force,
    }


def _links(job: Job) -> dict[str, str]:
    own = f"/api/jobs/{job.job_id}"
    links = {"self": own, "events": f"{own}/events", "log": f"{own}/log", "stream": "/api/stream"}
    if not job.is_final:
        links["cancel"] = f"{own}/cancel"
    else:
        links["retry"] = f"{own}/retry"
    return links
