"""
Nonsense over the WebSocket: frames that are no messages, and bytes that are no frames.

The daemon does not break, keeps nothing of it, and a follower beside it misses no event.
`make fuzz` has FUZZ_ROUNDS connections.
"""

from __future__ import annotations

import base64
import json
import os
import random
import socket
import struct
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from house import Home, Server, wait_until
from sandbox import Checkout
from websockets.sync.client import connect

ROUNDS: Final = int(os.environ.get("FUZZ_ROUNDS", "60"))
SEED: Final = int(os.environ.get("FUZZ_SEED", "1"))
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA
GROWTH_BYTES: Final = 24 << 20  # of a daemon that has seen all of it; one connection has 12 KiB
ANSWERED_S: Final = 20.0
BROKEN: Final = ("request_broke", "stream_broke", "never retrieved", "Task was destroyed")

MESSAGES: Final[list[Any]] = [
    {},
    [],
    7,
    None,
    "subscribe",
    {"subscribe": None},
    {"subscribe": {}},
    {"subscribe": []},
    {"subscribe": {"all": 1}},
    {"subscribe": {"all": "true"}},
    {"subscribe": {"job": 7}},
    {"subscribe": {"job": "x" * 60_000}},
    {"subscribe": {"job": "\0"}},
    {"subscribe": {"job": "\ud800"}},
    {"subscribe": {"repository": "nobody's"}},
    {"subscribe": {"repository": None, "all": True, "job": "x"}},
    {"subscribe": {"all": True}, "after": -1},
    {"subscribe": {"all": True}, "after": 1 << 62},
    {"subscribe": {"all": True}, "after": 1 << 63},
    {"subscribe": {"all": True}, "after": 1 << 64},
    {"subscribe": {"all": True}, "after": 10**400},
    {"subscribe": {"all": True}, "after": 1.5},
    {"subscribe": {"all": True}, "after": "0"},
    {"subscribe": {"all": True}, "after": True},
    {"subscribe": {"all": True}, "after": 0, "more": 1},
    {"subscribe": {"all": True}, "after": 0},
    {"subscribe": {"all": True}},
]
TEXTS: Final = [
    b"",
    b"{",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"[" * 60_000,
    b'{"subscribe":' * 4_000,
    b'{"subscribe": {"all": true}, "subscribe": {"job": "x"}}',
    b'{"subscribe": {"all": NaN}}',
    b'{"subscribe": {"all": true}, "after": ' + b"9" * 5000 + b"}",
    b"\0" * 100,
    b"x" * (65 * 1024),
    *(json.dumps(message).encode() for message in MESSAGES),
]


def frame(
    opcode: int, payload: bytes, *, fin: bool = True, masked: bool = True, reserved: int = 0
) -> bytes:
    """Return a frame of RFC 6455, section 5.2, right or wrong."""
    first = bytes([(0x80 if fin else 0) | reserved << 4 | opcode])
    mark = 0x80 if masked else 0
    size = len(payload)
    if size < 126:
        length = bytes([mark | size])
    elif size < 1 << 16:
        length = bytes([mark | 126]) + struct.pack(">H", size)
    else:
        length = bytes([mark | 127]) + struct.pack(">Q", size)
    if not masked:
        return first + length + payload
    key = b"\1\2\3\4"
    hidden = bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))
    return first + length + key + hidden


