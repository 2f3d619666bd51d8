"""
What a follower of jobs gets: the events that it missed, then each as it is committed.

The subscription and the cursor are had in one step; what was missed is read from the store
up to that cursor, where the queue takes over.  WebSocket, server-sent events and the lists
of events all send what comes from here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable
from typing import Final

from cidxd.errors import InvalidError, NotFoundError
from cidxd.model.account import Principal
from cidxd.model.job import Event, Job
from cidxd.web import documents as doc
from cidxd.web import wire
from cidxd.web.problem import ExpiredError
from cidxd.web.services import Services
from cidxd.web.sight import Sight, unknown_job
from cidxd.work.bus import Subscription

BOOKMARK_S: Final = 15.0
REPLAY_PAGE: Final = 500


@dataclasses.dataclass(frozen=True, slots=True)
class Followed:
    """
    A topic understood: which events, which jobs, and the columns that replay reads by.

    Attributes:
        sight: What the follower sees of it, judged anew whenever something is told.
        repository_id: The one repository whose events these are, None of several.
    """

    sight: Sight
    wants: Callable[[Event], bool]
    jobs: Callable[[], list[Job]]
    job_id: str | None = None
    repository_id: int | None = None

    def check(self) -> None:
        """Raise NotFoundError once the one job or repository is not seen any more."""
        if self.repository_id is None or self.sight.sees(self.repository_id):
            return
        if self.job_id is not None:
            raise unknown_job(self.job_id)
        raise NotFoundError("the repository is not there any more", code="repository-not-found")


def of_job(services: Services, who: Principal, job: Job) -> Followed:
    """Return the topic of *job*, which *who* sees and which may be in the store only."""
    job_id, jobs = job.job_id, services.state.jobs
    return Followed(
        services.sight(who),
        lambda event: event.job_id == job_id,
        lambda: [jobs.get(job_id) or job],
        job_id=job_id,
        repository_id=job.repository_id,
    )


def of_repository(services: Services, who: Principal, name: str | None) -> Followed:
    """
    Return the topic of a repository's jobs, or (None) of all that *who* sees.

    Raises:
        NotFoundError: There is no such repository.
    """
    jobs, sight = services.state.jobs, services.sight(who)
    if name is None:
        return Followed(
            sight,
            lambda event: sight.sees(event.repository_id),
            lambda: [job for job in jobs.active() if sight.sees(job.repository_id)],
        )
    number = sight.named(name).repository_id
    return Followed(
        sight,
        lambda event: event.repository_id == number,
        lambda: jobs.active_of(number),
        repository_id=number,
    )


def snapshot(services: Services, followed: Followed) -> doc.SnapshotDocument:
    """Return how things stand as of the newest cursor; raises NotFoundError once unseen."""
    followed.check()
    state, limits, now = services.state, services.ledger.limits, services.clock()
    return {"jobs": [wire.job_document(job, state, limits, now) for job in followed.jobs()]}


def check_cursor(services: Services, after: int) -> None:
    """Raise InvalidError for a cursor that was not given out yet."""
    if after > services.state.cursor:
        raise InvalidError(
            f"there is no such cursor yet: {after}",
            code="cursor-invalid",
            hint="start over with after=0",
            pointer="?after",
            status=400,
        )


async def check_kept(services: Services, followed: Followed, after: int) -> None:
    """Raise ExpiredError unless every event above *after* is there; a job has all of its own."""
    if followed.job_id is None and after < await services.history.pruned_cursor():
        raise ExpiredError


async def events(  # noqa: PLR0917 - who follows what, from where on
    services: Services,
    who: Principal,
    followed: Followed,
    news: Subscription,
    after: int,
    cursor: int,
) -> AsyncIterator[list[Event]]:
    """
    Yield what happened after *after*, then what happens; nothing when a bookmark is due.

    When it yields nothing, every event up to the newest cursor was yielded.

    Args:
        services: Where events are stored, and sessions known.
        who: Who follows.
        followed: What.
        news: The subscription to it.
        after: The last cursor that was seen.
        cursor: The newest one at the moment of the subscription.

    Raises:
        TooSlowError: Too many had gathered.
        ExpiredError: Some were removed before they were read.
        UnauthenticatedError: The session, or the token, ended.
        NotFoundError: The one job or repository is not seen any more.
    """
    async for page in replayed(services, followed, after, cursor):
        followed.sight.who = services.identity.again(who)
        if seen := _seen(followed, page):
            yield seen
    while True:
        arrived = await news.next(within_s=BOOKMARK_S)
        followed.sight.who = services.identity.again(who)
        seen = _seen(followed, arrived)
        if seen or not arrived:
            yield seen


def _seen(followed: Followed, events: list[Event]) -> list[Event]:
    """Return those of *events* that are seen now; raises NotFoundError if it is no topic now."""
    followed.check()
    return [event for event in events if followed.sight.sees(event.repository_id)]


async def replayed(
    services: Services, followed: Followed, after: int, cursor: int
) -> AsyncIterator[list[Event]]:
    """Yield pages of the stored events above *after*, up to *cursor*; none of them is empty."""
    while after < cursor:
        stored = await page_of(services, followed, after, REPLAY_PAGE)
        if page := [event for event in stored if event.cursor <= cursor]:
            yield page
        if len(stored) < REPLAY_PAGE:
            return
        after = stored[-1].cursor


async def page_of(services: Services, followed: Followed, after: int, limit: int) -> list[Event]:
    """
    Return up to *limit* stored events above *after*, the oldest first.

    Raises:
        ExpiredError: Some of them are not kept any more.
        NotFoundError: The one job or repository is not seen any more.
    """
    stored = await services.history.events(
        after=after,
        limit=limit,
        job_id=followed.job_id,
        repository_id=None if followed.job_id is not None else followed.repository_id,
        hidden=followed.sight.hidden(),
    )
    followed.check()
    await check_kept(services, followed, after)  # after the read, so that none went before it
    return stored
