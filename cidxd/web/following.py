"""
What a follower of jobs gets: the events that it missed, then each as it is committed.

The subscription and the cursor are had in one step; what was missed is read from the store
up to that cursor, where the queue takes over.  WebSocket and server-sent events both send
what comes from here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable
from typing import Final

from cidxd.model.account import Principal
from cidxd.model.job import Event, Job
from cidxd.web.services import Services
from cidxd.work.bus import Subscription

BOOKMARK_S: Final = 15.0
REPLAY_PAGE: Final = 500


@dataclasses.dataclass(frozen=True, slots=True)
class Followed:
    """A topic understood: which events, which jobs, and the columns that replay reads by."""

    wants: Callable[[Event], bool]
    jobs: Callable[[], list[Job]]
    job_id: str | None = None
    repository_id: int | None = None


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

    Args:
        services: Where events are stored, and sessions known.
        who: Who follows.
        followed: What.
        news: The subscription to it.
        after: The last cursor that was seen.
        cursor: The newest one at the moment of the subscription.

    Raises:
        TooSlowError: Too many had gathered.
        UnauthenticatedError: The session ended.
    """
    async for page in replayed(services, followed, after, cursor):
        yield page
    while True:
        arrived = await news.next(within_s=BOOKMARK_S)
        if who.session_id is not None:
            services.identity.check_session(who.session_id)
        yield arrived


async def replayed(
    services: Services, followed: Followed, after: int, cursor: int
) -> AsyncIterator[list[Event]]:
    """Yield pages of the stored events above *after*, up to *cursor*; none of them is empty."""
    while after < cursor:
        stored = await services.history.events(
            after=after,
            limit=REPLAY_PAGE,
            job_id=followed.job_id,
            repository_id=followed.repository_id,
        )
        if page := [event for event in stored if event.cursor <= cursor]:
            yield page
        if len(stored) < REPLAY_PAGE:
            return
        after = stored[-1].cursor
