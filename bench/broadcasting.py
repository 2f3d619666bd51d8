"""Events to many followers of the daemon, beside a bare loop that sends the same frames."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, Self

import stored
from asking import cpu_s
from callers import Asked, call
from children import ENV, resident
from daemon import Daemon
from followers import Followed, Followers
from rates import Rate, compared

ONE: Final = "caused one by one"
MANY: Final = "caused by 8 at once"
BARE: Final = "a bare broadcast loop"
_ACCEPTED: Final = 202


class Broadcast(NamedTuple):
    """
    What came of it.

    Attributes:
        per_follower: Bytes of the daemon's memory for each follower.
        busy: The share of the time that the followers' process had the processor, at most.
    """

    rates: list[Rate]
    per_follower: float
    busy: float


class _Bare:
    """The bare loop, a process of its own."""

    def __init__(self) -> None:
        argv = [sys.executable, str(Path(__file__).parent / "bare_broadcast.py")]
        self.process = subprocess.Popen(
            argv, env=ENV, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        self.port = int(self.process.stdout.readline())

    def send(self, events: int, text: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps([events, text]) + "\n")
        self.process.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def measured(folder: Path, rounds: int, followers: int, events: int, callers: int = 8) -> Broadcast:
    """
    Let the daemon, and the bare loop, tell each of *followers* of *events* events.

    They are caused one by one, and by *callers* who ask at once.
    """
    allow_sockets()
    with started(folder) as daemon, _Bare() as bare:
        pid = daemon.process.pid
        text = json.dumps({"event": news(daemon)}, separators=(",", ":"))
        before = resident(pid, "VmRSS")
        with (
            Followers(daemon.port, daemon.token, followers) as ours,
            Followers(bare.port, "none", followers) as theirs,
        ):
            per_follower = (resident(pid, "VmRSS") - before) / followers
            told = [
                {
                    ONE: _round(ours, events, pid, lambda: cause(daemon, events)),
                    MANY: _round(ours, events, pid, lambda: cause(daemon, events, callers)),
                    BARE: _round(theirs, events, bare.process.pid, lambda: bare.send(events, text)),
                }
                for _ in range(rounds)
            ]
    return Broadcast(_rates(told, followers, events), per_follower, _busy(told))


def allow_sockets() -> None:
    """Raise the number of files that this process and its children may open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))


def started(folder: Path) -> Daemon:
    """Return a daemon whose queue is paused, so that only the bench makes events."""
    stored.fill(folder / "data", 1, now=time.time())
    daemon = Daemon(folder)
    daemon.ask("POST", "/api/queue/pause", {})
    cause(daemon, 1)
    return daemon


def cause(daemon: Daemon, events: int, callers: int = 1) -> None:
    """Join the queued job so many times: each is an event."""
    body = '{"repository": "r1"}'
    asked = Asked(daemon.port, "/api/sync", daemon.token, callers, events, "POST", body)
    called = call(asked)
    assert called.statuses == {str(_ACCEPTED): events}, called


def news(daemon: Daemon) -> dict[str, object]:
    """Return an event as a follower sees it."""
    cause(daemon, 1)
    _, answer = daemon.ask("GET", "/api/jobs?status=queued")
    _, answer = daemon.ask("GET", f"{answer['jobs'][0]['links']['events']}?limit=5000")
    return dict(answer["events"][-1])


class _Told(NamedTuple):
    followed: Followed
    cpu_s: float


def _round(followers: Followers, events: int, pid: int, tell: Callable[[], None]) -> _Told:
    began = cpu_s(pid)
    followers.expect(events)
    tell()
    followed = followers.followed()
    assert (followed.least, followed.most) == (events, events), followed  # none lost, none twice
    return _Told(followed, cpu_s(pid) - began)


def _rates(told: list[dict[str, _Told]], followers: int, events: int) -> list[Rate]:
    sent = followers * events
    by_clock = [{n: sent / one.followed.seconds for n, one in each.items()} for each in told]
    by_cpu = [{n: sent / one.cpu_s for n, one in each.items()} for each in told]
    return [
        rate
        for ours in (ONE, MANY)
        for rate in (
            compared(by_clock, f"events to {followers:,} followers, {ours}", ours, BARE, 0.5, "/s"),
            compared(by_cpu, "the same, of processor time", ours, BARE, None, "/s"),
        )
    ]


def _busy(told: list[dict[str, _Told]]) -> float:
    return max(one.followed.busy for each in told for one in each.values())
