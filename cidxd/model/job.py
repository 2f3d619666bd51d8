"""
What a job is, and which moves it may make.

TRANSITIONS is the whole theory: for each status, the events that may happen to a
job in it and the status that follows.  `docs/jobs.md` draws it.  To ask for a
cancel is an attribute of a running job, not a status; a final job takes no event.

The records are without slots: each event copies a job and stores it as JSON, and
both are several times faster from a `__dict__`.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any, Final

from cidxd.model.facts import first_person
from cidxd.model.report import ORDER, Phase, Usage
from cidxd.model.steps import Guess, Step


class Status(enum.StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"  # the scheduler claims it when its turn comes
    RUNNING = "running"  # its runner moves it on
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Outcome(enum.StrEnum):
    """What a completed sync did to the index."""

    UPDATED = "updated"
    UNCHANGED = "unchanged"


class Priority(enum.StrEnum):
    """What made a job wanted, the most urgent first."""

    INTERACTIVE = "interactive"  # somebody asked, and waits
    WEBHOOK = "webhook"  # the remote said that it changed
    SCHEDULED = "scheduled"  # it was time to look


class PhaseStatus(enum.StrEnum):
    """Where one phase of the current attempt is."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Kind(enum.StrEnum):
    """What can happen to a job; the wire's event types."""

    ENQUEUED = "enqueued"
    JOINED = "joined"  # another request is answered by this job
    WITHDRAWN = "withdrawn"  # one requester of several took the request back
    CLAIMED = "claimed"
    PHASE_STARTED = "phase_started"
    PROGRESSED = "progressed"
    PHASE_COMPLETED = "phase_completed"
    PUBLISH_STARTED = "publish_started"  # the permit: from here on it completes
    DEFERRED = "deferred"  # failed, and will be tried again
    INTERRUPTED = "interrupted"  # the daemon stopped; the attempt is given back
    CANCEL_REQUESTED = "cancel_requested"
    CANCELLED = "cancelled"
    FAILED = "failed"
    COMPLETED = "completed"


_STAYS_RUNNING: Final = (
    Kind.PHASE_STARTED,
    Kind.PROGRESSED,
    Kind.PHASE_COMPLETED,
    Kind.PUBLISH_STARTED,
    Kind.WITHDRAWN,
    Kind.CANCEL_REQUESTED,
)
TRANSITIONS: Final[dict[Status, dict[Kind, Status]]] = {
    Status.QUEUED: {
        Kind.ENQUEUED: Status.QUEUED,
        Kind.JOINED: Status.QUEUED,
        Kind.WITHDRAWN: Status.QUEUED,
        Kind.CLAIMED: Status.RUNNING,
        Kind.CANCELLED: Status.CANCELLED,
        Kind.FAILED: Status.FAILED,  # its host did not answer for as long as one may wait
    },
    Status.RUNNING: {
        **dict.fromkeys(_STAYS_RUNNING, Status.RUNNING),
        Kind.DEFERRED: Status.QUEUED,
        Kind.INTERRUPTED: Status.QUEUED,
        Kind.CANCELLED: Status.CANCELLED,
        Kind.FAILED: Status.FAILED,
        Kind.COMPLETED: Status.COMPLETED,
    },
    Status.COMPLETED: {},
    Status.FAILED: {},
    Status.CANCELLED: {},
}
FINAL: Final = frozenset(status for status, moves in TRANSITIONS.items() if not moves)