class Fuzz:
    """Makes nonsense of every kind; the same from the same seed."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - it can be had again

    def talk(self) -> bytes:
        """Return what one connection sends."""
        kinds = [getattr(self, name) for name in KINDS]
        return b"".join(self._chance.choice(kinds)() for _ in range(self._chance.randint(1, 6)))

    def message(self) -> bytes:
        return frame(TEXT, self._text())

    def binary(self) -> bytes:
        return frame(BINARY, self._chance.randbytes(self._chance.randint(0, 3000)))

    def fragments(self) -> bytes:
        text = self._text()
        cut = self._chance.randint(0, len(text))
        between = self._chance.choice([b"", frame(PING, b"?"), frame(TEXT, b"{}")])
        return frame(TEXT, text[:cut], fin=False) + between + frame(0, text[cut:])

    def endless_fragments(self) -> bytes:
        return frame(TEXT, b"[", fin=False) + frame(0, b"[" * 1000, fin=False) * 100

    def lone_continuation(self) -> bytes:
        return frame(0, self._text())

    def pings(self) -> bytes:
        return frame(PING, b"x" * 125) * self._chance.randint(1, 2000)

    def pongs(self) -> bytes:
        return frame(PONG, b"?") * self._chance.randint(1, 200)

    def long_ping(self) -> bytes:
        return frame(PING, b"x" * 126)

    def fragmented_ping(self) -> bytes:
        return frame(PING, b"?", fin=False)

    def closing(self) -> bytes:
        code = self._chance.choice([0, 999, 1000, 1001, 1005, 1006, 1015, 2999, 3000, 4999, 65535])
        reason = self._chance.choice([b"", b"bye", b"\xff", b"x" * 123])
        payload = self._chance.choice([b"", b"\3", struct.pack(">H", code) + reason])
        return frame(CLOSE, payload) + self._chance.choice([b"", frame(TEXT, b"{}")])

    def reserved_bits(self) -> bytes:
        return frame(TEXT, self._text(), reserved=self._chance.randint(1, 7))

    def reserved_opcode(self) -> bytes:
        return frame(self._chance.choice([3, 4, 5, 6, 7, 0xB, 0xF]), b"x")

    def unmasked(self) -> bytes:
        return frame(TEXT, b'{"subscribe": {"all": true}}', masked=False)

    def half(self) -> bytes:
        whole = frame(TEXT, self._text())
        return whole[: self._chance.randint(1, len(whole))]

    def huge(self) -> bytes:
        size = self._chance.choice([1 << 31, 1 << 62, (1 << 64) - 1])
        return bytes([0x81, 0xFF]) + struct.pack(">Q", size) + b"\1\2\3\4" + b"x" * 100

    def noise(self) -> bytes:
        return self._chance.randbytes(self._chance.randint(1, 500))

    def _text(self) -> bytes:
        return self._chance.choice(TEXTS)


KINDS: Final = [name for name in vars(Fuzz) if not name.startswith("_") and name != "talk"]


class Connection:
    """An upgraded connection over a bare socket."""

    def __init__(self, server: Server) -> None:
        parts = urlsplit(server.url)
        self.socket = socket.create_connection((parts.hostname, parts.port), ANSWERED_S)
        key = base64.b64encode(bytes(16)).decode()
        self.socket.sendall(
            f"GET /api/stream HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"Authorization: Bearer {server.token}\r\n\r\n".encode()
        )
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.socket.recv(4096)
        assert answer.startswith(b"HTTP/1.1 101 "), answer

    def say(self, said: bytes, *, is_abrupt: bool) -> None:
        """Send *said*, and hang up: at once, or when the daemon has said what it has to say."""
        try:
            self.socket.sendall(said)
            if not is_abrupt:
                self.socket.shutdown(socket.SHUT_WR)
                while self.socket.recv(1 << 16):
                    pass
        except TimeoutError:
            pytest.fail("the daemon does not close the connection")
        except OSError:
            pass  # it broke off, which is its right
        finally:
            self.socket.close()


def memory(server: Server) -> int:
    """Return the bytes that the daemon has of its own."""
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = next(line for line in status.splitlines() if line.startswith("RssAnon:"))
    return int(found.split()[1]) << 10


def open_files(server: Server) -> int:
    assert server.process is not None
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


def followers(server: Server) -> int:
    """Return how many streams the daemon believes to be open."""
    asked = urllib.request.Request(  # noqa: S310 - our own daemon
        f"{server.url}/metrics", headers={"Authorization": f"Bearer {server.token}"}
    )
    with urllib.request.urlopen(asked, timeout=ANSWERED_S) as answer:  # noqa: S310 - likewise
        lines = answer.read().decode().splitlines()
    return int(float(next(one for one in lines if one.startswith("cidxd_followers ")).split()[1]))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    home = Home(tmp_path / "home")
    made = Server(home, tmp_path / "server", more="[auth]\naccess_minutes = 1440\n")
    made.start()
    made.sign_in(home)
    origin = Checkout(tmp_path / "origin")
    origin.commit({"a.py": "def needle():\n    return 1\n"})
    home.cidx("repo", "add", str(origin.folder), "--name", "tools")
    yield made
    made.stop()


def trouble(server: Server, fuzz: Fuzz, rounds: int) -> None:
    """Have *rounds* connections talk nonsense, some of them at the same time."""
    chance = random.Random(SEED)  # noqa: S311 - it can be had again
    idle = [Connection(server) for _ in range(8)]
    for number in range(rounds):
        connection = idle.pop(chance.randrange(len(idle)))
        connection.say(fuzz.talk(), is_abrupt=number % 3 == 0)
        idle.append(Connection(server))
    for connection in idle:
        connection.socket.close()


def test_nonsense_breaks_no_stream_and_leaves_nothing(server: Server) -> None:
    headers = {"Authorization": f"Bearer {server.token}"}
    url = server.url.replace("http", "ws", 1) + "/api/stream"
    trouble(server, Fuzz(0), 10)  # what is made once, such as caches, is there
    wait_until("an end of the first streams", lambda: followers(server) == 0)
    with connect(url, additional_headers=headers, compression=None) as well_behaved:
        well_behaved.send('{"subscribe": {"all": true}, "after": 0}')
        assert "snapshot" in json.loads(well_behaved.recv(ANSWERED_S))
        files, bytes_before = open_files(server), memory(server)
        _, job = server.submit("tools")
        trouble(server, Fuzz(SEED), ROUNDS)
        server.ended(job["job_id"])
        wait_until("only the well-behaved follower", lambda: followers(server) == 1)
        wait_until("as many open files as before", lambda: open_files(server) <= files)
        assert memory(server) - bytes_before < GROWTH_BYTES
        stored = server.events(job["job_id"])
        heard: list[Any] = []
        while len(heard) < len(stored):
            said = json.loads(well_behaved.recv(ANSWERED_S))
            heard += [said["event"]] if "event" in said else []
        assert heard == stored
    assert server.stop() == 0
    lines = server.log().splitlines()
    assert [line for line in lines if any(word in line for word in BROKEN)] == []


@pytest.mark.parametrize("kind", KINDS)
def test_after_nonsense_of_each_kind_the_next_connection_is_served(
    shared: Server, kind: str
) -> None:
    fuzz = Fuzz(SEED)
    Connection(shared).say(getattr(fuzz, kind)(), is_abrupt=False)
    headers = {"Authorization": f"Bearer {shared.token}"}
    url = shared.url.replace("http", "ws", 1) + "/api/stream"
    with connect(url, additional_headers=headers, compression=None) as next_one:
        next_one.send('{"subscribe": {"all": true}}')
        assert "snapshot" in json.loads(next_one.recv(ANSWERED_S))
    assert not [line for line in shared.log().splitlines() if any(w in line for w in BROKEN)]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("shared")
    home = Home(folder / "home")
    made = Server(home, folder / "server")
    made.start()
    made.sign_in(home)
    yield made
    made.stop()
