"""The parts of a job that its events carry too, as the wire has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cidxd.model import estimate, instant
from cidxd.model.job import CancelRequest, Event, Job, JobError, Kind, PhaseRecord


def event_of(job: Job, kind: Kind, at: float, extra: Mapping[str, Any]) -> Event:
    """Return the event that made *job* what it is."""
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


def phase_document(record: PhaseRecord) -> dict[str, Any]:
    """Return *record* as the wire has it; instants in RFC 3339, the duration in seconds."""
    duration = None
    if record.started_at is not None and record.finished_at is not None:
        duration = round(max(0.0, record.finished_at - record.started_at), 3)
    return {
        "name": record.name,
        "status": record.status,
        "progress": round(record.fraction * 100, 1),
        "started_at": instant.optional(record.started_at),
        "finished_at": instant.optional(record.finished_at),
        "duration_seconds": duration,
        "counters": dict(record.counters),
    }


def error_document(error: JobError) -> dict[str, Any]:
    """Return *error* as the wire has it."""
    return {
        "code": error.code,
        "title": error.title,
        "detail": error.detail,
        "hint": error.hint,
        "phase": error.phase,
        "retryable": error.retryable,
        "docs": f"docs/faults.md#{error.code}",
    }


def wish(request: CancelRequest) -> dict[str, Any]:
    """Return what the events of a cancel say of it."""
    return {
        "requested_by": request.requested_by,
        "reason": request.reason,
        "force": request.force,
    }
