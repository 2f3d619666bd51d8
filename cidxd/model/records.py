"""What becomes of a job's phase records and attempts when something happens to it."""

from __future__ import annotations

import dataclasses

from cidxd.model.job import Attempt, Job, JobError, Options, PhaseRecord, PhaseStatus
from cidxd.model.report import ORDER


@dataclasses.dataclass(frozen=True, slots=True)
class Wait:
    """
    What a deferred job waits for; instants in POSIX seconds.

    Attributes:
        run_after: When it may be tried again, at the earliest.
        decided_at: What the clock said when that was decided.
        held: Why it waits for its host, in words; then its attempt is given back, and
            the host's answer ends the wait.
    """

    run_after: float
    decided_at: float
    held: str | None = None


def replaced(phases: tuple[PhaseRecord, ...], record: PhaseRecord) -> tuple[PhaseRecord, ...]:
    """Return *phases* with *record* in its phase's place."""
    at = ORDER.index(record.name)
    return (*phases[:at], record, *phases[at + 1 :])


def renewed(phases: tuple[PhaseRecord, ...]) -> tuple[PhaseRecord, ...]:
    """Return the records of a next attempt, which remember the steps of this one."""
    return tuple(PhaseRecord(name=old.name, earlier=old.steps or old.earlier) for old in phases)


def closed(
    phases: tuple[PhaseRecord, ...], running: PhaseStatus, at: float
) -> tuple[PhaseRecord, ...]:
    """
    Return *phases* with the running one ended as *running*.

    A sync that completes did not need the pending ones: they are skipped.  One that
    ended otherwise never came to them: they stay pending.
    """

    def close(record: PhaseRecord) -> PhaseRecord:
        if record.status is PhaseStatus.RUNNING:
            return dataclasses.replace(record, status=running, finished_at=at)
        if record.status is PhaseStatus.PENDING and running is PhaseStatus.COMPLETED:
            return dataclasses.replace(record, status=PhaseStatus.SKIPPED)
        return record

    return tuple(close(record) for record in phases)


def attempts_ended(
    job: Job, at: float, *, error: JobError | None = None, interrupted: bool = False
) -> tuple[Attempt, ...]:
    """Return *job*'s attempts with the last one ended, unless it was."""
    if not job.attempts or job.attempts[-1].finished_at is not None:
        return job.attempts
    last = dataclasses.replace(
        job.attempts[-1], finished_at=at, error=error, interrupted=interrupted
    )
    return (*job.attempts[:-1], last)


def unite(one: Options, other: Options) -> Options:
    """Return options that give each request what it asked for; no branch named means all."""
    branches: tuple[str, ...] = ()
    if one.branches and other.branches:
        branches = tuple(sorted({*one.branches, *other.branches}))
    return Options(full=one.full or other.full, branches=branches)
