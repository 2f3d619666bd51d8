"""
One connection, from its first byte to its last: what is slow, too long or no HTTP ends it.

aiohttp waits for as long as a client likes: for the rest of a header, and for an answer to be
read.  Here each of these has its time.  A stream has its own, shorter one (`live`, `sse`).
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import structlog
from aiohttp import StreamReader, web
from aiohttp.web_request import BaseRequest

from cidxd.web import farewell, problem, strict
from cidxd.web.farewell import Farewell
from cidxd.web.gate import Gate

_log = structlog.get_logger()

LEAST_READ: Final = 32_768  # bytes of an answer within answer_seconds, or nobody reads


class Connection(web.RequestHandler):
    """What aiohttp does for a connection, within limits."""

    __slots__ = ("_address", "_body", "_end", "_gate", "_head_bytes", "_is_in", "_late", "_unsent")

    def __init__(self, manager: web.Server, gate: Gate, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(manager, **settings)
        self._gate = gate
        self._address = ""
        self._is_in = False
        self._head_bytes = 0  # of a header that is not whole
        self._body: StreamReader | None = None  # of the newest request
        self._late: asyncio.TimerHandle | None = None  # for the rest of the header
        self._unsent: asyncio.TimerHandle | None = None  # for an answer to be read
        self._end: asyncio.TimerHandle | None = None  # for the last bytes to be taken

    def admit(self, transport: asyncio.BaseTransport) -> str | None:
        """Have it counted; return why it may not stay, if it may not."""
        peer = transport.get_extra_info("peername")
        self._address = str(peer[0]) if isinstance(peer, tuple) else ""
        reason = self._gate.admit(self._address)
        self._is_in = reason is None
        if reason is not None:
            self._gate.refused(reason)
            self._force_close = True  # what it sends is not read
        return reason

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let it in, or send it away with a reason."""
        reason = None if self._is_in else self.admit(transport)
        if reason is None:
            super().connection_made(transport)
        elif isinstance(transport, asyncio.Transport):
            is_all = reason == farewell.FULL.reason
            transport.write((farewell.FULL if is_all else farewell.FULL_FOR_ADDRESS).bytes())
            transport.close()
            self._linger(transport)

    def handshake_failed(self, err: OSError) -> None:
        """It does not come to be."""
        self._gate.refused("handshake")
        self.connection_lost(err)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Take it out of the count."""
        is_in, self._is_in = self._is_in, False
        self._set_late(None)
        for timer in (self._unsent, self._end):
            if timer is not None:
                timer.cancel()
        self._unsent = self._end = None
        if is_in:
            self._gate.leave(self._address, self)
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Let aiohttp read it, and see whether it is a part of a header."""
        before, is_in_header = self._request_count, self._is_in_header()  # before it is read
        super().data_received(data)
        if self._request_count != before:
            self._head_bytes = 0
            self._set_late(None)
            self._body = self._messages[-1][1] if self._messages else None
        elif data and is_in_header and self._is_in_header():
            self._head_bytes += len(data)
            if self._head_bytes > self._gate.terms.header_bytes:
                self._turn_away(farewell.LARGE_HEADER)
            elif self._late is None:
                self._set_late(self._gate.terms.header_seconds)

    def _is_in_header(self) -> bool:
        is_stream = self._upgraded or self._payload_parser is not None
        is_closing = self._force_close or self._close
        return not (is_stream or is_closing) and (self._body is None or self._body.is_eof())

    def _set_late(self, seconds: float | None) -> None:
        if self._late is not None:
            self._late.cancel()
        self._late = None if seconds is None else self._loop.call_later(seconds, self._is_late)

    def _is_late(self) -> None:
        self._late = None
        if self._waiter is None:  # an answer is under way; its reader may have its time
            self._set_late(self._gate.terms.header_seconds)
        else:
            self._turn_away(farewell.SLOW_HEADER)

    def _turn_away(self, why: Farewell) -> None:
        """Say why, if no other answer is under way, and close."""
        self._gate.refused(why.reason)
        self._set_late(None)
        if self.transport is not None and self._waiter is not None and not self._messages:
            self.transport.write(why.bytes())
        self.force_close()

    def pause_writing(self) -> None:
        """Begin to watch a client that does not read as fast as we write."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        """It reads."""
        if self._unsent is not None:
            self._unsent.cancel()
            self._unsent = None
        super().resume_writing()

    def _watch_reader(self) -> None:
        if self.transport is not None:
            waits = self.transport.get_write_buffer_size()
            seconds = self._gate.terms.answer_seconds
            self._unsent = self._loop.call_later(seconds, self._look_at_reader, waits)

    def _look_at_reader(self, waited: int) -> None:
        """Go on for as long as it reads; break off if it hardly does."""
        self._unsent = None
        if self.transport is None:
            return
        if waited - self.transport.get_write_buffer_size() >= LEAST_READ:
            self._watch_reader()
            return
        self._gate.refused("slow-reader")
        self.transport.abort()

    async def start(self) -> None:
        """Serve requests until the connection ends; see that its last bytes do not wait."""
        await super().start()
        if self.transport is not None:
            self._linger(self.transport)

    def force_close(self) -> None:
        """Close; a client that does not take the rest of its answer is not waited for."""
        transport = self.transport
        super().force_close()
        if transport is not None and self._is_in:
            self._linger(transport)

    def _linger(self, transport: asyncio.Transport) -> None:
        if self._end is None:
            self._end = self._loop.call_later(self._gate.terms.answer_seconds, transport.abort)

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what aiohttp could not read, or our own fault, as a problem; tell nobody more."""
        del message  # it quotes what came
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is under way")
        request_id = problem.new_id()
        response = self._farewell(status, exc, request_id)
        response.headers["X-Request-Id"] = request_id
        strict.add(response.headers)
        response.force_close()
        return response

    def _farewell(self, status: int, exc: BaseException | None, request_id: str) -> web.Response:
        if status >= 500:  # noqa: PLR2004 - ours
            _log.error("connection_broke", request_id=request_id, exc_info=exc)
            return problem.internal(request_id)
        why = farewell.of_parser(exc, self._gate.terms.url_bytes)
        self._gate.refused(why.reason)
        _log.info("request_refused", request_id=request_id, reason=why.reason)
        body = problem.plain(why.status, why.code, why.detail, why.hint, request_id)
        return web.Response(body=body, status=why.status, content_type="application/problem+json")
