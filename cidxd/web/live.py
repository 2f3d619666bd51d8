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

from cidxd.errors import CidxdError, InvalidError, NotFoundError, UnauthenticatedError
from cidxd.model.account import Principal
from cidxd.model.job import Event
from cidxd.web import following, queue_news, wire
from cidxd.web.following import Followed
from cidxd.web.gate import Gate, gate_of
from cidxd.web.problem import ExpiredError
from cidxd.web.route import Call, Sent
from cidxd.web.services import Services
from cidxd.web.sight import unknown_job
from cidxd.web.sse import EventSource
from cidxd.work.bus import StoppedError, Subscription, TooSlowError

_log = structlog.get_logger()

WRITE_S: Final = 15.0  # for one who does not read; less than a heartbeat's time
SURELY_TAKEN: Final = 8192  # characters, at most 32 KiB: half of what a transport buffers
SAID_TOGETHER: Final = 20  # events in that time
LAST_WORD_S: Final = 10.0  # until one who was cut off must have read why
TOO_SLOW: Final = b"too slow: resume after the last cursor"
TOO_MANY: Final = b"too many messages"


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
        self._sockets: dict[web.WebSocketResponse, asyncio.Transport | None] = {}
        self._frames = wire.Frames()

    @property
    def is_followed(self) -> bool:
        """Somebody has a stream open."""
        return bool(self._sockets) or self.sse.is_followed

    async def stream(self, call: Call) -> web.StreamResponse:
        """`GET /api/stream`, upgraded."""
        gate = gate_of(call.request)
        socket = web.WebSocketResponse(
            compress=False,
            heartbeat=30.0,
            max_msg_size=gate.terms.message_bytes,
            autoping=False,  # a ping is a message too
        )
        if not socket.can_prepare(call.request).ok:
            raise InvalidError(
                "this route is a WebSocket",
                code="upgrade-required",
                hint="see docs/api.md",
                status=426,
            )
        with gate.streaming(call.caller.name):
            await socket.prepare(call.request)
            self._sockets[socket] = call.request.transport
            try:
                with self._services.identity.presence.lasting(call.caller.came_with):
                    await self._serve(socket, call.caller, gate)
            except UnauthenticatedError:
                await self._say_ended(socket)
            except TimeoutError:  # it sends and does not read
                await self._cut_off(socket)
            except ConnectionError:  # it was gone before it was answered
                return socket
            finally:
                del self._sockets[socket]
        return socket

    async def close(self) -> None:
        """Close every stream because the daemon stops, and let held answers go."""
        await self.sse.close()
        for socket in list(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"stopping")
        self._services.bus.stop()

    async def _cut_off(self, socket: web.WebSocketResponse) -> None:
        """Tell one who reads too slowly so, behind what was sent; then break off."""
        transport = self._sockets.get(socket)
        if transport is not None:  # closed, it would wait without an end for what is not read
            asyncio.get_running_loop().call_later(LAST_WORD_S, transport.abort)
        await socket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=TOO_SLOW)

    async def _say_ended(self, socket: web.WebSocketResponse) -> None:
        """Tell one whose session has ended so; one who does not read is broken off."""
        transport = self._sockets.get(socket)
        if transport is not None:
            asyncio.get_running_loop().call_later(LAST_WORD_S, transport.abort)
        await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"session ended")

    async def _serve(self, socket: web.WebSocketResponse, who: Principal, gate: Gate) -> None:
        """Read subscriptions; the newest replaces the one before."""
        sending: asyncio.Task[None] | None = None
        toll, loop = gate.message_toll(), asyncio.get_running_loop()
        try:
            async for message in socket:
                if not toll.charge("", loop.time()).is_passed:
                    gate.refused("messages")
                    await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=TOO_MANY)
                    return
                if message.type is WSMsgType.PING:
                    await _pong(socket, message.data)
                if message.type is not WSMsgType.TEXT:
                    continue
                await _ended(sending)
                try:
                    wanted = self._understood(message.data)
                    followed = await self._followed(who, wanted.subscribe)
                except UnauthenticatedError:
                    await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"session ended")
                    return
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

    async def _followed(self, who: Principal, topic: Topic) -> Followed:
        who = self._services.identity.again(who)
        if topic.job is None:
            return following.of_repository(self._services, who, topic.repository)
        job = self._services.state.jobs.get(topic.job)
        job = job or await self._services.history.job(topic.job)
        if job is None:
            raise unknown_job(topic.job)
        return following.of_job(self._services, who, self._services.sight(who).check_job(job))

    async def _send(
        self,
        socket: web.WebSocketResponse,
        who: Principal,
        followed: Followed,
        after: int | None,
    ) -> None:
        """Send snapshot, replay and news until the socket, the session or the queue ends."""
        try:
            await self._send_from(socket, who, followed, after)
        except (TimeoutError, TooSlowError):
            await self._cut_off(socket)
        except StoppedError:
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"stopping")
        except NotFoundError as err:  # a grant was taken away
            await _say_error(socket, err.code, err.hint or err.message)
        except UnauthenticatedError:
            await self._say_ended(socket)
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
    ) -> None:
        """Send what there is after *after*; start over if it is not all there any more."""
        while True:
            try:
                if after is not None:
                    await self._check(followed, after)
                with self._services.bus.subscribed(followed.wants) as news:
                    await self._tell(socket, who, followed, after, news)
            except ExpiredError as err:
                await _say_error(socket, err.code, err.hint)
                after = None

    async def _check(self, followed: Followed, after: int) -> None:
        """Raise ExpiredError unless one can resume after *after*."""
        if after > self._services.state.cursor:  # of a daemon that had more: a backup came back
            raise ExpiredError
        await following.check_kept(self._services, followed, after)

    async def _tell(
        self,
        socket: web.WebSocketResponse,
        who: Principal,
        followed: Followed,
        after: int | None,
        news: Subscription,
    ) -> None:
        services, cursor = self._services, self._services.state.cursor
        await _say(socket, {"snapshot": following.snapshot(services, followed), "cursor": cursor})
        after = cursor if after is None else after
        async with self._queue_told(socket, who, followed):
            told = following.events(services, who, followed, news, after, cursor)
            async for events in told:
                await self._tell_events(socket, events)
                if not events:
                    await _say(socket, {"bookmark": services.state.cursor})

    async def _tell_events(self, socket: web.WebSocketResponse, events: list[Event]) -> None:
        """Send events; one who does not read them is not waited for long."""
        transport = self._sockets.get(socket)
        if len(events) == 1 and transport is not None and not transport.get_write_buffer_size():
            frame = self._frames.of(events[0])
            if len(frame) <= SURELY_TAKEN:  # of characters, in an empty buffer: it cannot block
                await socket.send_str(frame)
                return
        for start in range(0, len(events), SAID_TOGETHER):
            async with asyncio.timeout(WRITE_S):
                for event in events[start : start + SAID_TOGETHER]:
                    await socket.send_str(self._frames.of(event))

    def _queue_told(
        self, socket: web.WebSocketResponse, who: Principal, followed: Followed
    ) -> contextlib.AbstractAsyncContextManager[None]:
        """Tell one who follows everything of the queue as well."""
        if followed.repository_id is not None:
            return contextlib.nullcontext()
        return queue_news.told(self._services, who, lambda doc: _say(socket, {"queue": doc}))


_USAGE: Final = (
    'send {"subscribe": {"job": ID} or {"repository": NAME} or {"all": true}, "after": N}'
)


async def _say(socket: web.WebSocketResponse, document: object) -> None:
    async with asyncio.timeout(WRITE_S):
        await socket.send_str(_text(document))


async def _pong(socket: web.WebSocketResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_S):
        await socket.pong(data)


def _text(document: object) -> str:
    return orjson.dumps(document).decode()


async def _say_error(socket: web.WebSocketResponse, code: str, hint: str) -> None:
    await _say(socket, {"error": {"code": code, "hint": hint}})


async def _ended(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
