"""What happened, as lists: of one job, of a repository, of all; with `Prefer: wait` as it does."""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import web

from cidxd.model.job import Event, Job
from cidxd.store import asker
from cidxd.web import documents as doc
from cidxd.web import following, prefer, version, wire
from cidxd.web.following import Followed
from cidxd.web.headers import IF_NONE_MATCH, LAST_EVENT_ID, PREFER
from cidxd.web.problem import ExpiredError
from cidxd.web.requests import AllEventQuery, EventQuery
from cidxd.web.route import Call, Route, answer
from cidxd.web.services import Services
from cidxd.web.sse import MEDIA_TYPE, EventSource
from cidxd.work.bus import StoppedError


class Events:
    """Handlers of events."""

    def __init__(self, services: Services, sse: EventSource) -> None:
        self._services = services
        self._sse = sse

    def routes(self) -> list[Route]:
        """Return the route of everyone's events; those of a job are with the job's."""
        return [
            Route(
                "GET", "/api/events", self.of_all,
                "What happened to all jobs, or a repository's, oldest first",
                query=AllEventQuery, answer=doc.AllEventList, is_streamed=True,
                takes=(PREFER, IF_NONE_MATCH, LAST_EVENT_ID),
                faults={
                    404: "no such repository",
                    410: "some of them are not kept any more; `snapshot` and `cursor` are fresh",
                },
            ),
        ]  # fmt: skip

    async def of_job(self, call: Call, job: Job) -> web.StreamResponse:
        """`GET /api/jobs/{job_id}/events`, as JSON or as server-sent events."""
        asked, followed = call.asked(EventQuery), following.of_job(self._services, call.caller, job)
        if _is_stream_wanted(call):
            return await self._sse.stream(call, followed, asked.after)
        return await self._page(call, followed, asked.after, asked.limit)

    async def of_all(self, call: Call) -> web.StreamResponse:
        """`GET /api/events`, as JSON or as server-sent events."""
        asked = call.asked(AllEventQuery)
        followed = following.of_repository(self._services, call.caller, asked.repository)
        if _is_stream_wanted(call):
            return await self._sse.stream(call, followed, asked.after)
        if asked.after is None:
            cursor = self._services.state.cursor
            jobs = following.snapshot(self._services, followed)
            start: doc.AllEventList = {"snapshot": jobs, "events": [], "next_cursor": cursor}
            return answer(start)
        try:
            return await self._page(call, followed, asked.after, asked.limit)
        except ExpiredError:
            raise self._fresh(call, followed) from None

    def _fresh(self, call: Call, followed: Followed) -> ExpiredError:
        """Return the refusal with what to go on from."""
        cursor, jobs = self._services.state.cursor, following.snapshot(self._services, followed)
        link = call.request.rel_url.update_query({"after": str(cursor)})
        return ExpiredError({"cursor": cursor, "snapshot": jobs}, str(link))

    async def _page(
        self, call: Call, followed: Followed, after: int, limit: int
    ) -> web.StreamResponse:
        following.check_cursor(self._services, after)
        wait_s = prefer.preferred_wait(call.request)
        events = await self._events(followed, after, limit, wait_s or 0)
        page: doc.EventList = {
            "events": [wire.event_document(event) for event in events],
            "next_cursor": events[-1].cursor if events else after,
        }
        headers = version.headers_of(f'W/"{after}-{len(events)}-{page["next_cursor"]}"')
        headers |= prefer.applied(wait_s)
        if version.is_known(call.request, headers["ETag"]):
            return version.unchanged(headers)
        return answer(page, headers=headers)

    async def _events(
        self, followed: Followed, after: int, limit: int, wait_s: float
    ) -> list[Event]:
        """Return the events above *after*; wait for the first, unless none can come."""
        with self._services.bus.subscribed(followed.wants) as news:
            stored = await following.page_of(self._services, followed, after, limit)
            is_over = followed.job_id is not None and all(j.is_final for j in followed.jobs())
            if stored or is_over or not wait_s:
                return stored
            here = self._services.identity.presence.lasting(asker.current().session_id)
            with here, contextlib.suppress(TimeoutError, StoppedError):
                async with asyncio.timeout(wait_s):
                    await news.next()
        followed.sight.who = self._services.identity.again(followed.sight.who)
        return await following.page_of(self._services, followed, after, limit)


def _is_stream_wanted(call: Call) -> bool:
    return MEDIA_TYPE in call.request.headers.get("Accept", "")
