"""
The committed state in memory, and a draft of what is about to change in it.

A decision reads and writes a draft; the writer stores what changed, COMMITs and only then lets
the registry absorb it, in one step.  A draft on a draft is one caller's decision within a batch.
Both are a `State`: tables laid over tables.  Jobs that ended stay for a while so that followers
are answered from memory; older ones are in the store only.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from cidxd.model import audit
from cidxd.model.account import PersonalToken, Session, User
from cidxd.model.credential import Credential
from cidxd.model.facts import Delivery, IdempotencyKey, Pause, Removal
from cidxd.model.incident import Incident
from cidxd.model.job import Event, Job, Status
from cidxd.model.moves import Moved
from cidxd.model.repository import Repository
from cidxd.model.signing_key import SigningKey
from cidxd.model.table import Table

RECENT_JOBS: Final = 500  # ended jobs kept in memory
RECENT_KEYS: Final = 1_000  # idempotency keys kept in memory; the others are in the store only
QUEUE_PAUSE: Final = "queue_pause"  # under this name the store keeps a pause


class JobTable(Table[str, Job]):
    """
    Jobs, with what the queue asks about them kept at hand.

    Attributes:
        claims: How many claims there were since the start; a claim's number is its turn.
        version: Another one after each job that was put.
        memo: What `queue` worked out of some version, and what it depends on.
        forecast: Likewise of `forecast`: the starts of queued jobs by id, seconds from then.
    """

    below: JobTable | None

    def __init__(self, below: JobTable | None = None) -> None:
        super().__init__(below)
        self._active: dict[int, tuple[str, ...]] = {}
        self._ended: dict[str, None] = {}
        self._queued: Counter[str] = Counter()
        self._turns: dict[str, int] = {}
        self.claims: int = below.claims if below else 0
        self.version = 0
        self.memo: tuple[object, object] | None = None
        self.forecast: tuple[object, dict[str, float]] | None = None

    def put(self, key: str, row: Job) -> None:
        """Add or replace a job."""
        self.version += 1
        before = self.get(key)
        if before and (before.status, row.status) == (Status.QUEUED, Status.RUNNING):
            self.claims += 1
            self._turns[row.counts_for] = self.claims
        self._count(before, -1)
        self._count(row, 1)
        self._active[row.repository_id] = _active_after(self._active_ids(row.repository_id), row)
        self._keep(key, row)

    def drop(self, key: str) -> None:
        """Remove a job, which is not active."""
        self._ended.pop(key, None)
        super().drop(key)

    def absorb(self, above: JobTable) -> None:  # type: ignore[override]
        """Take over what *above*, a table laid over this one as it is, changed and counted."""
        for key, row in above.changed.items():
            if row is None:
                self.drop(key)
            else:
                self._keep(key, row)
        self.claims = above.claims
        self.version += above.version
        self._queued.update(above._queued)
        self._turns.update(above._turns)
        self._active.update(above._active)
        if self.below is None:
            for number in [number for number, ids in above._active.items() if not ids]:
                del self._active[number]

    def active(self) -> list[Job]:
        """Return the queued and running jobs, grouped by repository."""
        return [job for key in self._repository_ids() for job in self.active_of(key)]

    def active_of(self, repository_id: int) -> list[Job]:
        """Return the repository's queued and running jobs, oldest first."""
        ids = self._active_ids(repository_id)
        return [job for job_id in ids if (job := self.get(job_id)) is not None]

    def queued_of(self, user: str) -> int:
        """Return how many queued jobs count for *user*."""
        return self._queued[user] + (self.below.queued_of(user) if self.below else 0)

    def queued_total(self) -> int:
        """Return how many jobs are queued."""
        return self._queued.total() + (self.below.queued_total() if self.below else 0)

    def turn_of(self, user: str) -> int:
        """Return the number of the last claim of a job that counts for *user*, 0 for none yet."""
        if user in self._turns or self.below is None:
            return self._turns.get(user, 0)
        return self.below.turn_of(user)

    def forget_old(self, kept: int) -> None:
        """Drop all but the *kept* jobs that changed last of those that ended."""
        while len(self._ended) > kept:
            self.drop(next(iter(self._ended)))

    def _keep(self, key: str, row: Job) -> None:
        super().put(key, row)
        self._ended.pop(key, None)
        if row.is_final:
            self._ended[key] = None

    def _repository_ids(self) -> dict[int, None]:
        below = self.below._repository_ids() if self.below else {}  # noqa: SLF001 - its own kind
        return below | dict.fromkeys(self._active)

    def _active_ids(self, repository_id: int) -> tuple[str, ...]:
        if repository_id in self._active or self.below is None:
            return self._active.get(repository_id, ())
        return self.below._active_ids(repository_id)  # noqa: SLF001 - its own kind

    def _count(self, job: Job | None, step: int) -> None:
        if job is not None and job.status is Status.QUEUED:
            self._queued[job.counts_for] += step


