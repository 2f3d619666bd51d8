"""
Removing a repository: it is gone at once, its files follow when nobody uses them any more.

What is left to do is stored with the removal, so that a crash does not forget it.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from cidxd.errors import NotFoundError
from cidxd.model import incidents, moves
from cidxd.model.facts import Removal
from cidxd.model.job import CancelRequest, Job, Status
from cidxd.model.registry import State

REASON: Final = "the repository was removed"


def remove(state: State, repository_id: int, user: str, *, now: float) -> Removal:
    """
    Remove a repository: cancel its jobs, and note that its files are to be deleted.

    A job that publishes already completes.  Its jobs stay in history.

    Raises:
        NotFoundError: It was removed before.
    """
    row = state.repositories.get(repository_id)
    if row is None:
        raise NotFoundError("the repository was removed", code="repository-not-found")
    state.note("repository.removed", row.name, remote=row.remote)
    removal = Removal(repository_id=repository_id, name=row.name, user=user, at=now)
    state.repositories.drop(repository_id)
    if row.access.is_restricted:  # and so are its jobs, which stay
        state.removed.put(repository_id, row)
    state.credentials.drop(repository_id)
    state.hooks.drop(repository_id)
    for delivery in [d for d in state.deliveries.values() if d.repository_id == repository_id]:
        state.deliveries.drop(delivery.mark)
    state.removals.put(repository_id, removal)
    stop_jobs(state, repository_id, force=False, now=now)
    incidents.forget_unused(state, [row.remote])
    return removal


def stop_jobs(state: State, repository_id: int, *, force: bool, now: float) -> None:
    """Cancel what is queued or runs for a removed repository; what publishes is let be."""
    removal = state.removals.get(repository_id)
    if removal is None:
        return
    request = CancelRequest(requested_by=removal.user, reason=REASON, at=now, force=force)
    for job in state.jobs.active_of(repository_id):
        if job.status is Status.QUEUED:
            state.take(moves.cancel(job, request, at=job.not_before(now)))
        elif not job.is_permitted:
            _stop(state, job, request, now)


def done(state: State, repository_id: int) -> None:
    """Note that nothing of the repository is left on disk."""
    if state.removals.get(repository_id) is not None:
        state.removals.drop(repository_id)


def _stop(state: State, job: Job, request: CancelRequest, now: float) -> None:
    if job.cancel is not None:
        if job.cancel.force or not request.force:
            return
        request = dataclasses.replace(job.cancel, force=True)
    state.take(moves.request_cancel(job, request, at=job.not_before(now)))
