"""
One job's events as server-sent events: `id` is the cursor, `event` the type, `data` the event.

A comment says that the stream is alive while nothing happens, and why it ended before the
job; one who reads too slowly is cut off.  `Last-Event-ID` resumes without gap or repeat.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from typing import Final

import orjson
import structlog
from aiohttp import web

from cidxd.errors import InvalidError, UnauthenticatedError
from cidxd.model.job import Event, Job, Kind
from cidxd.web import following, wire
from cidxd.web.following import Followed
from cidxd.web.route import Call
from cidxd.web.services import Services
from cidxd.work.bus import TooSlowError

_log = structlog.get_logger()

WRITE_S: Final = 30.0  # for one who does not read; a WebSocket's heartbeat is as patient
MEDIA_TYPE: Final = "text/event-stream"
_ENDS: Final = frozenset({Kind.COMPLETED, Kind.FAILED, Kind.CANCELLED})
_HEADERS: Final = {
    "Content-Type": MEDIA_TYPE,
    "Cache-Control": "no-cache",
    "Vary": "Accept",
    "X-Accel-Buffering": "no",  # nginx would keep events back
}


class EventSource:
    """The streams that are open, and how one is served."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._sending: set[asyncio.Task[str | None]] = set()

    @property
    def is_followed(self) -> bool:
        """Somebody has a stream open."""
        return bool(self._sending)

    async def stream(self, call: Call, job: Job, after: int) -> web.StreamResponse:
        """
        Send the events of *job* with a cursor above *after*, to its end.

        Raises:
            InvalidError: What was sent makes no sense here, or there is no such cursor yet.
        """
        services, resumed = self._services, _last_event_id(call.request)
        after = after if resumed is None else resumed
        followed = Followed(lambda event: event.job_id == job.job_id, list, job_id=job.job_id)
        with services.bus.subscribed(followed.wants) as news:
            cursor = services.state.cursor
            job = services.state.jobs.get(job.job_id) or job
            if after > cursor:
                raise _unknown(after)
            if resumed is not None and job.is_final and await self._is_told(job, after):
                return web.Response(status=204)  # upon this a browser's EventSource stays away
            # A final job takes no event, so waiting for news of it would have no end.
            told = (
                following.replayed(services, followed, after, cursor)
                if job.is_final
                else following.events(services, call.caller, followed, news, after, cursor)
            )
            response = web.StreamResponse(headers=_HEADERS)
            await response.prepare(call.request)
            await self._serve(call.request, response, told)
        return response

    async def close(self) -> None:
        """End every stream because the daemon stops."""
        for sending in list(self._sending):
            sending.cancel()
        if self._sending:
            await asyncio.wait(self._sending)

    async def _is_told(self, job: Job, after: int) -> bool:
        left = await self._services.history.events(after=after, limit=1, job_id=job.job_id)
        return not left

    async def _serve(
        self, request: web.Request, response: web.StreamResponse, told: AsyncIterator[list[Event]]
    ) -> None:
        """Send what is *told*, and why it ended if that is not the job's end."""
        sending = asyncio.create_task(self._send(response, told), name="events")
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)
        try:
            await asyncio.wait([sending])
        finally:
            sending.cancel()  # if the follower is gone
        goodbye = "stopping" if sending.cancelled() else sending.result()
        if goodbye is None and request.transport is not None:
            request.transport.abort()
        elif goodbye:
            with contextlib.suppress(ConnectionError, TimeoutError):
                await _write(response, f": {goodbye}\n\n")

    async def _send(
        self, response: web.StreamResponse, told: AsyncIterator[list[Event]]
    ) -> str | None:
        """Send to the job's end; return the word to end with, None to break off without one."""
        try:
            await _write(response, ": the events follow\n\n")
            async for events in told:
                text = "".join(_frame(event) for event in events)
                await _write(response, text or f": {self._services.state.cursor}\n\n")
                if events and events[-1].kind in _ENDS:
                    return ""
        except UnauthenticatedError:
            return "session ended"
        except (ConnectionError, TimeoutError, TooSlowError):
            return None
        except Exception:  # noqa: BLE001 - the stream's guard: a silent stream would look alive
            _log.exception("stream_broke")
            return None
        return ""


async def _write(response: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(WRITE_S):
        await response.write(text.encode())


def _frame(event: Event) -> str:
    data = orjson.dumps(wire.event_document(event)).decode()
    return f"id: {event.cursor}\nevent: {event.kind}\ndata: {data}\n\n"


def _last_event_id(request: web.Request) -> int | None:
    """Return the cursor that a follower comes back with, None from a new one."""
    if "limit" in request.query:
        raise InvalidError(
            "a stream has no limit", code="query-invalid", pointer="?limit", status=400
        )
    given = request.headers.get("Last-Event-ID")
    if given is None:
        return None
    if re.fullmatch(r"[0-9]{1,18}", given) is None:
        raise InvalidError(
            "the Last-Event-ID is no cursor",
            code="header-invalid",
            hint="send the id of the last event, or none",
            status=400,
        )
    return int(given)


def _unknown(after: int) -> InvalidError:
    return InvalidError(
        f"there is no such cursor yet: {after}",
        code="cursor-invalid",
        hint="start over with after=0",
        pointer="?after",
        status=400,
    )
