"""The machine's clock set back, and forward, by an hour under a running daemon."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import HeldRemote, Home, Server, curl, wait_until
from remote import Lie, RemoteThread
from sandbox import Checkout

_SITECUSTOMIZE = """
import os, sys

if "serve" in sys.orig_argv:
    from cidxd import app

    real, ahead = app.clock, os.path.dirname(__file__) + "/ahead"
    app.clock = lambda: real() + float(open(ahead).read())
"""


class Clock:
    """The clock of the daemons that *home* starts."""

    def __init__(self, home: Home) -> None:
        self._folder = home.folder / "clock"
        self._folder.mkdir()
        (self._folder / "sitecustomize.py").write_text(_SITECUSTOMIZE)
        self.set(ahead_s=0)
        home.env["PYTHONPATH"] = f"{self._folder}:{home.env['PYTHONPATH']}"

    def set(self, *, ahead_s: float) -> None:
        draft = self._folder / "draft"
        draft.write_text(str(ahead_s))
        draft.rename(self._folder / "ahead")


@pytest.fixture
def clock(home: Home) -> Clock:
    return Clock(home)


@pytest.fixture
def daemon(home: Home, clock: Clock, tmp_path: Path) -> Iterator[Server]:
    del clock  # its environment is the daemon's
    made = Server(home, tmp_path / "server")
    made.start()
    made.add_user("ada", "--admin")
    made.token = made.log_in(home)
    yield made
    assert made.stop() == 0
    assert "Traceback" not in made.log()


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def test_a_clock_set_back_an_hour_delays_no_job_and_makes_no_time_negative(
    home: Home, clock: Clock, daemon: Server, origin: Checkout, tmp_path: Path
) -> None:
    other = Checkout(tmp_path / "other")
    other.commit({"a.txt": "hay\n"})
    with RemoteThread(origin.folder) as broken, RemoteThread(other.folder) as slow:
        home.cidx("repo", "add", broken.url, "--name", "broken")
        home.cidx("repo", "add", slow.url, "--name", "slow")
        broken.lie = Lie(status=503)
        deferred = home.json("sync", "broken")["job_id"]
        wait_until("the fault", lambda: daemon.job(deferred)["error"])
        slow.lie = Lie(hang=True)
        slow.arrived.clear()
        running = home.json("sync", "slow")["job_id"]
        wait_until("the question", slow.arrived.is_set)

        clock.set(ahead_s=-3600)
        began_at = time.monotonic()
        broken.lie = None
        assert daemon.job(running)["elapsed_seconds"] >= 0
        assert daemon.readiness() == (200, [])
        left = daemon.job(deferred)["estimate"]
        assert left is None or left["remaining_seconds"] < 600
        job = daemon.ended(deferred)
        assert (job["status"], len(job["attempts"])) == ("completed", 2)
        assert time.monotonic() - began_at < 30, "its back-off, and not an hour"
        daemon.signal(9)  # and a daemon that finds times to come in its store
        assert daemon.process is not None
        daemon.process.wait()
        slow.lie = None
        daemon.start()
        jobs = [job, daemon.ended(running)]
        home.cidx("sync", "slow", "--timeout", "60")
    for job in jobs:
        assert job["status"] == "completed"
        assert at(job["created_at"]) <= at(job["started_at"]) <= at(job["finished_at"])
        assert job["elapsed_seconds"] >= 0
        times = [at(entry["at"]) for entry in job["history"]]
        assert times == sorted(times)
        times = [at(event["at"]) for event in daemon.events(job["job_id"])]
        assert times == sorted(times)
        for record in job["phases"]:
            if record["started_at"]:
                assert at(record["started_at"]) <= at(record["finished_at"])


def test_a_clock_set_forward_an_hour_ends_access_tokens_and_nothing_else(
    home: Home, clock: Clock, daemon: Server, origin: Checkout
) -> None:
    with HeldRemote(origin.folder) as remote:
        home.cidx("repo", "add", remote.url, "--name", "demo")
        remote.hold()
        running = home.json("sync", "demo")["job_id"]
        wait_until("the transfer", remote.is_holding)
        clock.set(ahead_s=3600)
        status, problem = curl(f"{daemon.url}/api/jobs/{running}", daemon.token)
        assert (status, problem["code"]) == (401, "unauthenticated")
        job = home.json("jobs", "show", running)  # the client has refreshed its token
        assert (job["status"], job["error"]) == ("running", None)
        remote.release()
        daemon.token = home.cidx("auth", "token").strip()
        job = daemon.ended(running)
    assert (job["status"], len(job["attempts"])) == ("completed", 1)
    assert daemon.readiness() == (200, [])
    assert home.json("jobs", "list")["jobs"], "and what ended is kept"
