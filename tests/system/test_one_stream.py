"""Followers by REST, server-sent events and WebSocket see one list, whatever happens to them."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import random
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from house import Home, Server, curl, wait_until
from sandbox import Checkout
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

SEED: Final = 4
AWAY: Final = (OSError, http.client.HTTPException, WebSocketException, EOFError)
PAUSE_S: Final = 0.02


class Follower:
    """
    Follows everything in a thread, and breaks off now and then.

    Attributes:
        heard: The events, in the order they came.
        wrong: What it should not have seen.
        visits: How often it connected.
    """

    def __init__(self, server: Server, kind: str) -> None:
        self.heard: list[Any] = []
        self.wrong: list[str] = []
        self.visits = 0
        self._server = server
        self._chance = random.Random(f"{SEED} {kind}")  # noqa: S311 - it can be had again
        self._visit: Callable[[int], Generator[Any]] = getattr(self, f"_by_{kind}")
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=kind)
        self._thread.start()

    @property
    def after(self) -> int:
        """The cursor of the last event, which is all that it keeps."""
        return int(self.heard[-1]["cursor"]) if self.heard else 0

    def end(self) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over.wait(PAUSE_S):
            left = self._chance.randrange(1, 8)  # events until it breaks off
            try:
                with contextlib.closing(self._visit(self.after)) as events:
                    self.heard += itertools.islice(events, left)
            except AWAY:
                continue  # a restart, or nothing new for a while

    @contextlib.contextmanager
    def _opened(self, path: str, accept: str, **more: str) -> Iterator[http.client.HTTPResponse]:
        self.visits += 1
        connection = http.client.HTTPConnection(urlsplit(self._server.url).netloc, timeout=1.0)
        bearer = {"Authorization": f"Bearer {self._server.token}", "Accept": accept}
        try:
            connection.request("GET", path, headers=bearer | more)
            with connection.getresponse() as answer:
                if answer.status != 200:
                    self.wrong.append(f"{answer.status} {answer.read()!r}")
                yield answer
        finally:
            connection.close()

    def _by_rest(self, after: int) -> Generator[Any]:
        limit = self._chance.randrange(1, 5)
        path = f"/api/events?after={after}&limit={limit}"
        with self._opened(path, "application/json") as answer:
            yield from json.loads(answer.read())["events"]

    def _by_sse(self, after: int) -> Generator[Any]:
        resumed = {"Last-Event-ID": str(after)}
        with self._opened("/api/events", "text/event-stream", **resumed) as answer:
            while line := answer.readline().decode():
                if line.startswith("data: ") and line.endswith("\n"):
                    yield json.loads(line.removeprefix("data: "))

    def _by_websocket(self, after: int) -> Generator[Any]:
        self.visits += 1
        url = self._server.url.replace("http", "ws", 1) + "/api/stream"
        headers = {"Authorization": f"Bearer {self._server.token}"}
        with connect(url, additional_headers=headers, close_timeout=1) as stream:
            stream.send(json.dumps({"subscribe": {"all": True}, "after": after}))
            while True:
                frame = json.loads(stream.recv(timeout=1.0))
                if "event" in frame:
                    yield frame["event"]
                elif "error" in frame:
                    self.wrong.append(str(frame))


@pytest.fixture
def daemon(home: Home, tmp_path: Path) -> Iterator[Server]:
    made = Server(home, tmp_path / "server")
    made.start()
    made.sign_in(home)
    yield made
    assert made.stop() == 0
    assert "Traceback" not in made.log()


def test_whoever_follows_by_whatever_way_sees_every_event_once_and_in_order(
    home: Home, daemon: Server, origin: Checkout
) -> None:
    home.cidx("repo", "add", str(origin.folder), "--name", "demo")
    followers = [Follower(daemon, kind) for kind in ("rest", "sse", "websocket")]
    try:
        for number in range(3):
            origin.commit({"README.md": f"a demo {number}\n"})
            home.cidx("sync", "demo", "--timeout", "60")
            wait_until("some news for each", lambda: all(one.heard for one in followers))
            if number == 0:
                daemon.kill()
            elif number == 1:
                assert daemon.stop() == 0
            if number < 2:
                daemon.start()
        whole = daemon.ask("/api/events?after=0&limit=5000")["events"]
        wait_until("the rest", lambda: all(one.after == whole[-1]["cursor"] for one in followers))
    finally:
        for one in followers:
            one.end()
    assert [event["cursor"] for event in whole] == list(range(1, len(whole) + 1))
    for one in followers:
        assert one.wrong == []
        assert one.heard == whole
        assert one.visits > 3


def test_a_request_sent_again_after_a_restart_is_the_same_job(
    home: Home, daemon: Server, origin: Checkout
) -> None:
    home.cidx("repo", "add", str(origin.folder), "--name", "demo")
    sent = ("-H", "Idempotency-Key: once", "-H", "Content-Type: application/json")
    body = ("-H", "Prefer: wait=60", "-d", '{"repository": "demo"}')
    status, first = curl(f"{daemon.url}/api/sync", daemon.token, *sent, *body)
    assert (status, first["status"]) == (202, "completed")
    daemon.kill()
    daemon.start()
    status, again = curl(f"{daemon.url}/api/sync", daemon.token, *sent, *body)
    assert (status, again["job_id"]) == (202, first["job_id"])
    retry = f"{daemon.url}/api/jobs/{first['job_id']}/retry"
    keyed = ("-H", "Idempotency-Key: twice", "-H", "Prefer: wait=60", "-X", "POST")
    _, second = curl(retry, daemon.token, *keyed)
    daemon.kill()
    daemon.start()
    assert curl(retry, daemon.token, *keyed)[1]["job_id"] == second["job_id"]
    assert len(daemon.ask("/api/jobs")["jobs"]) == 2
