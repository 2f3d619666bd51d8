"""A child's output pipe on the event loop, cut into lines, with bounded memory."""

from __future__ import annotations

import asyncio
import fcntl
import re
import sys
import termios
from collections import deque
from collections.abc import Callable
from typing import Final

from cidxd.errors import FaultError

QUEUED_BYTES: Final = 1 << 20  # of stdout, before the child has to wait

_RECORD: Final = re.compile(rb"[\r\n]")


class Sink(asyncio.BaseProtocol):
    """A child's input pipe; `closed` is done when the loop has let go of it."""

    def __init__(self) -> None:
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's form
        """Note the end; asyncio calls this last."""
        if not self.closed.done():
            self.closed.set_result(None)


class Pipe(asyncio.Protocol):
    """
    One of a child's output pipes, cut into lines.

    Without *records* lines are kept until taken, and the child waits when too many are;
    with it every record, ended by CR or LF and cut to *limit* bytes, goes there.
    """

    def __init__(
        self,
        heard: Callable[[], None],
        limit: int,
        *,
        records: Callable[[bytes], None] | None = None,
    ) -> None:
        self._heard = heard
        self._limit = limit
        self._records = records
        self._lines: deque[bytes] = deque()
        self._queued_bytes = 0
        self._part = bytearray()
        self._is_too_long = False
        self._transport: asyncio.ReadTransport | None = None
        self._news: asyncio.Future[None] | None = None
        self.at_end: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def is_connected(self) -> bool:
        """It was connected to a child at all."""
        return self._transport is not None

    @property
    def is_at_end(self) -> bool:
        """Nothing more will come."""
        return self.at_end.done()

    @property
    def has_more(self) -> bool:
        """Something was written that the loop is about to read."""
        transport = self._transport
        if transport is None or transport.is_closing() or not transport.is_reading():
            return False
        waiting = fcntl.ioctl(transport.get_extra_info("pipe"), termios.FIONREAD, bytes(4))
        return int.from_bytes(waiting, sys.byteorder) > 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; asyncio calls this first."""
        assert isinstance(transport, asyncio.ReadTransport)  # noqa: S101 - connect_read_pipe's
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's form
        """Note the end; asyncio calls this last."""
        if not self.at_end.done():
            self.at_end.set_result(None)
        self._tell()

    def data_received(self, data: bytes) -> None:
        """Cut what came; asyncio calls this for every read."""
        self._heard()
        if self._records is not None:
            self._cut_records(data)
        else:
            self._cut_lines(data)
        self._tell()

    def news(self) -> asyncio.Future[None]:
        """Return a future that is done when something came."""
        if self._news is None or self._news.done():
            self._news = asyncio.get_running_loop().create_future()
        return self._news

    def take(self) -> bytes | None:
        """Return the next whole line, None if there is none yet; raise for one too long."""
        if self._lines:
            line = self._lines.popleft()
            self._queued_bytes -= len(line) + 1
            if self._queued_bytes <= QUEUED_BYTES // 2 and self._transport is not None:
                self._transport.resume_reading()
            return line
        if self._is_too_long:
            raise FaultError("child-protocol", f"a line of more than {self._limit} bytes")
        return None

    def rest(self) -> bytes:
        """Return all that was not taken, as it came."""
        whole = b"".join(line + b"\n" for line in self._lines) + bytes(self._part)
        self._lines.clear()
        return whole

    def close(self) -> None:
        """Stop reading."""
        if self._transport is not None:
            self._transport.close()

    def _cut_lines(self, data: bytes) -> None:
        if self._is_too_long:
            return
        first, *others = data.split(b"\n")
        self._part += first
        for following in others:
            self._queued_bytes += len(self._part) + 1
            self._lines.append(bytes(self._part))
            self._part = bytearray(following)
        if len(self._part) > self._limit:
            self._is_too_long = True
            self._part.clear()
        if self._queued_bytes > QUEUED_BYTES and self._transport is not None:
            self._transport.pause_reading()

    def _cut_records(self, data: bytes) -> None:
        assert self._records is not None  # noqa: S101 - asked by the caller
        *whole, part = _RECORD.split(bytes(self._part) + data)
        for record in whole:
            self._records(record[: self._limit])
        self._part = bytearray(part[: self._limit])

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)
