"""
Those who use a daemon all the time, and what they were promised.

    crowd = Crowd(server, ("one", "two"))   # begins at once, and outlives the daemon's ends
    ...
    crowd.end()
    assert crowd.wrong == []
"""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import threading
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from house import Server, wait_until
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

PAUSE_S: Final = 0.02  # between a client's requests
FILES: Final = 30  # of each repository; all have the number of the commit in them


class Caller:
    """One who asks the daemon over a connection of their own, made anew when it breaks."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, sent: object = None) -> tuple[int, Any]:
        """
        Return the status and the JSON of the answer.

        Raises:
            OSError, HTTPException, ValueError: There is no whole answer; the daemon is down.
        """
        headers = {"Authorization": f"Bearer {self._server.token}"}
        if sent is not None:
            headers["Content-Type"] = "application/json"
        connection = self._connection or http.client.HTTPConnection(
            urlsplit(self._server.url).netloc, timeout=20
        )
        self._connection = None
        try:
            connection.request(method, path, None if sent is None else json.dumps(sent), headers)
            answer = connection.getresponse()
            document = json.loads(answer.read())
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return answer.status, document

    def get(self, path: str) -> Any:
        """Return what a daemon that is up answers."""
        status, document = self.ask("GET", path)
        assert status == 200, document
        return document

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


class Crowd:
    """
    Two who submit and cancel, one who searches and one who follows everything, in threads.

    Attributes:
        accepted: Every job that a 202 promised, in their order.
        heard: The follower's events, in the order they came.
        seen: The newest commit that a search has answered from, of each repository.
        searches: How many searches were answered.
        wrong: What a client saw that it should not.
        is_over: Set when nobody wants anything new any more.
        is_deaf: Set when the follower is to leave.
    """

    def __init__(self, server: Server, names: Sequence[str], *, seed: int) -> None:
        self.accepted: list[str] = []
        self.heard: list[Any] = []
        self.seen = dict.fromkeys(names, 0)
        self.searches = 0
        self.wrong: list[str] = []
        self.is_over, self.is_deaf = threading.Event(), threading.Event()
        self._server = server
        self._names = names
        self._threads = [
            *(threading.Thread(target=self._wish, args=(seed + number,)) for number in range(2)),
            threading.Thread(target=self._search),
            threading.Thread(target=self._follow),
        ]
        for thread in self._threads:
            thread.start()

    def end_wishes(self) -> None:
        self.is_over.set()
        for thread in self._threads[:-1]:
            thread.join()

    def wait_for(self, cursor: int) -> None:
        """Wait until the follower has heard the event at *cursor*."""
        wait_until(f"event {cursor}", lambda: self.heard and self.heard[-1]["cursor"] >= cursor)

    def end(self) -> None:
        self.end_wishes()
        self.is_deaf.set()
        self._threads[-1].join()

    def search(self, caller: Caller, name: str) -> None:
        """Note the commit that a search answers from: one, whole, and no older than before."""
        sent = {"q": f"{name} ", "repository": [name], "limit": 2 * FILES}
        status, answer = caller.ask("POST", "/api/search", sent)
        if status != 200:
            self.wrong.append(f"search: {status} {answer}")
            return
        lines = [match["text"].split() for match in answer["matches"]]
        numbers = {int(number) for _, number, _ in lines}
        files = sorted(int(file) for _, _, file in lines)
        if len(numbers) != 1 or files != list(range(FILES)) or max(numbers) < self.seen[name]:
            self.wrong.append(f"search: {name}: {numbers} after {self.seen[name]}: {files}")
            return
        (self.seen[name],) = numbers
        self.searches += 1

    def _wish(self, seed: int) -> None:
        caller, chance = Caller(self._server), random.Random(seed)  # noqa: S311 - to have it again
        mine = ["none"]
        while not self.is_over.wait(PAUSE_S):
            try:
                if chance.random() < 0.3:
                    caller.ask("POST", f"/api/jobs/{chance.choice(mine[-4:])}/cancel", {})
                    continue
                sent = {"repository": chance.choice(self._names), "full": chance.random() < 0.3}
                status, answer = caller.ask("POST", "/api/sync", sent)
            except (OSError, http.client.HTTPException, ValueError):
                continue  # the daemon is down; what was not answered is not promised
            if status == 202:
                mine.append(answer["job_id"])
                self.accepted.append(answer["job_id"])
            elif status != 429:
                self.wrong.append(f"sync: {status} {answer}")
        caller.close()

    def _search(self) -> None:
        caller, turn = Caller(self._server), 0
        while not self.is_over.wait(10 * PAUSE_S):
            turn += 1
            try:
                self.search(caller, self._names[turn % len(self._names)])
            except (OSError, http.client.HTTPException, ValueError):
                continue
        caller.close()

    def _follow(self) -> None:
        while not self.is_deaf.wait(PAUSE_S):
            with contextlib.suppress(OSError, WebSocketException):  # down, or nothing to tell
                self._hear()

    def _hear(self) -> None:
        """Go on after the last event that was heard."""
        url = self._server.url.replace("http", "ws", 1) + "/api/stream"
        headers = {"Authorization": f"Bearer {self._server.token}"}
        after = self.heard[-1]["cursor"] if self.heard else 0
        with connect(url, additional_headers=headers, close_timeout=1) as stream:
            stream.send(json.dumps({"subscribe": {"all": True}, "after": after}))
            while not self.is_deaf.is_set():
                frame = json.loads(stream.recv(timeout=1.0))
                if "event" in frame:
                    self.heard.append(frame["event"])
                elif "error" in frame:
                    self.wrong.append(f"stream: {frame}")
