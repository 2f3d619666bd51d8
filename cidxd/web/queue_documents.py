"""The queue as a whole, as the wire has it."""

from __future__ import annotations

from typing import Final

from typing_extensions import TypedDict

from cidxd.errors import FAULTS
from cidxd.model import incidents, instant
from cidxd.model.account import Role
from cidxd.model.incident import Incident
from cidxd.model.queue import Limits
from cidxd.model.registry import State
from cidxd.model.repository import host_of
from cidxd.web.sight import Sight

_MOST_NAMES: Final = 20


class PauseDocument(TypedDict):
    """Who paused the queue, and why; `reason` may be empty."""

    reason: str
    requested_by: str
    at: str


class IncidentDocument(TypedDict):
    """
    A host whose jobs are held back; `reason` is the whole of it in words.

    `repositories` has the first names of the `repositories_total` that failed, `waiting`
    counts the jobs held back, `attempts` how often it was asked again without success;
    `probe` is the job that asks it now, else it is asked again from `next_attempt_at` on.
    """

    host: str
    code: str
    title: str
    docs: str
    reason: str
    since: str
    last_at: str
    repositories: list[str]
    repositories_total: int
    waiting: int
    attempts: int
    probe: str | None
    next_attempt_at: str


class QueueLimits(TypedDict):
    """How many jobs may run and wait at once, and how many of one user."""

    running: int
    running_per_user: int
    queued: int
    queued_per_user: int


class QueueDocument(TypedDict):
    """The queue as a whole: whether jobs are claimed, how many run and wait, and who is held."""

    paused: bool
    pause: PauseDocument | None
    incidents: list[IncidentDocument]
    running: int
    queued: int
    limits: QueueLimits


def queue_document(state: State, sight: Sight, limits: Limits, now: float) -> QueueDocument:
    """Return how the queue stands; of a host only what is about repositories that are seen."""
    hosts = {host_of(row.remote) for row in sight.repositories()}
    active, queued = len(state.jobs.active()), state.jobs.queued_total()
    pause = state.pause
    return {
        "paused": pause is not None,
        "pause": None
        if pause is None
        else {
            "reason": pause.reason,
            "requested_by": pause.requested_by,
            "at": instant.to_wire(pause.at),
        },
        "incidents": [
            _incident(known, state, sight, now)
            for known in incidents.opened(state)
            if known.host in hosts or sight.who.role is Role.ADMIN
        ],
        "running": active - queued,
        "queued": queued,
        "limits": {
            "running": limits.running,
            "running_per_user": limits.running_per_user,
            "queued": limits.queued,
            "queued_per_user": limits.queued_per_user,
        },
    }


def _incident(known: Incident, state: State, sight: Sight, now: float) -> IncidentDocument:
    rows = (state.repositories.get(number) for number in known.failed_at)
    names = sorted(row.name for row in rows if row is not None and sight.sees(row.repository_id))
    waiting = [job for job in incidents.waiting(state, known) if sight.sees(job.repository_id)]
    probe = incidents.probe(state, known)
    if probe is not None and not sight.sees(probe.repository_id):
        probe = None
    return {
        "host": known.host,
        "code": known.code,
        "title": FAULTS[known.code].title,
        "docs": f"docs/faults.md#{known.code}",
        "reason": incidents.words(state, known, now),
        "since": instant.to_wire(known.since),
        "last_at": instant.to_wire(known.last_at),
        "repositories": names[:_MOST_NAMES],
        "repositories_total": len(names),
        "waiting": len(waiting),
        "attempts": known.attempts,
        "probe": None if probe is None else probe.job_id,
        "next_attempt_at": instant.to_wire(known.next_attempt_at),
    }
