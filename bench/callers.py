"""
Clients that ask one thing over many connections that are kept open, as a process of its own.

Each connection sends its next request when it has the whole answer to the one before.
The sockets are polled without asyncio: this process shall not be what is measured, and it
says how busy it was.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

_PIECE: Final = 1 << 18
_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length: "


class Called(NamedTuple):
    """
    What came of it.

    Attributes:
        rate: Answers a second.
        p50, p99: Seconds that one answer took.
        busy: The share of the time that this process had the processor; near 1 it is the limit.
        statuses: How many answers had each status.
        length: Bytes of the last answer's body.
    """

    rate: float
    p50: float
    p99: float
    busy: float
    statuses: dict[str, int]
    length: int


class Asked(NamedTuple):
    """
    What to ask; `{n}` in path and body is the number of the request, from *first* on.

    Attributes:
        port: On 127.0.0.1.
        requests: How many in all.
    """

    port: int
    path: str
    token: str
    connections: int
    requests: int
    method: str = "GET"
    body: str = ""
    first: int = 1


def call(asked: Asked) -> Called:
    """Let a child ask; return what came of it."""
    done = subprocess.run(
        [sys.executable, Path(__file__), json.dumps(asked)],
        capture_output=True,
        text=True,
        check=True,
    )
    return Called(*json.loads(done.stdout))


class _Connection:
    """One socket, and the answer that comes in."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.began = 0.0
        self._got = b""
        self._missing = -1

    def send(self, request: bytes) -> None:
        self._got, self._missing = b"", -1
        self.began = time.perf_counter()
        self.socket.sendall(request)

    def take(self) -> bytes | None:
        """Read what is there; return the answer's head once all of it came."""
        piece = self.socket.recv(_PIECE)
        if not piece:
            raise ConnectionError("the server closed the connection")
        self._got += piece
        if self._missing < 0:
            head, found, body = self._got.partition(_END)
            if not found:
                return None
            at = head.lower().index(_LENGTH) + len(_LENGTH)
            self._missing = int(head[at:].split(b"\r", 1)[0]) - len(body)
        else:
            self._missing -= len(piece)
        return self._got if self._missing == 0 else None


def _request(asked: Asked, number: int) -> bytes:
    body = asked.body.replace("{n}", str(number)).encode()
    head = (
        f"{asked.method} {asked.path.replace('{n}', str(number))} HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{asked.port}\r\nAuthorization: Bearer {asked.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _run(asked: Asked) -> Called:
    is_same = "{n}" not in asked.path + asked.body
    same = _request(asked, 0)
    numbers = iter(range(asked.first, asked.first + asked.requests))
    poll, open_ones = select.epoll(), {}
    for _ in range(asked.connections):
        one = _Connection(asked.port)
        open_ones[one.socket.fileno()] = one
        poll.register(one.socket, select.EPOLLIN)
    took: list[float] = []
    statuses: dict[str, int] = {}
    length = 0
    began, cpu = time.perf_counter(), time.process_time()
    for one, number in zip(open_ones.values(), numbers, strict=False):
        one.send(same if is_same else _request(asked, number))
    while len(took) < asked.requests:
        for fileno, _ in poll.poll():
            one = open_ones[fileno]
            answer = one.take()
            if answer is None:
                continue
            took.append(time.perf_counter() - one.began)
            status = answer[9:12].decode()
            statuses[status] = statuses.get(status, 0) + 1
            length = len(answer) - answer.index(_END) - len(_END)
            following = next(numbers, None)
            if following is not None:
                one.send(same if is_same else _request(asked, following))
    seconds = time.perf_counter() - began
    busy = (time.process_time() - cpu) / seconds
    took.sort()
    p50, p99 = took[len(took) // 2], took[len(took) * 99 // 100]
    return Called(len(took) / seconds, p50, p99, busy, statuses, length)


if __name__ == "__main__":
    given: list[Any] = json.loads(sys.argv[1])
    print(json.dumps(_run(Asked(*given))))
