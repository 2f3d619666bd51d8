"""
Who joins, who runs next, and why one waits: pure functions of the registry.

At most one running and one fresh queued job per repository.  A returned job
(deferred or interrupted) keeps its place before a fresh one and is not counted.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Final

from cidxd.errors import BusyError
from cidxd.model.job import Job, Status
from cidxd.model.registry import State

_WORDS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many jobs may run and wait."""

    running: int = 4
    running_per_user: int = 3
    queued: int = 1000
    queued_per_user: int = 10


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where a queued job stands: its position from 1, and why it does not run yet."""

    position: int
    reason: str


def joinable(state: State, repository_id: int) -> Job | None:
    """Return the queued job that answers a new request for the repository, if there is one."""
    queued = [job for job in state.jobs.active_of(repository_id) if job.status is Status.QUEUED]
    fresh = [job for job in queued if not job.returned]
    return next(iter(fresh or queued), None)


def check_room(state: State, user: str, limits: Limits) -> None:
    """Raise BusyError if one more job of *user* would pass a limit."""
    if state.jobs.queued_total() >= limits.queued:
        raise BusyError(
            f"the queue is full: {limits.queued} jobs wait",
            code="queue-full",
            hint="try again when some have run: cidx jobs list --status queued",
            retry_after_s=30,
        )
    if state.jobs.queued_of(user) >= limits.queued_per_user:
        raise BusyError(
            f"too many of your jobs wait already: {limits.queued_per_user}",
            code="user-queue-full",
            hint="wait for one to start, or cancel one: cidx jobs list --status queued",
            retry_after_s=15,
        )


def due(jobs: Sequence[Job], limits: Limits, *, now: float) -> list[Job]:
    """Return the queued jobs to claim now, in the order they start."""
    running = [job for job in jobs if job.status is Status.RUNNING]
    busy = {job.repository_id for job in running}
    per_user = Counter(job.requested_by for job in running)
    slots = limits.running - len(running)
    chosen: list[Job] = []
    waiting = [job for job in jobs if job.status is Status.QUEUED]
    while slots > len(chosen) and waiting:
        fit = [
            job
            for job in waiting
            if job.repository_id not in busy
            and per_user[job.requested_by] < limits.running_per_user
            and (job.run_after is None or job.run_after <= now)
        ]
        if not fit:
            break
        following = min(fit, key=lambda job: (per_user[job.requested_by], *_turn(job)))
        chosen.append(following)
        waiting.remove(following)
        busy.add(following.repository_id)
        per_user[following.requested_by] += 1
    return chosen


def wakes_at(jobs: Sequence[Job]) -> float | None:
    """Return the earliest instant at which a waiting job's back-off ends, None if none waits so."""
    return min(
        (
            job.run_after
            for job in jobs
            if job.status is Status.QUEUED and job.run_after is not None
        ),
        default=None,
    )


def place(job: Job, jobs: Sequence[Job], limits: Limits, *, now: float) -> Place | None:
    """Return where *job* stands in the queue of *jobs*, None once it left it."""
    if job.status is not Status.QUEUED:
        return None
    line = sorted((other for other in jobs if other.status is Status.QUEUED), key=_turn)
    ahead = sum(1 for other in line if _turn(other) < _turn(job))
    return Place(ahead + 1, _reason(job, jobs, limits, now))


def _turn(job: Job) -> tuple[bool, float, str]:
    """Return what the queue is ordered by: returned jobs first, then the oldest."""
    return (not job.returned, job.created_at, job.job_id)


def _reason(job: Job, jobs: Sequence[Job], limits: Limits, now: float) -> str:
    running = [other for other in jobs if other.status is Status.RUNNING]
    if job.run_after is not None and job.run_after > now:
        return f"waiting {job.run_after - now:.0f} s before attempt {job.attempt + 1}"
    blocker = next((o for o in running if o.repository_id == job.repository_id), None)
    if blocker is not None:
        return f"repository busy with job {blocker.job_id}"
    mine = sum(1 for other in running if other.requested_by == job.requested_by)
    if mine >= limits.running_per_user:
        return f"your {_word(mine)} jobs are running"
    if len(running) >= limits.running:
        return f"{_word(len(running))} of {_word(limits.running)} slots in use"
    return "about to start"


def _word(number: int) -> str:
    return _WORDS[number] if number < len(_WORDS) else str(number)
