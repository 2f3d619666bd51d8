"""
One stream of truth over a WebSocket: a snapshot, then events, bookmarks while idle.

A subscriber gets snapshot and cursor in one step; `following` has the events after it.
A message is JSON; see docs/api.md.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated, Final

import orjson
import structlog
from aiohttp import WSCloseCode, WSMsgType, web
from pydantic import Field, ValidationError

from cidxd.errors import CidxdError, InvalidError, UnauthenticatedError
from cidxd.model import catalogue
from cidxd.model.account import Principal
from cidxd.web import following, wire
from cidxd.web.following import Followed
from cidxd.web.route import Call, Sent
from cidxd.web.services import Services
from cidxd.web.sse import EventSource
from cidxd.work.bus import Subscription, TooSlowError

_log = structlog.get_logger()

MESSAGE_LIMIT: Final = 64 * 1024  # bytes of one message from a client


class Topic(Sent):
    """What to follow: exactly one of these."""

    job: str | None = None
    repository: str | None = None
    all: bool = False


class Subscribe(Sent):
    """A client's message; `after` resumes after an event that was seen."""

    subscribe: Topic
    after: Annotated[int, Field(ge=0)] | None = None


class Live:
    """
    The handler of `/api/stream`, and every stream there is.

    Attributes:
        sse: The streams of server-sent events.
    """

    def __init__(self, services: Services) -> None:
        self.sse = EventSource(services)
        self._services = services
        self._sockets: set[web.WebSocketResponse] = set()
        self._frames = wire.Frames()

    @property
    def is_followed(self) -> bool:
        """Somebody has a stream open."""
        return bool(self._sockets) or self.sse.is_followed

    async def stream(self, call: Call) -> web.StreamResponse:
        """`GET /api/stream`, upgraded."""
        socket = web.WebSocketResponse(compress=False, heartbeat=30.0, max_msg_size=MESSAGE_LIMIT)
        if not socket.can_prepare(call.request).ok:
            raise InvalidError(
                "this route is a WebSocket",
                code="upgrade-required",
                hint="see docs/api.md",
                status=426,
            )
        await socket.prepare(call.request)
        self._sockets.add(socket)
        try:
            await self._serve(socket, call.caller)
        finally:
            self._sockets.discard(socket)
        return socket

    async def close(self) -> None:
        """Close every stream because the daemon stops."""
        await self.sse.close()
        for socket in list(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"stopping")

    async def _serve(self, socket: web.WebSocketResponse, who: Principal) -> None:
        """Read subscriptions; the newest replaces the one before."""
        sending: asyncio.Task[None] | None = None
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    continue
                await _ended(sending)
                try:
                    wanted = self._understood(message.data)
                    followed = await self._followed(wanted.subscribe)
                except CidxdError as err:
                    await _say_error(socket, err.code, err.hint or err.message)
                    continue
                sending = asyncio.create_task(
                    self._send(socket, who, followed, wanted.after), name="stream"
                )
        finally:
            await _ended(sending)

    def _understood(self, text: str) -> Subscribe:
        try:
            wanted = Subscribe.model_validate_json(text)
        except ValidationError as err:
            first = err.errors(include_url=False)[0]
            raise InvalidError(first["msg"], code="message-invalid", hint=_USAGE) from None
        topic = wanted.subscribe
        if [topic.job is not None, topic.repository is not None, topic.all].count(True) != 1:
            raise InvalidError("one topic", code="message-invalid", hint=_USAGE)
        return wanted

    async def _followed(self, topic: Topic) -> Followed:
        state = self._services.state
        if topic.repository is not None:
            row = catalogue.named(state, topic.repository)
            number = row.repository_id
            return Followed(
                lambda event: event.repository_id == number,
                lambda: state.jobs.active_of(number),
                repository_id=number,
            )
        if topic.job is None:
            return Followed(lambda _: True, state.jobs.active)
        job_id = topic.job
        old = None if state.jobs.get(job_id) else await self._services.history.job(job_id)
        if old is None and state.jobs.get(job_id) is None:
            raise InvalidError(
                f"no such job: {job_id}", code="job-not-found", hint="list them: cidx jobs list"
            )
        return Followed(
            lambda event: event.job_id == job_id,
            lambda: [job for job in (state.jobs.get(job_id) or old,) if job is not None],
            job_id=job_id,
        )

    async def _send(
        self,
        socket: web.WebSocketResponse,
        who: Principal,
        followed: Followed,
        after: int | None,
    ) -> None:
        """Send snapshot, replay and news until the socket, the session or the queue ends."""
        try:
            with self._services.bus.subscribed(followed.wants) as news:
                await self._send_from(socket, who, followed, after, news)
        except TooSlowError:
            await socket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=b"too slow")
        except UnauthenticatedError:
            await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"session ended")
        except ConnectionError:  # the peer is gone
            return
        except Exception:  # noqa: BLE001 - the stream's guard: a silent stream would look alive
            _log.exception("stream_broke")
            await socket.close(code=WSCloseCode.INTERNAL_ERROR, message=b"internal error")

    async def _send_from(
        self,
        socket: web.WebSocketResponse,
        who: Principal,
        followed: Followed,
        after: int | None,
        news: Subscription,
    ) -> None:
        state, now = self._services.state, self._services.clock()
        limits, cursor = self._services.ledger.limits, state.cursor
        jobs = [wire.job_document(job, state, limits, now) for job in followed.jobs()]
        if after is not None and not await self._can_resume(followed, after, cursor):
            await _say_error(socket, "cursor-expired", "start from the snapshot that follows")
            after = None
        await _say(socket, {"snapshot": {"jobs": jobs}, "cursor": cursor})
        after = cursor if after is None else after
        async for events in following.events(self._services, who, followed, news, after, cursor):
            for event in events:
                await socket.send_str(self._frames.of(event))
            if not events:
                await _say(socket, {"bookmark": state.cursor})

    async def _can_resume(self, followed: Followed, after: int, cursor: int) -> bool:
        """Return whether every event above *after* is still there; a job has all of its own."""
        if followed.job_id is not None:
            return after <= cursor
        return await self._services.history.pruned_cursor() <= after <= cursor


_USAGE: Final = (
    'send {"subscribe": {"job": ID} or {"repository": NAME} or {"all": true}, "after": N}'
)


async def _say(socket: web.WebSocketResponse, document: object) -> None:
    await socket.send_str(orjson.dumps(document).decode())


async def _say_error(socket: web.WebSocketResponse, code: str, hint: str) -> None:
    await _say(socket, {"error": {"code": code, "hint": hint}})


async def _ended(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
