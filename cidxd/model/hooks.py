"""
What a remote's own word leads to: a sync, unless the same word came before.

A delivery is known by marks.  They are kept with the job in one commit, so that what is sent
again, by a provider that missed the answer or by somebody who listened, makes no other job.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Final

from cidxd.errors import NotFoundError
from cidxd.model import intake, queue
from cidxd.model.credential import Seal
from cidxd.model.facts import WEBHOOK, Delivery
from cidxd.model.intake import SyncRequest
from cidxd.model.job import Job, Priority
from cidxd.model.queue import Limits
from cidxd.model.registry import State
from cidxd.model.repository import Repository

KEPT: Final = 10_000  # marks in all
KEPT_S: Final = 7 * 86_400.0
WINDOW_S: Final = 600.0  # so long what has no id of its own is known by its content


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """
    A push that was delivered, its signature checked.

    Attributes:
        marks: What this delivery is known by; at least one.
        kept_s: How long it is known.
        job_id: The id of the job, if it becomes a new one.
    """

    repository_id: int
    marks: tuple[str, ...]
    kept_s: float
    job_id: str
    traceparent: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Answered:
    """The job that answers a delivery; it may have ended, if the delivery is an old one."""

    job_id: str
    is_joined: bool = False
    is_replayed: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class BranchPush:
    """What became of a ref: `branch` is None for what is no branch."""

    branch: str | None
    is_deleted: bool = False


def deliver(state: State, pushed: Pushed, limits: Limits, *, now: float) -> Answered:
    """
    Ask for a sync, or let the job answer that the same delivery led to before.

    Raises:
        NotFoundError: The repository is gone.
        BusyError: The queue is full; the delivery is as good as never heard.
    """
    for mark in pushed.marks:
        known = state.deliveries.get(mark)
        if known is not None and now - known.received_at < pushed.kept_s:
            return Answered(known.job_id, is_replayed=True)
    queued = queue.joinable(state, pushed.repository_id)
    if queued is not None and _does_it_all(queued):
        answered = Answered(queued.job_id, is_joined=True)  # of a burst, one event is enough
    else:
        request = SyncRequest(
            job_id=pushed.job_id,
            repository_id=pushed.repository_id,
            user=WEBHOOK,
            priority=Priority.WEBHOOK,
            traceparent=pushed.traceparent,
        )
        submitted = intake.submit(state, request, limits, now=now)
        answered = Answered(submitted.job.job_id, is_joined=submitted.is_joined)
    _remember(state, pushed, answered.job_id, now)
    return answered


def ignored(row: Repository, pushes: list[BranchPush], default: str | None) -> str | None:
    """
    Return why nothing is to be done for *pushes*, None if a sync is.

    Args:
        row: The repository.
        pushes: What the provider says has changed.
        default: Its default branch, as the provider says; None if it does not.
    """
    known = {*row.tracked, *(branch.name for branch in row.branches), default, row.default_branch}
    is_new = row.default_branch is None
    for pushed in pushes:
        if (
            pushed.branch is not None
            and not pushed.is_deleted
            and (is_new or pushed.branch in known)
        ):
            return None
    if not pushes:
        return "nothing was pushed"
    last = pushes[-1]
    if last.branch is None:
        return "not a branch"
    return "the branch was deleted" if last.is_deleted else "the branch is not tracked"


def choose(state: State, repository_id: int, seal: Seal | None) -> bool:
    """
    Let a repository have this secret and no other, or None; return whether it is another one.

    Raises:
        NotFoundError: It was removed.
    """
    row = state.repositories.get(repository_id)
    if row is None:
        raise NotFoundError("the repository was removed", code="repository-not-found")
    if seal is not None:
        state.note("webhook.made", row.name)
        state.hooks.put(repository_id, seal(repository_id))
        return True
    if state.hooks.get(repository_id) is None:
        return False
    state.note("webhook.removed", row.name)
    state.hooks.drop(repository_id)
    return True


def _does_it_all(job: Job) -> bool:
    is_urgent = queue.more_urgent(job.priority, Priority.WEBHOOK) is job.priority
    return is_urgent and WEBHOOK in job.requesters and not job.options.branches


def _remember(state: State, pushed: Pushed, job_id: str, now: float) -> None:
    rows = list(state.deliveries.values())
    excess = max(0, len(rows) + len(pushed.marks) - KEPT)
    old = itertools.takewhile(lambda row: now - row.received_at >= KEPT_S, rows[excess:])
    for row in [*rows[:excess], *old]:
        state.deliveries.drop(row.mark)
    for mark in pushed.marks:
        made = Delivery(
            mark=mark, repository_id=pushed.repository_id, received_at=now, job_id=job_id
        )
        state.deliveries.put(mark, made)
