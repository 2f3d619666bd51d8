"""
Whether a commit can be searched, and holding an answer until it can (`wait_commit`).

A push may still be on its way when the sync that it asks for is done, so another sync is
asked for after a while, as long as the caller wants to wait.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import Awaitable, Callable
from typing import Final

from cidxd.errors import BusyError, FaultError
from cidxd.model.intake import Submitted
from cidxd.model.job import Job, Kind, Status
from cidxd.model.repository import Repository
from cidxd.store import asker
from cidxd.web.prefer import current
from cidxd.web.services import Services
from cidxd.web.sync_documents import ArrivalDocument, ReachDocument, ReasonDocument
from cidxd.work.bus import StoppedError

_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 5.0
_ENDS: Final = frozenset({Kind.COMPLETED, Kind.FAILED, Kind.CANCELLED})


@dataclasses.dataclass(frozen=True, slots=True)
class Wish:
    """A commit that is to be searchable, by syncs of one branch or (None) of every tracked one."""

    repository_id: int
    commit: str
    branch: str | None


async def reach(services: Services, row: Repository, commit: str) -> ReachDocument:
    """Return whether *commit* is reachable from a tip that the index answers with."""
    commit = commit.lower()
    branches = {branch.commit: branch.name for branch in row.branches}
    tip = await services.remotes.reach(row.repository_id, commit, list(branches))
    return {
        "commit": commit,
        "reachable": tip is not None,
        "branch": branches.get(tip) if tip is not None else None,
    }


async def until_searchable(
    services: Services,
    wish: Wish,
    submitted: Submitted,
    again: Callable[[], Awaitable[Submitted]],
    wait_s: float,
) -> tuple[Submitted, ArrivalDocument]:
    """
    Return the newest job once its repository has the commit, it failed, or the wait is over.

    Args:
        services: Where to look.
        wish: What is waited for.
        submitted: The first job.
        again: Asks for another sync.
        wait_s: How long the caller wants to wait; 0 only tells how things are.
    """
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + wait_s
    why: ReasonDocument | None = None
    for rounds in itertools.count():
        found, job = await _searchable_or_over(services, wish, submitted.job, ends_at)
        submitted = dataclasses.replace(submitted, job=job)
        if found["reachable"]:
            return submitted, {**found, "reason": None}
        if job.status is Status.COMPLETED:
            why = await reason(services, wish)
            pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(rounds, 10))
            await asyncio.sleep(max(0.0, min(pause_s, ends_at - loop.time())))
        # A daemon that stops, or cannot store, would only keep what is asked of it now.
        if (
            job.status is not Status.COMPLETED
            or loop.time() >= ends_at
            or services.vitals.reasons()
        ):
            return submitted, {**found, "reason": _end(job) or why}
        submitted = await _again(again, submitted)
    raise AssertionError  # count() does not end


async def _again(again: Callable[[], Awaitable[Submitted]], before: Submitted) -> Submitted:
    """Ask for another sync; while there is no room for one, the one before is the newest."""
    try:
        return await again()
    except BusyError:
        return before


async def _searchable_or_over(
    services: Services, wish: Wish, job: Job, ends_at: float
) -> tuple[ReachDocument, Job]:
    """Wait until the commit is there (any job may bring it), *job* ended, or it is too late."""
    number = wish.repository_id
    ends = services.bus.subscribed(lambda e: e.repository_id == number and e.kind in _ENDS)
    here = services.identity.presence.lasting(asker.current().session_id)
    with here, ends as news:
        while True:
            newest = current(services, job)  # before the look, which it may be the end of
            row = services.state.repositories.get(number)
            found = await _reach_in(services, row, wish)
            if found["reachable"] or newest.is_final:
                return found, newest
            try:
                async with asyncio.timeout_at(ends_at):
                    await news.next()
            except (TimeoutError, StoppedError):
                return found, current(services, job)


async def _reach_in(services: Services, row: Repository | None, wish: Wish) -> ReachDocument:
    if row is None:
        return {"commit": wish.commit.lower(), "reachable": False, "branch": None}
    return await reach(services, row, wish.commit)


def _end(job: Job) -> ReasonDocument | None:
    """Return why *job* does not bring the commit, if it ended without."""
    if job.status is Status.CANCELLED:
        return {
            "code": "job-cancelled",
            "detail": f"the sync was {job.message}",
            "hint": f"ask again: cidx sync {job.repository}",
        }
    if job.status is Status.FAILED and job.error is not None:
        return {
            "code": "job-failed",
            "detail": f"the sync failed: {job.error.title}",
            "hint": job.error.hint,
        }
    return None


async def reason(services: Services, wish: Wish) -> ReasonDocument | None:
    """Ask the remote why its syncs do not bring the commit; None if that is not known."""
    row = services.state.repositories.get(wish.repository_id)
    if row is None:
        return None
    try:
        ends = await services.remotes.ending_with(row, wish.commit.lower())
    except FaultError:
        return None
    tracked = {*row.tracked, row.default_branch, *(branch.name for branch in row.branches)}
    if tracked.intersection(ends) if wish.branch is None else wish.branch in ends:
        return None  # it came this moment; the next sync brings it
    other = next((name for name in ends if name in tracked), None)
    if other is not None:
        return {
            "code": "branch-not-asked",
            "detail": f"the commit is on {other}, and only {wish.branch} is synced",
            "hint": f"ask for {other}, or for every branch",
        }
    if ends:
        return {
            "code": "branch-not-tracked",
            "detail": f"the commit is on {ends[0]}, which is not tracked",
            "hint": f"track it: cidx repo set {row.name} --branch {ends[0]}",
        }
    return {
        "code": "commit-not-found",
        "detail": "no branch that is synced has the commit, and no other of the remote ends in it",
        "hint": "check the commit's id, and that it was pushed",
    }
