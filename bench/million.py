"""A daemon with a long history beside one with a short one and one with none."""

from __future__ import annotations

import http.client
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final, NamedTuple, Self

import stored
from children import resident
from daemon import Daemon
from rates import Rate, median

SHORT: Final = 1_000
_STARTS: Final = 3
_LONGEST_S: Final = 120.0  # of a pass of retention that is watched
_PAGES: Final = {
    "first page": "",
    "status=failed": "status=failed",
    "status=running (none)": "status=running",
    "repository": "repository=r7",
    "user": "user=u3",
    "outcome=updated": "outcome=updated",
    "since a day ago": "since={yesterday}",
    "until a week ago": "until={last_week}",
    "q, in every tenth message": "q=remote",
    "q, a job's last digits": "q={digits}",
    "q, in no job": "q=nowhere-at-all",
    "repository and status": "repository=r7&status=failed",
    "repository, user, outcome": "repository=r7&user=u3&outcome=unchanged",
    "second page": "cursor={cursor}",
}


class _Weight(NamedTuple):
    """How much a daemon weighs once it started: seconds until READY, bytes of its process."""

    ready_s: float
    pss: float
    rss: float


def prepared(folder: Path, jobs: int) -> Path:
    """Return a folder with as many stored jobs, filled unless it was."""
    if not (folder / "data").exists():
        stored.fill(folder / "data", jobs, now=time.time())
    return folder


def weighed(folders: dict[str, Path]) -> dict[str, _Weight]:
    """Start a daemon on each folder, several times in turn; return the medians."""
    found: dict[str, list[_Weight]] = {name: [] for name in folders}
    for _ in range(_STARTS):
        for name, folder in folders.items():
            with Daemon(folder, more=_KEEP) as daemon:
                daemon.ask("GET", "/api/jobs")
                pid = daemon.process.pid
                one = _Weight(daemon.started_s, resident(pid, "Pss"), resident(pid, "VmRSS"))
                found[name].append(one)
    return {name: _Weight(*map(median, zip(*ones, strict=True))) for name, ones in found.items()}


def paged(short: Path, long: Path, rounds: int) -> list[Rate]:
    """Return seconds of each page, with the long history beside the short one."""
    with ExitStack() as stack:
        few, many = (stack.enter_context(Daemon(f, more=_KEEP)) for f in (short, long))
        return [_page(name, asked, few, many, rounds) for name, asked in _PAGES.items()]


def _page(name: str, asked: str, few: Daemon, many: Daemon, rounds: int) -> Rate:
    paths = {daemon: f"/api/jobs?{_filled(asked, daemon)}" for daemon in (few, many)}
    took: dict[Daemon, list[float]] = {few: [], many: []}
    for _ in range(rounds):
        for daemon, path in paths.items():
            took[daemon].append(_seconds(daemon, path))
    ours, theirs = median(took[many]) * 1e3, median(took[few]) * 1e3
    return Rate(name, ours, f"{SHORT:,} jobs", theirs, ours / theirs, 3.0, "ms", is_cost=True)


def _filled(asked: str, daemon: Daemon) -> str:
    _, page = daemon.ask("GET", "/api/jobs?limit=50")
    job, now = page["jobs"][7], time.time()
    day = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - n * 86_400)) for n in range(8)]
    return asked.format(
        yesterday=day[1], last_week=day[7], digits=job["job_id"][-8:], cursor=page["next_cursor"]
    )


def _seconds(daemon: Daemon, path: str) -> float:
    began = time.perf_counter()
    status, answer = daemon.ask("GET", path)
    assert status == http.client.OK, answer
    return time.perf_counter() - began


_KEEP: Final = "[retention]\ncompleted_days = 3650\nfailed_days = 3650\n"


class Strain(NamedTuple):
    """How long others waited meanwhile, in seconds: a job's GET, and a submission."""

    seconds: float
    get_p50: float
    get_worst: float
    submit_p50: float
    submit_worst: float


def stats_strain(folder: Path) -> Strain:
    """Ask for the statistics of all stored jobs, while others ask for a job and submit."""
    with Daemon(folder, more=_KEEP) as daemon, Other(daemon) as other:
        daemon.ask("POST", "/api/queue/pause", {})
        began = time.perf_counter()
        future = other.begin("/api/stats")
        return _strained(daemon, future.is_set, began)


def retention_strain(folder: Path, days: int) -> tuple[Strain, int, int]:
    """
    Let a daemon remove what is older than *days*, while others ask for a job and submit.

    Returns what it was like, and how many jobs there were before and after.
    """
    more = f"[retention]\ncompleted_days = {days}\nfailed_days = {days}\n"
    before = _count(folder)
    with Daemon(folder, more=more) as daemon:
        daemon.ask("POST", "/api/queue/pause", {})
        log, began = folder / "log", time.perf_counter()
        seen = log.read_text().count("jobs_pruned")

        def is_over() -> bool:
            return time.perf_counter() - began > _LONGEST_S or (
                log.read_text().count("jobs_pruned") > seen
            )

        strain = _strained(daemon, is_over, began)
    return strain, before, _count(folder)


class Other:
    """A second client, in a thread, whose one question takes long."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._thread: threading.Thread | None = None

    def begin(self, path: str) -> threading.Event:
        """Ask in the background; the event is set once it is answered."""
        answered = threading.Event()

        def ask() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", self._daemon.port)
            connection.request(
                "GET", path, headers={"Authorization": f"Bearer {self._daemon.token}"}
            )
            assert connection.getresponse().read()
            answered.set()

        self._thread = threading.Thread(target=ask)
        self._thread.start()
        return answered

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._thread.join()


def _strained(daemon: Daemon, is_over: Callable[[], bool], began: float) -> Strain:
    _, page = daemon.ask("GET", "/api/jobs?limit=1")
    path = f"/api/jobs/{page['jobs'][0]['job_id']}"
    gets, submits = list[float](), list[float]()
    while not is_over():
        gets.append(_seconds(daemon, path))
        asked = time.perf_counter()
        status, answer = daemon.ask("POST", "/api/sync", {"repository": "r1"})
        submits.append(time.perf_counter() - asked)
        assert status == http.client.ACCEPTED, answer
    took = time.perf_counter() - began
    return Strain(took, median(gets), max(gets), median(submits), max(submits))


def _count(folder: Path) -> int:
    with closing(sqlite3.connect(f"file:{folder / 'data' / 'cidxd.db'}?mode=ro", uri=True)) as db:
        return int(db.execute("SELECT count(*) FROM job").fetchone()[0])
