"""
Who joins, who runs next, and why one waits: pure functions of the registry.

At most one running and one fresh queued job per repository.  A returned job
(deferred or interrupted) keeps its place before a fresh one and is not counted.

Turns: what was returned goes first, then what is more urgent; among equals the users
take turns, the one served longest ago first; of one user's the oldest goes first.
Nobody starves: to wait makes a job as urgent as any, and then every user has a turn
before anyone has two.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import operator
from collections import Counter
from collections.abc import Iterable
from typing import Final

from cidxd.errors import BusyError
from cidxd.model import incidents
from cidxd.model.facts import SYSTEM_USERS, Pause
from cidxd.model.job import Job, Priority, Status
from cidxd.model.registry import QUEUE_PAUSE, State

PATIENCE_S: Final = 600.0  # a job that waited for so long is as urgent as the next kind
_ABOUT_TO_START: Final = "about to start"
_URGENCY: Final = {priority: number for number, priority in enumerate(Priority, 1)}
_NUMBERS: Final = "no one two three four five six seven eight nine ten eleven twelve"
_WORDS: Final = tuple(_NUMBERS.split())


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """
    How many jobs may run and wait.

    Attributes:
        incident_repositories: When so many of one host fail alike, it is held back.
        hold_s: So long it is held back at most.
    """

    running: int = 4
    running_per_user: int = 3
    queued: int = 1000
    queued_per_user: int = 10
    incident_repositories: int = 3
    hold_s: float = 86_400.0

    def running_of(self, user: str) -> int:
        """Return how many jobs of *user* may run; schedules leave one place to people."""
        return max(1, self.running - 1) if user in SYSTEM_USERS else self.running_per_user


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


def more_urgent(one: Priority, other: Priority) -> Priority:
    """Return the more urgent of both."""
    return min(one, other, key=_URGENCY.__getitem__)


def check_room(state: State, user: str, limits: Limits) -> None:
    """Raise BusyError if one more job of *user* would pass a limit."""
    if state.jobs.queued_total() >= limits.queued:
        raise BusyError(
            f"the queue is full: {limits.queued} jobs wait",
            code="queue-full",
            hint="try again when some have run: cidx jobs list --status queued",
            retry_after_s=30,
        )
    if user not in SYSTEM_USERS and state.jobs.queued_of(user) >= limits.queued_per_user:
        raise BusyError(
            f"too many of your jobs wait already: {limits.queued_per_user}",
            code="user-queue-full",
            hint="wait for one to start, or cancel one: cidx jobs list --status queued",
            retry_after_s=15,
        )


def due(state: State, limits: Limits, *, now: float) -> list[Job]:
    """Return the queued jobs to claim now, in the order they start; none during a pause."""
    active = state.jobs.active()
    slots = _Slots(limits, _running(active))
    if slots.are_full or state.pause is not None:
        return []
    chosen: list[Job] = []
    free = [job for job in _queued(active) if slots.obstacle(job, now) is None]
    for job in _line(state, incidents.let_through(state, free, now), now):
        if slots.obstacle(job, now) is None:
            slots.take(job)
            chosen.append(job)
    return chosen


def wakes_at(state: State, *, now: float) -> float | None:
    """Return the earliest end of a job's or a host's back-off from *now* on, None for none."""
    waits = (job.wait_s(now) for job in _queued(state.jobs.active()))
    jobs = (now + wait_s for wait_s in waits if wait_s)
    hosts = (known.next_attempt_at for known in incidents.opened(state))
    starts = itertools.chain(jobs, hosts)
    return min((at for at in starts if at is not None and at > now), default=None)


def place(job: Job, state: State, limits: Limits, *, now: float) -> Place | None:
    """Return where *job* stands in the queue, None once it left it."""
    if job.status is not Status.QUEUED:
        return None
    view = _view(state, limits, now)
    position = view.positions.get(job.job_id)
    if position is None:  # claimed after the caller looked it up
        return Place(1, _ABOUT_TO_START)
    if state.pause is not None:
        return Place(position, pause_words(state.pause))
    held = _held(job, state, limits, now)
    return Place(position, held or view.slots.obstacle(job, now) or _turn(job, state, limits, now))


def line(state: State, *, now: float) -> list[Job]:
    """Return the queued jobs in the order of their turns."""
    return _line(state, _queued(state.jobs.active()), int(now))


def pause(state: State, *, reason: str, user: str, now: float) -> Pause:
    """Claim no job from now on; who did so first for the same reason stays on record."""
    known = state.pause
    if known is not None and known.reason == reason:
        return known
    made = Pause(reason=reason, requested_by=user, at=now)
    state.pauses.put(QUEUE_PAUSE, made)
    state.note("queue.paused", reason=reason)
    return made


def resume(state: State) -> Pause | None:
    """Claim jobs again; return the pause that ended, None if there was none."""
    ended = state.pause
    if ended is not None:
        state.pauses.drop(QUEUE_PAUSE)
        state.note("queue.resumed")
    return ended


def pause_words(known: Pause) -> str:
    """Return the fact in words."""
    return f"the queue is paused: {known.reason}" if known.reason else "the queue is paused"


class _Slots:
    """What is in use, and what of it stands in a job's way."""

    def __init__(self, limits: Limits, running: Iterable[Job]) -> None:
        self._limits = limits
        self._busy: dict[int, str] = {}
        self._of_user: Counter[str] = Counter()
        for job in running:
            self.take(job)

    @property
    def are_full(self) -> bool:
        """No job can start."""
        return len(self._busy) >= self._limits.running

    def take(self, job: Job) -> None:
        """Count *job* as running."""
        self._busy[job.repository_id] = job.job_id
        self._of_user[job.counts_for] += 1

    def obstacle(self, job: Job, now: float) -> str | None:
        """Return what keeps *job* from starting, in words; what ends last comes first."""
        if wait_s := job.wait_s(now):
            return f"waiting {math.ceil(wait_s)} s before attempt {job.attempt + 1}"
        if job.repository_id in self._busy:
            return f"repository busy with job {self._busy[job.repository_id][-8:]}"
        mine = self._of_user[job.counts_for]
        if mine >= self._limits.running_of(job.counts_for):
            if job.counts_for in SYSTEM_USERS:
                return f"{_word(mine)} jobs that nobody waits for are running"
            return "your job is running" if mine == 1 else f"your {_word(mine)} jobs are running"
        if self.are_full:
            slots = "slot" if self._limits.running == 1 else "slots"
            return f"{_word(len(self._busy))} of {_word(self._limits.running)} {slots} in use"
        return None


