"""
A sync beside 1,000 idle and 200 slow connections, held all the while, and on an idle daemon.

`python bench/crowd_connections.py [REPO]` or `make bench-http REPO=…`: without one, this
Python's standard library.  In every round both are measured, in turn; a client that behaves
asks 20 things a second meanwhile, and none of its requests may fail.  The daemon has its
default limits.
"""

from __future__ import annotations

import http.client
import json
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from corpus import standard_library
from daemon import Daemon
from slow_clients import Held, SlowClients
from stopwatch import median, seconds

IDLE: Final = 1000
SLOW: Final = 200
ROUNDS: Final = 5
_SETTLED_S: Final = 25.0  # until the first slow ones have been cut off and are back
_EVERY_S: Final = 0.05
_TARGET: Final = 1.2
_OK: Final = 200


class Asked(NamedTuple):
    """What a client that behaves met: how long each answer took, and what was no answer."""

    took: list[float]
    failed: list[str]

    def percentile(self, part: float) -> float:
        return sorted(self.took)[int(part * (len(self.took) - 1))] * 1000


class Client:
    """Asks for the jobs, for one repository and a search in turn, over one connection."""

    def __init__(self, port: int, token: str) -> None:
        self.asked = Asked([], [])
        self._port = port
        self._headers = {"Authorization": f"Bearer {token}"}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        paths = ["/api/jobs?limit=5", "/api/repositories/real", "/api/search?q=import&limit=5"]
        number = 0
        while not self._is_over.wait(_EVERY_S):
            number += 1
            began = time.perf_counter()
            try:
                connection.request("GET", paths[number % 3], headers=self._headers)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as err:
                self.asked.failed.append(repr(err))
                connection.close()
                continue
            self.asked.took.append(time.perf_counter() - began)
            if answer.status != _OK:
                self.asked.failed.append(str(answer.status))


class Measured(NamedTuple):
    """Of one kind of round."""

    syncs: list[float]
    asked: list[Asked]


def _synced(daemon: Daemon) -> None:
    body = {"repository": "real", "full": True}
    _, answer = daemon.ask("POST", "/api/sync", body, Prefer="wait=3600")
    job: dict[str, Any] = answer.get("job", answer)
    assert job["status"] == "completed", json.dumps(job)


def _round(daemon: Daemon, into: Measured) -> None:
    with Client(daemon.port, daemon.token) as client:
        into.syncs.append(seconds(lambda: _synced(daemon)))
    into.asked.append(client.asked)


def _row(name: str, measured: Measured) -> str:
    every = Asked([t for a in measured.asked for t in a.took], [])
    failed = sum(len(asked.failed) for asked in measured.asked)
    return (
        f"| {name} | {median(measured.syncs):.2f} s | {len(every.took)} | {failed} "
        f"| {every.percentile(0.5):.1f} ms | {every.percentile(0.99):.1f} ms |"
    )


def _tell(alone: Measured, crowded: Measured, held: list[Held]) -> int:
    ratio = median(crowded.syncs) / median(alone.syncs)
    failed = [word for one in (alone, crowded) for asked in one.asked for word in asked.failed]
    print("| | sync, median | requests | failed | p50 | p99 |")
    print("|---|---:|---:|---:|---:|---:|")
    print(_row("idle daemon", alone))
    print(_row(f"{IDLE} idle and {SLOW} slow connections", crowded))
    print(f"\nratio {ratio:.2f} (target {_TARGET}); syncs", alone.syncs, crowded.syncs)
    for one in held:
        print(f"held at least {one.least_idle} and {one.least_slow};", one)
    print(*failed[:10], sep="\n")
    return 0 if ratio <= _TARGET and not failed else 1


def main() -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    alone, crowded, held = Measured([], []), Measured([], []), []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        remote = Path(sys.argv[1]) if sys.argv[1:] else standard_library(folder / "remote")
        with Daemon(folder / "daemon", door="") as daemon:
            daemon.register(remote.absolute(), "real")
            _synced(daemon)
            for _ in range(ROUNDS):
                _round(daemon, alone)
                with SlowClients(daemon.port, daemon.token, IDLE, SLOW) as crowd:
                    time.sleep(_SETTLED_S)
                    _round(daemon, crowded)
                    held.append(crowd.leave())
    return _tell(alone, crowded, held)


if __name__ == "__main__":
    sys.exit(main())