class RepositoryTable(Table[int, Repository]):
    """Repositories, which are found by their name too."""

    below: RepositoryTable | None

    def __init__(self, below: RepositoryTable | None = None) -> None:
        super().__init__(below)
        self._ids: dict[str, int] = {}  # of every name that a row here has or had

    def put(self, key: int, row: Repository) -> None:
        """Add or replace a repository."""
        self._ids[row.name] = key
        super().put(key, row)

    def named(self, name: str) -> Repository | None:
        """Return the repository of that name."""
        row = None if (key := self._id_of(name)) is None else self.get(key)
        return row if row is not None and row.name == name else None

    def _id_of(self, name: str) -> int | None:
        if name in self._ids or self.below is None:
            return self._ids.get(name)
        return self.below._id_of(name)  # noqa: SLF001 - its own kind


class State:
    """
    Everything that is committed and may matter soon; or a draft of it.

    Attributes:
        events: Of a draft: what happened in it, in order.  Empty in the registry.
        notes: Of a draft: what it adds to the audit log, in order.
        by: Of a draft: who asks for the decision that runs.
        audit_kept_since: Of a draft: from when on the audit log is kept, if that is decided.
        cursor: Of the registry: the newest committed event's, 0 before the first.
        last_repository_id: The highest that a job or a repository of the store ever had.
        tokens: Personal tokens, by the hash of each.
        removed: Removed repositories that were restricted: their jobs still are.
    """

    def __init__(self, below: State | None = None) -> None:
        self.jobs: JobTable = JobTable(below.jobs if below else None)
        self.repositories: RepositoryTable = RepositoryTable(below.repositories if below else None)
        self.users: Table[str, User] = Table(below.users if below else None)
        self.sessions: Table[str, Session] = Table(below.sessions if below else None)
        self.tokens: Table[str, PersonalToken] = Table(below.tokens if below else None)
        self.removed: Table[int, Repository] = Table(below.removed if below else None)
        self.keys: Table[tuple[str, str], IdempotencyKey] = Table(below.keys if below else None)
        self.pauses: Table[str, Pause] = Table(below.pauses if below else None)
        self.incidents: Table[str, Incident] = Table(below.incidents if below else None)
        self.credentials: Table[int, Credential] = Table(below.credentials if below else None)
        self.signing_keys: Table[str, SigningKey] = Table(below.signing_keys if below else None)
        self.hooks: Table[int, Credential] = Table(below.hooks if below else None)
        self.deliveries: Table[str, Delivery] = Table(below.deliveries if below else None)
        self.removals: Table[int, Removal] = Table(below.removals if below else None)
        self.events: list[Event] = []
        self.notes: list[audit.Entry] = []
        self.by = audit.DAEMON
        self.audit_kept_since: float | None = None
        self.cursor = 0
        self.last_repository_id: int = below.last_repository_id if below else 0

    @property
    def pause(self) -> Pause | None:
        """The queue's pause, None while jobs are claimed."""
        return self.pauses.get(QUEUE_PAUSE)

    def repository_named(self, name: str) -> Repository | None:
        """Return the repository of that name."""
        return self.repositories.named(name)

    def take(self, moved: Moved) -> Job:
        """Record a move and its event; return the job after it."""
        self.jobs.put(moved.job.job_id, moved.job)
        self.events.append(moved.event)
        return moved.job

    def note(
        self, action: str, target: str = "", *, actor: str | None = None, **detail: object
    ) -> None:
        """Add to the audit log what is decided here; *detail* holds JSON's types, no secret."""
        self.notes.append(audit.entry(self.by, action, target, detail, actor=actor))

    def merge(self, above: State) -> None:
        """Keep what *above*, a draft on this draft, decided."""
        self._absorb_tables(above)
        self.events.extend(above.events)
        self.notes.extend(above.notes)
        self.audit_kept_since = above.audit_kept_since or self.audit_kept_since

    def absorb(self, draft: State) -> None:
        """Make what *draft* changed the committed state; it was committed a moment ago."""
        self._absorb_tables(draft)
        self.cursor += len(draft.events)
        self.jobs.forget_old(RECENT_JOBS)
        self.keys.forget_old(RECENT_KEYS)

    def _absorb_tables(self, above: State) -> None:
        self.last_repository_id = max(self.last_repository_id, *above.repositories.changed, 0)
        for name, table in vars(self).items():
            if isinstance(table, Table):
                table.absorb(getattr(above, name))


def _active_after(job_ids: tuple[str, ...], job: Job) -> tuple[str, ...]:
    if job.is_final:
        return tuple(job_id for job_id in job_ids if job_id != job.job_id)
    return job_ids if job.job_id in job_ids else (*job_ids, job.job_id)
