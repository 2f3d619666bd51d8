"""
Which repositories are due, and the syncs that are asked for on their behalf.

No host in trouble is hammered: while it is held back, one job of it waits, and no other is added.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

from cidxd.model import incidents, intake, schedule
from cidxd.model.facts import SCHEDULE
from cidxd.model.intake import SyncRequest
from cidxd.model.job import Job, Priority
from cidxd.model.queue import Limits
from cidxd.model.registry import State
from cidxd.model.repository import Schedule, host_of


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """
    What the operator chose.

    Attributes:
        default: Of repositories without a schedule of their own.
        waiting: So many scheduled syncs wait in the queue at most.
    """

    default: Schedule
    waiting: int = 20


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """The repositories to ask a sync for now, the longest due first; when to look again."""

    due: list[int]
    wakes_at: float | None


def plan(state: State, terms: Terms, limits: Limits, *, now: float) -> Plan:
    """
    Return what to do now.

    During a pause, and while enough wait, that is nothing, until the queue changes.
    """
    waiting = state.jobs.queued_of(SCHEDULE)
    room = min(terms.waiting - waiting, limits.queued - state.jobs.queued_total())
    if state.pause is not None or room <= 0:
        return Plan([], None)
    busy = {job.repository_id for job in state.jobs.active()}
    times = [
        (at, row.repository_id)
        for row in state.repositories.values()
        if row.repository_id not in busy
        and (at := schedule.next_at(row, terms.default, now=now)) is not None
    ]
    doors = _Doors(state, now)
    due = (number for _, number in sorted(one for one in times if one[0] <= now))
    chosen = list(itertools.islice((number for number in due if doors.lets_in(number)), room))
    return Plan(chosen, min((at for at, _ in times if at > now), default=None))


def poll(
    state: State, terms: Terms, limits: Limits, job_ids: Sequence[str], *, now: float
) -> list[Job]:
    """Enqueue a sync for each repository that is due, as long as there are ids for new jobs."""
    jobs: list[Job] = []
    for job_id, number in zip(job_ids, plan(state, terms, limits, now=now).due, strict=False):
        request = SyncRequest(
            job_id=job_id, repository_id=number, user=SCHEDULE, priority=Priority.SCHEDULED
        )
        jobs.append(intake.submit(state, request, limits, now=now).job)
        row = state.repositories.get(number)
        if row is not None:
            state.repositories.put(number, dataclasses.replace(row, polled_at=now))
    return jobs


class _Doors:
    """Whose host takes one more job: of a host in trouble one waits or runs, and no other."""

    def __init__(self, state: State, now: float) -> None:
        self._state = state
        self._closed = {
            known.host
            for known in incidents.opened(state)
            if not known.is_due(now)
            or incidents.probe(state, known) is not None
            or incidents.waiting(state, known)
        }
        self._once = {known.host for known in incidents.opened(state)}

    def lets_in(self, repository_id: int) -> bool:
        """Return whether a job of the repository may be added, and count it as added."""
        row = self._state.repositories.get(repository_id)
        host = None if row is None else host_of(row.remote)
        if host is None or host not in self._once:
            return True
        if host in self._closed:
            return False
        self._closed.add(host)
        return True