class IllegalTransitionError(Exception):
    """An event arrived for which the job's status has no move; whoever sent it came too late."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """What was asked for: `branches` empty means every tracked one."""

    full: bool = False
    branches: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class BranchMove:
    """From where to where one branch went: commit ids, None while unknown or new."""

    branch: str
    before: str | None = None
    fetched: str | None = None
    indexed: str | None = None
    is_default: bool = False
    committed_at: float | None = None  # the indexed one's own time


@dataclasses.dataclass(frozen=True, kw_only=True)
class JobError:
    """Why an attempt or a job failed, in the words of cidxd.errors.FAULTS."""

    code: str
    title: str
    detail: str
    hint: str
    phase: Phase | None
    retryable: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class PhaseRecord:
    """
    One phase of the current attempt; instants in POSIX seconds.

    Attributes:
        steps: In the order in which they began, the running one last.
        earlier: The steps of the attempt before.
    """

    name: Phase
    status: PhaseStatus = PhaseStatus.PENDING
    fraction: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None
    counters: Mapping[str, int] = dataclasses.field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    earlier: tuple[Step, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Attempt:
    """One try; an interrupted one stays listed, and its number is used again."""

    number: int
    started_at: float
    finished_at: float | None = None
    error: JobError | None = None
    interrupted: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class HistoryEntry:
    """A change of status or phase."""

    at: float
    status: Status
    phase: Phase | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class CancelRequest:
    """Who wanted the job to end, and why; with `force` its children are killed without grace."""

    requested_by: str
    reason: str
    at: float
    force: bool = False


CLOCK_SLACK_S: Final = 2.0  # a clock that is corrected by less was not set back
ANYTHING: Final = Options()
NEW_PHASES: Final = tuple(PhaseRecord(name=phase) for phase in ORDER)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """
    One request to bring a repository's index up to date, with all that became of it.

    Attributes:
        returned: It ran and was put back (deferred or interrupted); it keeps its place.
        progress: High-water mark in percent, 0 to 100; 100 only when completed.
        attempt: How many attempts count so far.
        run_after: Earliest next start, POSIX seconds, decided at `deferred_at`; None for at once.
        traceparent: Of the request that made the job, checked; see `trace`.
        is_first: All content is to be indexed: no index was there (`is_new`), or `full` is asked.
        guesses: Of the time remaining, while the job is active: those from half its time on.
        estimate_ratio: What was guessed at half its time, over what it became; see `estimate`.
        seq: Number of its last event, from 1; also its version.
    """

    job_id: str
    repository_id: int
    repository: str
    requested_by: str
    created_at: float
    requesters: tuple[str, ...] = ()
    options: Options = ANYTHING
    priority: Priority = Priority.INTERACTIVE
    status: Status = Status.QUEUED
    outcome: Outcome | None = None
    phase: Phase | None = None
    progress: float = 0.0
    message: str = "waiting for its turn"
    started_at: float | None = None
    finished_at: float | None = None
    returned: bool = False
    is_first: bool = False
    is_new: bool = False
    guesses: tuple[Guess, ...] = ()
    estimate_ratio: float | None = None
    attempt: int = 0
    run_after: float | None = None
    deferred_at: float | None = None
    commits: tuple[BranchMove, ...] = ()
    phases: tuple[PhaseRecord, ...] = NEW_PHASES
    summary: Mapping[str, Any] | None = None
    usage: Mapping[Phase, Usage] = dataclasses.field(default_factory=dict)
    history: tuple[HistoryEntry, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    error: JobError | None = None
    traceparent: str | None = None
    retry_of: str | None = None
    retried_by: str | None = None
    cancel: CancelRequest | None = None
    is_permitted: bool = False
    seq: int = 0

    @property
    def is_final(self) -> bool:
        """Nothing will happen to it any more."""
        return self.status in FINAL

    def wait_s(self, now: float) -> float:
        """Return for how many seconds it may not start; a clock set back since ends the wait."""
        if self.run_after is None or now < (self.deferred_at or 0.0) - CLOCK_SLACK_S:
            return 0.0
        return max(0.0, self.run_after - now)

    def not_before(self, now: float) -> float:
        """Return *now*, but no time before what is on record already: a clock may be set back."""
        ended = (record.finished_at or 0.0 for record in self.phases)
        return max(now, self.created_at, self.history[-1].at if self.history else 0.0, *ended)

    @property
    def counts_for(self) -> str:
        """Whose limits and turns it counts for: the first person of those who still want it."""
        return first_person(self.requesters) or self.requested_by

    def record_of(self, phase: Phase) -> PhaseRecord:
        """Return the current attempt's record of *phase*."""
        return self.phases[ORDER.index(phase)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Event:
    """
    What happened to a job, as followers see it.

    Attributes:
        seq: 1, 2, 3… per job.
        cursor: Daemon-wide, only increasing; 0 until the writer gives it.
        data: JSON-ready; always has status, phase, progress_percentage and message.
    """

    job_id: str
    repository_id: int
    repository: str
    seq: int
    at: float
    kind: Kind
    data: Mapping[str, Any]
    cursor: int = 0
