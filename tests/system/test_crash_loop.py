"""
Clients submit, cancel and follow all the time; the daemon is killed at random moments.

A few rounds run here; `make crash LOOPS=n` runs more.  docs/promises.md says what holds.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from house import Home, Server, wait_for_end
from sandbox import Checkout
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

ROUNDS: Final = int(os.environ.get("CRASH_ROUNDS", "3"))
SEED: Final = int(os.environ.get("CRASH_SEED", "1"))
NAMES: Final = ("one", "two", "three")
FILES: Final = 30
CHANCE: Final = random.Random(SEED)  # noqa: S311 - the moments can be had again
MOMENTS: Final = [CHANCE.uniform(0.05, 1.5) for _ in range(ROUNDS)]  # in seconds
ENDS: Final = {"completed", "failed", "cancelled"}
PAUSE_S: Final = 0.02  # between a client's requests


class Crowd:
    """
    Two clients who submit and cancel, and one who follows everything, each in a thread.

    Attributes:
        accepted: Every job that a 202 promised.
        heard: The follower's events, in the order they came.
        wrong: What a client saw that it should not.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.accepted: set[str] = set()
        self.heard: list[Any] = []
        self.wrong: list[str] = []
        self.is_over = threading.Event()
        self._threads = [
            *(threading.Thread(target=self._wish, args=(SEED + number,)) for number in range(2)),
            threading.Thread(target=self._follow),
        ]
        for thread in self._threads:
            thread.start()

    def end_wishes(self) -> None:
        self.is_over.set()
        for thread in self._threads[:2]:
            thread.join()

    def end(self) -> None:
        self.is_over.set()
        for thread in self._threads:
            thread.join()

    def _wish(self, seed: int) -> None:
        chance, mine = random.Random(seed), ["none"]  # noqa: S311 - likewise
        while not self.is_over.wait(PAUSE_S):
            try:
                if chance.random() < 0.3:
                    self._post(f"/api/jobs/{chance.choice(mine[-4:])}/cancel", {})
                    continue
                sent = {"repository": chance.choice(NAMES), "full": chance.random() < 0.3}
                status, answer = self._post("/api/sync", sent)
            except (OSError, http.client.HTTPException, ValueError):
                continue  # the daemon is down; what was not answered is not promised
            if status == 202:
                mine.append(answer["job_id"])
                self.accepted.add(answer["job_id"])
            elif status != 429:
                self.wrong.append(f"{status} {answer}")

    def _post(self, path: str, sent: dict[str, Any]) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(urlsplit(self.server.url).netloc, timeout=20)
        try:
            headers = {
                "Authorization": f"Bearer {self.server.token}",
                "Content-Type": "application/json",
            }
            connection.request("POST", path, json.dumps(sent), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def _follow(self) -> None:
        while True:
            try:
                self._hear()
            except TimeoutError:
                if self.is_over.is_set():
                    return  # nothing happens any more
            except (OSError, WebSocketException):
                if self.is_over.wait(PAUSE_S):
                    return

    def _hear(self) -> None:
        """Go on after the last event that was heard."""
        url = self.server.url.replace("http", "ws", 1) + "/api/stream"
        headers = {"Authorization": f"Bearer {self.server.token}"}
        after = self.heard[-1]["cursor"] if self.heard else 0
        with connect(url, additional_headers=headers, close_timeout=1) as stream:
            stream.send(json.dumps({"subscribe": {"all": True}, "after": after}))
            while True:
                frame = json.loads(stream.recv(timeout=1.0))
                if "event" in frame:
                    self.heard.append(frame["event"])
                elif "error" in frame:
                    self.wrong.append(str(frame))


@pytest.fixture
def daemon(home: Home, tmp_path: Path) -> Iterator[Server]:
    made = Server(home, tmp_path / "server", more="[limits]\nrunning = 2\n")
    made.start()
    made.sign_in(home)
    yield made
    made.stop()


@pytest.fixture
def origins(tmp_path: Path) -> dict[str, Checkout]:
    return {name: Checkout(tmp_path / name) for name in NAMES}


def commit(origins: dict[str, Checkout], number: int) -> None:
    for name, origin in origins.items():
        origin.commit({f"page_{n}.txt": f"{name} {number} {n}\n" for n in range(FILES)})


def indexed(home: Home, name: str) -> int:
    """Return the number of the commit that a search answers from: all files are of this one."""
    said = home.cidx("query", f"{name} ", "--repo", name, "--json").splitlines()
    lines = [json.loads(line)["text"].split() for line in said]
    assert sorted(int(file) for _, _, file in lines) == list(range(FILES))
    (number,) = {int(number) for _, number, _ in lines}
    return number


def check_jobs(server: Server, crowd: Crowd) -> list[Any]:
    """Hold the daemon's jobs against what the clients were promised; return all of them."""
    promised = set(crowd.accepted)
    running = Counter(job["repository"] for job in server.ask("/api/jobs?status=running")["jobs"])
    assert all(number == 1 for number in running.values()), running
    jobs: list[Any] = []
    following: str | None = ""
    while following is not None:
        answer = server.ask(f"/api/jobs?limit=200{following}")
        jobs += answer["jobs"]
        following = f"&cursor={answer['next_cursor']}" if answer["next_cursor"] else None
    assert promised <= {job["job_id"] for job in jobs}, "no accepted job is lost"
    return jobs


def check_events(server: Server, crowd: Crowd, jobs: list[Any]) -> None:
    """Hold every job's stored events, and the follower's, to be whole and each there once."""
    stored = [event for job in jobs for event in server.events(job["job_id"])]
    stored.sort(key=lambda event: event["cursor"])
    for job in jobs:
        types = [event["type"] for event in stored if event["job_id"] == job["job_id"]]
        assert [kind for kind in types if kind in ENDS] == types[-1:] == [job["status"]]
    cursors = [event["cursor"] for event in crowd.heard]
    assert cursors == list(range(1, len(stored) + 1)), "no gap and no repeat"
    assert crowd.heard == stored


def test_killed_at_random_moments_it_keeps_its_promises(
    home: Home, daemon: Server, origins: dict[str, Checkout]
) -> None:
    commit(origins, 0)
    for name, origin in origins.items():
        home.cidx("repo", "add", str(origin.folder), "--name", name)
        home.cidx("sync", name, "--timeout", "60")
    crowd = Crowd(daemon)
    try:
        for number, after_s in enumerate(MOMENTS, 1):
            commit(origins, number)
            crowd.is_over.wait(after_s)
            left = daemon.kill()
            daemon.start()
            wait_for_end(left)
            check_jobs(daemon, crowd)
            assert all(0 <= indexed(home, name) <= number for name in NAMES)
        crowd.end_wishes()
        for name in NAMES:
            home.cidx("sync", name, "--timeout", "60")
        for job in check_jobs(daemon, crowd):
            daemon.ended(job["job_id"])
    finally:
        crowd.end()
    check_events(daemon, crowd, check_jobs(daemon, crowd))
    assert crowd.wrong == []
    assert [indexed(home, name) for name in NAMES] == [len(MOMENTS)] * len(NAMES)
    assert "Traceback" not in daemon.log()
    cut = [event for event in crowd.heard if event["type"] == "interrupted"]
    said = f"{len(MOMENTS)} kills, {len(crowd.accepted)} jobs, {len(cut)} of them cut off"
    print(f"{said}, {len(crowd.heard)} events")  # noqa: T201 - the figures of `make crash`
