"""
How long jobs that ended are kept, by what became of them and when they ended.

A job that did not end is never touched, and each repository keeps its newest ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Sequence

from cidxd.model.job import Status
from cidxd.model.registry import State


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """
    How long to keep what.

    Attributes:
        completed_s: Completed and cancelled jobs, from their end on.
        failed_s: Failed ones.
        kept_per_repository: So many that ended last stay, however old.
        audit_s: Entries of the audit log.
    """

    completed_s: float
    failed_s: float
    kept_per_repository: int
    audit_s: float = 365 * 86_400.0

    def is_over(self, job: Ended, *, now: float) -> bool:
        """Return whether *job* is old enough to go."""
        kept_s = self.failed_s if job.status is Status.FAILED else self.completed_s
        return job.finished_at < now - kept_s

    def earliest(self, *, now: float) -> float:
        """Return the instant after which no job has ended that is old enough."""
        return now - min(self.completed_s, self.failed_s)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A job that ended: what became of it, and when (POSIX seconds)."""

    job_id: str
    status: Status
    finished_at: float


def expired(
    jobs: Iterable[Ended], newest: Collection[str], rules: Rules, *, now: float
) -> list[Ended]:
    """
    Return which of one repository's ended *jobs* may go, in their order.

    Args:
        jobs: Any of them.
        newest: The ids of the `kept_per_repository` that ended last.
        rules: How long they are kept.
        now: POSIX seconds.
    """
    return [job for job in jobs if job.job_id not in newest and rules.is_over(job, now=now)]


def prune(state: State, job_ids: Sequence[str]) -> list[str]:
    """Forget these jobs and their events, but none that is active; return the forgotten ones."""
    gone = [job_id for job_id in job_ids if _has_ended(state, job_id)]
    for job_id in gone:
        state.jobs.drop(job_id)
    return gone


def _has_ended(state: State, job_id: str) -> bool:
    job = state.jobs.get(job_id)  # every active job is in memory
    return job is None or job.is_final


def forget_entries(state: State, instant: float) -> None:
    """Forget the oldest entries of the audit log: only ones of before *instant*."""
    state.audit_kept_since = instant
