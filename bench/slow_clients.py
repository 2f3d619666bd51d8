"""
Clients that hold connections: idle ones and slow ones, in a process of their own.

A third of the slow ones sends a header byte by byte, a third a body, a third follows a stream
through a small buffer and does not read.  Each that is cut off comes back at once, so that
as many are held all the time; when standard input ends, one line of JSON tells what was.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
from typing import Any, Final, NamedTuple, Self

_BYTE_EVERY_S: Final = 1.0
_TOGETHER: Final = 100  # connections that are opened at once
_BUFFER: Final = 4096


class Held(NamedTuple):
    """
    What the crowd saw.

    Attributes:
        least_idle, least_slow: Connections open at the worst look, of one a second.
        cut_off: Slow ones that the daemon ended.
        closed: Idle ones that the daemon closed.
    """

    least_idle: int
    least_slow: int
    cut_off: int
    closed: int


class SlowClients:
    """The child; all its connections are open on entry."""

    def __init__(self, port: int, token: str, idle: int, slow: int) -> None:
        argv = [sys.executable, __file__, str(port), token, str(idle), str(slow)]
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line == "held\n", line

    def leave(self) -> Held:
        """Close every connection."""
        out, _ = self._process.communicate("", timeout=60)
        return Held(*json.loads(out))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


class _Crowd:
    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.token = token
        self.open = {"idle": 0, "slow": 0}
        self.ended = {"idle": 0, "slow": 0}
        self._opening = asyncio.Semaphore(_TOGETHER)

    async def hold(self, kind: str, number: int) -> None:
        """Open a connection, again whenever it was ended."""
        acts = [self._header, self._body, self._stream]
        act = acts[number % 3] if kind == "slow" else self._idle
        while True:
            with contextlib.suppress(ConnectionError):
                await self._once(kind, act, number)
            self.ended[kind] += 1

    async def _once(self, kind: str, act: Any, number: int) -> None:  # noqa: ANN401 - one of four
        loop = asyncio.get_running_loop()
        with socket.socket() as one:
            one.setblocking(False)
            if act == self._stream:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            async with self._opening:
                await loop.sock_connect(one, ("127.0.0.1", self.port))
                self.open[kind] += 1
            try:
                await act(loop, one, number)
            finally:
                self.open[kind] -= 1

    async def _idle(self, loop: Any, one: socket.socket, number: int) -> None:  # noqa: ANN401
        """Every other one asked something once."""
        if number % 2:
            await loop.sock_sendall(one, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while await loop.sock_recv(one, _BUFFER):
            pass

    async def _header(self, loop: Any, one: socket.socket, _: int) -> None:  # noqa: ANN401
        await self._drip(loop, one, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ")

    async def _body(self, loop: Any, one: socket.socket, _: int) -> None:  # noqa: ANN401
        head = "POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\n"
        await loop.sock_sendall(one, head.encode())
        await self._drip(loop, one, b"")

    async def _drip(self, loop: Any, one: socket.socket, start: bytes) -> None:  # noqa: ANN401
        await loop.sock_sendall(one, start)
        hearing = loop.create_task(loop.sock_recv(one, _BUFFER))
        try:
            while not hearing.done():
                await asyncio.wait([hearing], timeout=_BYTE_EVERY_S)
                await loop.sock_sendall(one, b"a")
        finally:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)

    async def _stream(self, loop: Any, one: socket.socket, _: int) -> None:  # noqa: ANN401
        head = f"GET /api/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.token}\r\n"
        await loop.sock_sendall(one, f"{head}Accept: text/event-stream\r\n\r\n".encode())
        while await loop.sock_recv(one, 1):  # noqa: ASYNC110 - it waits for data too
            await asyncio.sleep(_BYTE_EVERY_S)


async def _run(port: int, token: str, idle: int, slow: int) -> Held:
    crowd, loop = _Crowd(port, token), asyncio.get_running_loop()
    ends = [loop.create_task(crowd.hold("idle", n)) for n in range(idle)]
    ends += [loop.create_task(crowd.hold("slow", n)) for n in range(slow)]
    while crowd.open != {"idle": idle, "slow": slow}:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.05)
    print("held", flush=True)
    told = loop.run_in_executor(None, sys.stdin.read)
    least = dict(crowd.open)
    while not told.done():
        await asyncio.wait([told], timeout=1.0)
        least = {kind: min(count, crowd.open[kind]) for kind, count in least.items()}
    held = Held(least["idle"], least["slow"], crowd.ended["slow"], crowd.ended["idle"])
    for task in ends:
        task.cancel()
    await asyncio.gather(*ends, return_exceptions=True)
    return held


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_run(int(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:])))))
