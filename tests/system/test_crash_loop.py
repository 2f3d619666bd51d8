"""
Clients submit, cancel, search and follow all the time, and the daemon is killed again and again:
at every boundary between phases (`doomed.py` has them), and at random moments.

Each boundary is hit once here; `make crash LOOPS=n` has n kills.  docs/promises.md says what holds.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import random
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from auditor import Auditor
from crowd import FILES, Caller, Crowd
from doomed import LIVE, RESCUE
from house import PATIENCE_S, ROOT, Home, Process, Server, descendants, wait_for_end, wait_until
from sandbox import Checkout

KILLS: Final = int(os.environ.get("CRASH_ROUNDS", "0"))  # 0: each point once
SEED: Final = int(os.environ.get("CRASH_SEED", "1"))
NAMES: Final = ("one", "two", "three")
MOMENT: Final = "a random moment"
PR_SET_CHILD_SUBREAPER: Final = 36  # prctl(2)


class Reaper:
    """Daemons that are killed, and the children that they leave to this process."""

    def __init__(self, server: Server, chance: random.Random) -> None:
        self.hits: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        self._server = server
        self._chance = chance
        self._left: list[Process] = []

    def begin(self, point: str) -> bool:
        """Start a daemon that *point* will end; return whether it came to answer requests."""
        program: tuple[str, ...] = ("-m", "cidxd")
        if point != MOMENT:
            nth = self._chance.randint(1, 3) if KILLS and point in LIVE else 1
            program = (str(ROOT / "tests" / "doomed.py"), point, str(nth))
        if not self._server.started(*program):
            return False
        wait_for_end(self._left)
        self._left = []
        return True

    def end(self, point: str) -> None:
        """Wait until the daemon is dead, and see to it if its point does not come."""
        process = self._server.process
        assert process is not None
        after_s = PATIENCE_S if point in LIVE else self._chance.uniform(0.05, 1.5)
        try:
            code = process.wait(after_s)
            self.hits[point] += 1
        except subprocess.TimeoutExpired:  # also for want of a job to rescue
            process.kill()
            code = process.wait()
            (self.hits if point == MOMENT else self.missed)[point] += 1
        assert code == -9, f"{point}: {code}: {self._server.log()[-5000:]}"
        self._left += descendants(os.getpid())


@pytest.fixture
def reaper(daemon: Server) -> Iterator[Reaper]:
    """The one to whom the children of a killed daemon fall, instead of to init."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    assert prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    yield Reaper(daemon, random.Random(SEED))  # noqa: S311 - the moments can be had again
    prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    daemon.stop()
    with contextlib.suppress(ChildProcessError):
        while any(os.waitpid(-1, os.WNOHANG)):
            pass


@pytest.fixture
def daemon(home: Home, tmp_path: Path) -> Iterator[Server]:
    more = "[limits]\nrunning = 2\nsearch_children = 1\n[auth]\naccess_minutes = 1440\n"
    made = Server(home, tmp_path / "server", more=more)
    made.start()
    made.sign_in(home)
    yield made
    made.stop()


@pytest.fixture
def origins(tmp_path: Path) -> dict[str, Checkout]:
    return {name: Checkout(tmp_path / name) for name in NAMES}


def points() -> Iterator[str]:
    """Yield where each daemon is to end."""
    if KILLS:
        both = zip(itertools.cycle((*LIVE, *RESCUE)), itertools.repeat(MOMENT), strict=False)
        yield from itertools.islice(itertools.chain.from_iterable(both), KILLS)
        return
    rescues = iter(RESCUE)
    for point in LIVE:
        yield point
        if "phase_started" in point:  # a job runs then, so there is one to rescue
            yield next(rescues)


def commit(origins: dict[str, Checkout], number: int) -> None:
    for name, origin in origins.items():
        origin.commit({f"page_{n}.txt": f"{name} {number} {n}\n" for n in range(FILES)})


def active(server: Server) -> list[Any]:
    return [
        job
        for status in ("queued", "running")
        for job in server.ask(f"/api/jobs?status={status}")["jobs"]
    ]


def check_stored(server: Server, crowd: Crowd, auditor: Auditor) -> None:
    """Hold what the daemon has of every job against what the clients were promised and heard."""
    caller = Caller(server)
    jobs: list[Any] = []
    following: str | None = ""
    while following is not None:
        answer = caller.get(f"/api/jobs?limit=200{following}")
        jobs += answer["jobs"]
        following = f"&cursor={answer['next_cursor']}" if answer["next_cursor"] else None
    assert set(crowd.accepted) <= {job["job_id"] for job in jobs}, "no accepted job is lost"
    stored = []
    for job in jobs:
        stored += caller.get(f"/api/jobs/{job['job_id']}/events?after=0&limit=5000")["events"]
    caller.close()
    stored.sort(key=lambda event: event["cursor"])
    crowd.wait_for(stored[-1]["cursor"])
    assert crowd.heard == stored
    hear(crowd, auditor)
    assert {job["job_id"]: job["status"] for job in jobs} == auditor.ended
    cuts = [attempt["interrupted"] for job in jobs for attempt in job["attempts"]]
    assert sum(cuts) == auditor.cuts


def hear(crowd: Crowd, auditor: Auditor) -> None:
    for event in crowd.heard[auditor.taken :]:
        auditor.take(event)


def test_killed_wherever_it_is_it_keeps_its_promises(
    home: Home, daemon: Server, origins: dict[str, Checkout], reaper: Reaper
) -> None:
    commit(origins, 0)
    for name, origin in origins.items():
        home.cidx("repo", "add", str(origin.folder), "--name", name)
        home.cidx("sync", name, "--timeout", "60")
    daemon.stop()
    crowd, auditor, number = Crowd(daemon, NAMES, seed=SEED), Auditor(), 0
    try:
        for number, point in enumerate(points(), 1):
            reaper.begin(point)
            commit(origins, number)
            reaper.end(point)
            hear(crowd, auditor)
            assert crowd.wrong == []
        assert reaper.begin(MOMENT)
        crowd.end_wishes()
        for name in NAMES:
            home.cidx("sync", name, "--timeout", "60")
        wait_until("the end of every job", lambda: not active(daemon))
        check_stored(daemon, crowd, auditor)
    finally:
        crowd.end()
        tell(crowd, auditor, reaper)
    caller = Caller(daemon)
    for name in NAMES:
        crowd.search(caller, name)
    caller.close()
    assert (crowd.wrong, auditor.faults) == ([], [])
    assert set(crowd.seen.values()) == {number}, "what was last pushed is what is found"
    assert "Traceback" not in daemon.log()
    assert set(points()) <= set(reaper.hits)


def tell(crowd: Crowd, auditor: Auditor, reaper: Reaper) -> None:
    """Print the figures of `make crash`."""
    ends = Counter(auditor.ended.values())
    lines = [
        f"{reaper.hits.total()} kills, {len(set(crowd.accepted))} accepted jobs, {dict(ends)}",
        f"{auditor.cuts} times a running one was cut off",
        f"{auditor.taken} events, {crowd.searches} searches",
        *(f"{hits:6} at {point}" for point, hits in reaper.hits.items()),
        *(f"{missed:6} never came: {point}" for point, missed in reaper.missed.items()),
    ]
    print("\n".join(lines))  # noqa: T201 - see above