@dataclasses.dataclass(frozen=True, slots=True)
class _View:
    """What the places of all queued jobs are told by."""

    positions: dict[str, int]
    slots: _Slots


def _view(state: State, limits: Limits, now: float) -> _View:
    """Return what every job's place is told by: worked out once, not for each job of a list."""
    key = (state.jobs.version, limits, int(now))
    memo = state.jobs.memo
    if memo is not None and memo[0] == key and isinstance(memo[1], _View):
        return memo[1]
    active = state.jobs.active()
    line = _line(state, _queued(active), int(now))
    positions = {job.job_id: position for position, job in enumerate(line, 1)}
    view = _View(positions, _Slots(limits, _running(active)))
    state.jobs.memo = (key, view)
    return view


def _held(job: Job, state: State, limits: Limits, now: float) -> str | None:
    """Return which incident keeps *job* from starting, in words; None for the one let through."""
    known = incidents.holding(job, state)
    if known is None:
        return None
    may_ask = known.is_due(now) and incidents.probe(state, known) is None
    if may_ask and job.job_id in [other.job_id for other in due(state, limits, now=now)]:
        return None
    return incidents.words(state, known, now)


def _turn(job: Job, state: State, limits: Limits, now: float) -> str:
    """Return why *job*, which could start, does not: it does, or those before it take the slots."""
    first = [other.job_id for other in due(state, limits, now=now)]
    return _ABOUT_TO_START if job.job_id in first else f"{_word(len(first))} before it"


def _line(state: State, jobs: Iterable[Job], now: float) -> list[Job]:
    """Return *jobs* in the order of their turns."""

    def urgency(job: Job) -> int:
        if job.returned:
            return 0
        kinds = int(max(0.0, now - job.created_at) // PATIENCE_S)
        return max(1, _URGENCY[job.priority] - kinds)

    line: list[Job] = []
    turns: dict[str, int] = {}
    ordered = sorted((urgency(job), job.created_at, job.job_id, job) for job in jobs)
    for _, equals in itertools.groupby(ordered, operator.itemgetter(0)):
        of_user: dict[str, list[Job]] = {}
        for *_, job in equals:
            of_user.setdefault(job.counts_for, []).append(job)
        users = sorted(of_user, key=lambda user: turns.get(user) or state.jobs.turn_of(user))
        for rounds in itertools.zip_longest(*(of_user[user] for user in users)):
            line += [job for job in rounds if job is not None]
        turns |= {job.counts_for: state.jobs.claims + n for n, job in enumerate(line, 1)}
    return line


def _running(jobs: Iterable[Job]) -> list[Job]:
    return [job for job in jobs if job.status is Status.RUNNING]


def _queued(jobs: Iterable[Job]) -> list[Job]:
    return [job for job in jobs if job.status is Status.QUEUED]


def _word(number: int) -> str:
    return _WORDS[number] if number < len(_WORDS) else str(number)
