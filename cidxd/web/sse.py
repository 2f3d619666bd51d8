"""
Events as server-sent events: `id` is the cursor, `event` the type, `data` the event.

An id without data, with a comment, is the bookmark of an idle stream.  A comment tells why
a stream ended before the job; one who reads too slowly is told so by an `error` event and cut
off.  `Last-Event-ID` resumes without gap or repeat.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Final

import orjson
import structlog
from aiohttp import web

from cidxd.errors import InvalidError, NotFoundError, UnauthenticatedError
from cidxd.model.job import Event, Kind
from cidxd.store import asker
from cidxd.web import documents as doc
from cidxd.web import following, wire
from cidxd.web.following import Followed
from cidxd.web.gate import gate_of
from cidxd.web.problem import ExpiredError
from cidxd.web.route import Call
from cidxd.web.services import Services
from cidxd.work.bus import StoppedError, TooSlowError

_log = structlog.get_logger()

WRITE_S: Final = 30.0  # for one who does not read; a WebSocket's heartbeat is as patient
LAST_WORD_S: Final = 15.0  # until one who was cut off must have read why
MEDIA_TYPE: Final = "text/event-stream"
_ENDS: Final = frozenset({Kind.COMPLETED, Kind.FAILED, Kind.CANCELLED})
_START_OVER: Final = "connect again and start from the snapshot"
_STOPPING: Final = ": stopping\n\n"
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

    async def stream(self, call: Call, followed: Followed, after: int | None) -> web.StreamResponse:
        """
        Send the events of *followed* with a cursor above *after*: of one job, to its end.

        Without a cursor, or with one after which some are not kept, a snapshot comes first.

        Raises:
            InvalidError: What was sent makes no sense here, or there is no such cursor yet.
            BusyError: The caller has too many streams.
        """
        services, resumed = self._services, _last_event_id(call.request)
        after = after if resumed is None else resumed
        following.check_cursor(services, after or 0)
        opening = await self._expired(followed, after)
        with services.bus.subscribed(followed.wants) as news:
            cursor, is_ended = services.state.cursor, _is_ended(followed)
            if after is None or opening:
                opening += _snapshot_frame(following.snapshot(services, followed), cursor)
                after = cursor
            if resumed is not None and is_ended and await self._is_told(followed, after):
                return web.Response(status=204)  # upon this a browser's EventSource stays away
            # A final job takes no event, so waiting for news of it would have no end.
            told = (
                following.replayed(services, followed, after, cursor)
                if is_ended
                else following.events(services, call.caller, followed, news, after, cursor)
            )
            if followed.job_id is not None:
                told = _to_its_end(told)
            response = web.StreamResponse(headers=_HEADERS)
            with gate_of(call.request).streaming(call.caller.name):
                await response.prepare(call.request)
                await self._serve(call.request, response, opening, told)
        return response

    async def close(self) -> None:
        """End every stream because the daemon stops."""
        for sending in list(self._sending):
            sending.cancel()
        if self._sending:
            await asyncio.wait(self._sending)

    async def _expired(self, followed: Followed, after: int | None) -> str:
        """Return what to say if some events above *after* are not kept any more."""
        try:
            if after is not None:
                await following.check_kept(self._services, followed, after)
        except ExpiredError as err:
            return _error_frame(err.code, err.hint)
        return ""

    async def _is_told(self, followed: Followed, after: int) -> bool:
        return not await following.page_of(self._services, followed, after, 1)

    async def _serve(
        self,
        request: web.Request,
        response: web.StreamResponse,
        opening: str,
        told: AsyncIterator[list[Event]],
    ) -> None:
        """Send what is *told*, and why it ended if that is not the job's end."""
        sending = asyncio.create_task(self._send(response, opening, told), name="events")
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)
        try:
            await asyncio.wait([sending])
        finally:
            sending.cancel()  # if the follower is gone
        goodbye = _STOPPING if sending.cancelled() else sending.result()
        try:
            if goodbye is None:
                raise ConnectionError  # noqa: TRY301 - as if the follower had broken off
            async with asyncio.timeout(LAST_WORD_S):
                await response.write(goodbye.encode())
                await response.write_eof()
        except (ConnectionError, TimeoutError):
            if request.transport is not None:
                request.transport.abort()

    async def _send(
        self, response: web.StreamResponse, opening: str, told: AsyncIterator[list[Event]]
    ) -> str | None:
        """Send to the job's end; return the last word, None to break off without one."""
        try:
            with self._services.identity.presence.lasting(asker.current().session_id):
                await _write(response, ": the events follow\n\n" + opening)
                async for events in told:
                    text = "".join(_frame(event) for event in events)
                    await _write(response, text or _bookmark(self._services.state.cursor))
        except (StoppedError, UnauthenticatedError) as err:
            return _STOPPING if isinstance(err, StoppedError) else ": session ended\n\n"
        except (TimeoutError, TooSlowError):
            return _error_frame("too-slow", "resume with the last id as Last-Event-ID")
        except (ExpiredError, NotFoundError) as err:  # the second: a grant was taken away
            is_old = isinstance(err, ExpiredError)
            return _error_frame(err.code, _START_OVER if is_old else err.hint or err.message)
        except ConnectionError:
            return None
        except Exception:  # noqa: BLE001 - the stream's guard: a silent stream would look alive
            _log.exception("stream_broke")
            return None
        return ""


async def _to_its_end(told: AsyncIterator[list[Event]]) -> AsyncIterator[list[Event]]:
    """Yield what is *told* of one job, up to its last event."""
    async for events in told:
        yield events
        if events and events[-1].kind in _ENDS:
            return


async def _write(response: web.StreamResponse, text: str) -> None:
    """Write *text*; what is not read in time stays in its place, and more can be written."""
    # Not cancelled when it is late: to aiohttp that would break every later write.
    writing = asyncio.ensure_future(response.write(text.encode()))
    writing.add_done_callback(lambda done: done.cancelled() or done.exception())
    await asyncio.wait([writing], timeout=WRITE_S)
    if not writing.done():
        raise TimeoutError
    writing.result()


def _is_ended(followed: Followed) -> bool:
    """It is one job, which takes no event any more."""
    return followed.job_id is not None and all(job.is_final for job in followed.jobs())


def _frame(event: Event) -> str:
    data = orjson.dumps(wire.event_document(event)).decode()
    return f"id: {event.cursor}\nevent: {event.kind}\ndata: {data}\n\n"


def _snapshot_frame(jobs: doc.SnapshotDocument, cursor: int) -> str:
    return f"id: {cursor}\nevent: snapshot\ndata: {orjson.dumps(jobs).decode()}\n\n"


def _error_frame(code: str, hint: str) -> str:
    data = orjson.dumps({"code": code, "hint": hint}).decode()
    return f"event: error\ndata: {data}\n\n"


def _bookmark(cursor: int) -> str:
    """Return a frame without data: it is no event, and its id is where to resume."""
    return f": {cursor}\nid: {cursor}\n\n"


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
