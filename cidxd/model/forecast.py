"""
When a queued job is likely to start: the queue played forward at the pace of the past.

Running jobs end when their estimates say; those in line take the slots that come free, in
their turns, within the limits of their repository and user.  It is a guess with a range,
made from medians, so that it costs little for a thousand jobs.
"""

from __future__ import annotations

import bisect

from cidxd.model import course, estimate, outlook, queue
from cidxd.model.job import Job, Status
from cidxd.model.queue import Limits
from cidxd.model.registry import State


def starts_in(job: Job, state: State, limits: Limits, *, now: float) -> float | None:
    """Return in how many seconds *job* starts: 0 unless it is queued, None during a pause."""
    if job.status is not Status.QUEUED:
        return 0.0
    if state.pause is not None:
        return None
    return _starts(state, limits, now).get(job.job_id, 0.0)


def _starts(state: State, limits: Limits, now: float) -> dict[str, float]:
    """Return the starts of all queued jobs: worked out once, not for each job of a list."""
    key = (state.jobs.version, limits, int(now))
    memo = state.jobs.forecast
    if memo is None or memo[0] != key:
        memo = state.jobs.forecast = (key, _played(state, limits, now))
    return memo[1]


def _played(state: State, limits: Limits, now: float) -> dict[str, float]:
    running = [job for job in state.jobs.active() if job.status is Status.RUNNING]
    play = _Play(limits)
    for job in running:
        timings = course.timings_of(state, job)
        view = outlook.outlook(job, timings)
        play.run(job, 0.0, estimate.seconds_left(job, view, now))
    starts = {}
    for job in queue.line(state, now=now):
        starts[job.job_id] = play.start(job, now)
        play.run(job, starts[job.job_id], _whole_s(state, job))
    return starts


class _Play:
    """Slots, repositories and users, and until when each is taken; seconds from now."""

    def __init__(self, limits: Limits) -> None:
        self._per_user = max(1, limits.running_per_user)
        self._slots = [0.0] * max(1, limits.running)
        self._repositories: dict[int, float] = {}
        self._users: dict[str, list[float]] = {}

    def start(self, job: Job, now: float) -> float:
        """Return when *job* can start at the earliest."""
        theirs = self._users.get(job.counts_for, [])
        return max(
            self._slots[0],
            job.wait_s(now),
            self._repositories.get(job.repository_id, 0.0),
            theirs[-self._per_user] if len(theirs) >= self._per_user else 0.0,
        )

    def run(self, job: Job, start: float, took_s: float) -> None:
        """Take a slot from *start* on: that which comes free last before."""
        self._slots.pop(max(0, bisect.bisect_right(self._slots, start) - 1))
        bisect.insort(self._slots, start + took_s)
        bisect.insort(self._users.setdefault(job.counts_for, []), start + took_s)
        self._repositories[job.repository_id] = start + took_s


def _whole_s(state: State, job: Job) -> float:
    repository = state.repositories.get(job.repository_id)
    is_first = job.options.full or repository is None or not repository.branches
    return outlook.usual_total_s(course.timings_of(state, job), is_first=is_first)
