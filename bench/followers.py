"""
Many WebSocket followers in a process of their own; counts the events that each one gets.

They read with one poll and count by the words that an event's frame begins with: this
process shall not be what is measured.  One more may follow that never reads.
"""

from __future__ import annotations

import base64
import json
import select
import socket
import struct
import subprocess
import sys
import time
from typing import Any, Final, NamedTuple, Self

_EVENT: Final = b'{"event":{"cursor":'
_PIECE: Final = 1 << 18
_PATIENCE_S: Final = 300.0
_PING: Final = b"\x89\x00"  # no text of ours has such a byte
_PONG: Final = b"\x8a\x80\x00\x00\x00\x00"


class Followed(NamedTuple):
    """
    What arrived.

    Attributes:
        seconds: From the first event that anybody got to the last.
        least, most: Events that a follower got, of all of them.
        busy: The share of the time that this process had the processor.
    """

    seconds: float
    least: int
    most: int
    busy: float


class Followers:
    """The child, connected."""

    def __init__(self, port: int, token: str, count: int) -> None:
        argv = [sys.executable, __file__, str(port), token, str(count)]
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._line() == "joined\n"

    def expect(self, events: int) -> None:
        """Begin to count, up to so many events of each."""
        assert self._process.stdin
        self._process.stdin.write(f"{events}\n")
        self._process.stdin.flush()
        assert self._line() == "counting\n"

    def followed(self) -> Followed:
        """Wait until all of them came."""
        return Followed(*json.loads(self._line()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def _line(self) -> str:
        assert self._process.stdout
        return str(self._process.stdout.readline())


def joined(port: int, token: str, *, buffer_bytes: int = 0) -> socket.socket:
    """Return a socket that follows everything."""
    one = socket.socket()
    if buffer_bytes:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    one.connect(("127.0.0.1", port))
    key = base64.b64encode(b"0123456789abcdef").decode()
    one.sendall(
        f"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += one.recv(4096)
    assert answer.startswith(b"HTTP/1.1 101"), answer
    wish = b'{"subscribe":{"all":true}}'
    one.sendall(struct.pack("!BB4x", 0x81, 0x80 | len(wish)) + wish)  # masked with zeros
    return one


class _Follower:
    def __init__(self, port: int, token: str) -> None:
        self.socket = joined(port, token)
        self.events = 0
        self._rest = b""

    def read(self) -> None:
        piece = self.socket.recv(_PIECE)
        if not piece:
            raise ConnectionError(f"closed after {self.events} events")
        whole = self._rest + piece
        if _PING in whole:
            self.socket.sendall(_PONG)
        self.events += whole.count(_EVENT)
        self._rest = whole[1 - len(_EVENT) :]


class _Watch:
    """Counts the events of all followers; in between it reads on, as pings must be answered."""

    def __init__(self, followers: list[_Follower]) -> None:
        self._followers = {one.socket.fileno(): one for one in followers}
        self._poll = select.epoll()
        self._poll.register(sys.stdin, select.EPOLLIN)
        for fileno in self._followers:
            self._poll.register(fileno, select.EPOLLIN)

    def run(self) -> None:
        """Count as often as a line of standard input says up to how many events."""
        while True:
            for fileno, _ in self._poll.poll():
                if fileno != sys.stdin.fileno():
                    self._followers[fileno].read()
                elif line := sys.stdin.readline():
                    print(json.dumps(self._count(int(line))), flush=True)
                else:
                    return

    def _count(self, events: int) -> Followed:
        for one in self._followers.values():
            one.events = 0
        print("counting", flush=True)
        missing, began, cpu = set(self._followers), 0.0, time.process_time()
        ends = time.monotonic() + _PATIENCE_S
        while missing and time.monotonic() < ends:
            for fileno, _ in self._poll.poll(1.0):
                one = self._followers[fileno]
                one.read()
                began = began or (time.perf_counter() if one.events else 0.0)
                if one.events >= events:
                    missing.discard(fileno)
        seconds = time.perf_counter() - began
        counts = [one.events for one in self._followers.values()]
        busy = (time.process_time() - cpu) / seconds
        return Followed(seconds, min(counts), max(counts), busy)


def _run(port: int, token: str, count: int) -> None:
    followers = [_Follower(port, token) for _ in range(count)]
    print("joined", flush=True)
    _Watch(followers).run()


if __name__ == "__main__":
    given: list[Any] = sys.argv[1:]
    _run(int(given[0]), given[1], int(given[2]))
