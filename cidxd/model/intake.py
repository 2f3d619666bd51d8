"""
What people ask for, decided against the newest state: submit, join, cancel, retry.

Each function reads and changes a draft and returns the answer; the writer runs it.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence
from typing import Final

from cidxd.errors import InvalidError, NotFoundError
from cidxd.model import moves, queue, schedule
from cidxd.model.account import Principal
from cidxd.model.facts import IdempotencyKey
from cidxd.model.job import ANYTHING, CancelRequest, Job, Options, Priority, Status
from cidxd.model.queue import Limits
from cidxd.model.registry import State

KEYS_KEPT_S: Final = 86_400.0  # an idempotency key is good for a day at least


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SyncRequest:
    """
    A wish for a sync.

    Attributes:
        job_id: The id of the job, if it becomes a new one.
        key: The caller's idempotency key, None without one.
        body_hash: What the key was sent with.
        known: What the store has under the key, if memory has not.
        traceparent: Checked, None without one; see `trace`.
    """

    job_id: str
    repository_id: int
    user: str
    options: Options = ANYTHING
    priority: Priority = Priority.INTERACTIVE
    key: str | None = None
    body_hash: str = ""
    retry_of: str | None = None
    known: Known | None = None
    traceparent: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Known:
    """An idempotency key that was used before, and the job that answered it."""

    row: IdempotencyKey
    job: Job


@dataclasses.dataclass(frozen=True, slots=True)
class Submitted:
    """The job that answers a request; `is_joined` when it existed before."""

    job: Job
    is_joined: bool


class CancelEffect(enum.Enum):
    """What a cancel did."""

    ENDED = enum.auto()  # the job is cancelled
    STOPPING = enum.auto()  # it is on record; the runner ends the children now
    WITHDRAWN = enum.auto()  # others still want the job
    TOO_LATE = enum.auto()  # it has its permit to publish, or it ended before


@dataclasses.dataclass(frozen=True, slots=True)
class Cancelled:
    """The job after a cancel, and what the cancel did."""

    job: Job
    effect: CancelEffect


def submit(state: State, request: SyncRequest, limits: Limits, *, now: float) -> Submitted:
    """
    Enqueue a job for *request*, or let a queued one answer it.

    Raises:
        InvalidError: A branch is not tracked, or the idempotency key came with another body.
        NotFoundError: The repository is gone.
        BusyError: The queue is full.
    """
    replayed = _replayed(state, request)
    if replayed is not None:
        return replayed
    if request.priority is Priority.INTERACTIVE:
        schedule.forgive(state, request.repository_id)
    job = queue.joinable(state, request.repository_id)
    if job is not None:
        submitted = _join(state, job, request, now)
    else:
        submitted = Submitted(_enqueue(state, request, limits, now), is_joined=False)
    if request.key is not None:
        state.keys.put((request.user, request.key), _key(request, submitted, now))
    return submitted


def cancel(
    state: State, job_id: str, who: Principal, *, reason: str, force: bool, now: float
) -> Cancelled | None:
    """
    Cancel an active job for *who*, or withdraw them from it; None if it is not in memory.

    A second cancel changes nothing, unless it is by *force* and the first was not.
    """
    job = state.jobs.get(job_id)
    if job is None:
        return None
    if job.is_final or job.is_permitted:
        return Cancelled(job, CancelEffect.TOO_LATE)
    if not who.is_admin and any(name != who.name for name in job.requesters):
        return _withdraw(state, job, who, now)
    request = CancelRequest(requested_by=who.name, reason=reason, at=now, force=force)
    if who.name not in job.requesters:
        asked = list(job.requesters)
        state.note(
            "job.cancelled", job_id, repository=job.repository, requesters=asked, reason=reason
        )
    if job.status is Status.QUEUED:
        return Cancelled(
            state.take(moves.cancel(job, request, at=job.not_before(now))), CancelEffect.ENDED
        )
    if job.cancel is not None:
        if job.cancel.force or not force:
            return Cancelled(job, CancelEffect.STOPPING)
        request = dataclasses.replace(job.cancel, force=True)
    return Cancelled(
        state.take(moves.request_cancel(job, request, at=job.not_before(now))),
        CancelEffect.STOPPING,
    )


def retry(state: State, old: Job, request: SyncRequest, limits: Limits, *, now: float) -> Submitted:
    """
    Enqueue a new job for what *old*, an ended job, was asked for, and link both.

    A job that waits already would do the same work, so it is joined and linked instead.
    """
    replayed = _replayed(state, request)
    if replayed is not None:
        return replayed
    if not old.is_final:
        raise InvalidError(
            f"job {old.job_id} has not ended",
            code="job-active",
            hint="follow it, or cancel it first: cidx jobs follow " + old.job_id,
            status=409,
        )
    wanted = dataclasses.replace(request, options=old.options)
    submitted = submit(state, wanted, limits, now=now)
    linked = dataclasses.replace(old, retried_by=submitted.job.job_id)
    state.jobs.put(old.job_id, linked)
    if request.user not in old.requesters:
        retry_id = submitted.job.job_id
        state.note("job.retried", old.job_id, repository=old.repository, retried_by=retry_id)
    return submitted


def _join(state: State, job: Job, request: SyncRequest, now: float) -> Submitted:
    """Let the queued *job* answer *request*; it is as urgent as the more urgent of both."""
    wanted = dataclasses.replace(job, priority=queue.more_urgent(job.priority, request.priority))
    joined = moves.join(wanted, user=request.user, options=request.options, at=job.not_before(now))
    return Submitted(state.take(joined), is_joined=True)


def _withdraw(state: State, job: Job, who: Principal, now: float) -> Cancelled:
    """Let others have *job*; a cancel sent twice finds its sender withdrawn and changes nothing."""
    if who.name in job.requesters:
        job = state.take(moves.withdraw(job, user=who.name, at=job.not_before(now)))
    return Cancelled(job, CancelEffect.WITHDRAWN)


def _replayed(state: State, request: SyncRequest) -> Submitted | None:
    if request.key is None:
        return None
    stored = request.known
    known = state.keys.get((request.user, request.key)) or (stored.row if stored else None)
    if known is None:
        return None
    if known.body_hash != request.body_hash:
        raise InvalidError(
            "this Idempotency-Key was used with another body",
            code="idempotency-mismatch",
            hint="use a new key for a new request",
        )
    job = state.jobs.get(known.job_id) or (stored.job if stored else None)
    return None if job is None else Submitted(job, is_joined=known.joined)


def forget_keys(state: State, keys: Sequence[tuple[str, str]]) -> None:
    """Forget these keys: pairs of a user and a key."""
    for pair in keys:
        state.keys.drop(pair)


def _enqueue(state: State, request: SyncRequest, limits: Limits, now: float) -> Job:
    repository = state.repositories.get(request.repository_id)
    if repository is None:
        raise NotFoundError("the repository was removed", code="repository-not-found")
    queue.check_room(state, request.user, limits)
    job = Job(
        job_id=request.job_id,
        repository_id=repository.repository_id,
        repository=repository.name,
        requested_by=request.user,
        requesters=(request.user,),
        created_at=now,
        options=request.options,
        priority=request.priority,
        traceparent=request.traceparent,
        retry_of=request.retry_of,
    )
    return state.take(moves.enqueue(job, at=now))


def _key(request: SyncRequest, submitted: Submitted, now: float) -> IdempotencyKey:
    return IdempotencyKey(
        user=request.user,
        key=request.key or "",
        body_hash=request.body_hash,
        job_id=submitted.job.job_id,
        created_at=now,
        joined=submitted.is_joined,
    )
