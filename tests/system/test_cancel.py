"""A cancel, with and without grace, of children that do not listen."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from house import Home, Process, Server, Trap, curl, descendants, wait_for_end, wait_until
from sandbox import Checkout

GRACE_S = 3.0  # between TERM and KILL


@pytest.fixture
def daemon(home: Home, trap: Trap, tmp_path: Path) -> Iterator[Server]:
    del trap  # its environment is the daemon's
    made = Server(home, tmp_path / "server")
    made.start()
    made.sign_in(home)
    yield made
    made.stop()


class Deaf:
    """A running job whose build child was stopped by SIGSTOP, and so does not take a TERM."""

    def __init__(self, home: Home, daemon: Server, trap: Trap, origin: Checkout) -> None:
        self.daemon = daemon
        home.cidx("repo", "add", str(origin.folder), "--name", "demo")
        trap.arm("subprocess.Popen", "cat-file")
        self.job_id = str(home.json("sync", "demo")["job_id"])
        os.kill(trap.caught(), signal.SIGSTOP)
        self.children = self.of_the_job()
        assert self.children

    def of_the_job(self) -> list[Process]:
        assert self.daemon.process is not None
        return [one for one in descendants(self.daemon.process.pid) if b"build" in _argv(one)]

    def cancel(self, *, method: str = "POST", **body: object) -> Any:
        path = f"/api/jobs/{self.job_id}" + ("/cancel" if method == "POST" else "")
        sent = ("-X", method, "-H", "Content-Type: application/json", "-d", json.dumps(body))
        status, job = curl(self.daemon.url + path, self.daemon.token, *sent)
        assert status == 200, job
        return job

    def ended(self) -> tuple[float, Any]:
        """Return the seconds from the wish to the end on the daemon's clock, and the job."""
        job = self.daemon.ended(self.job_id)
        wait_for_end(self.children)
        kinds = {event["type"]: event["at"] for event in self.daemon.events(self.job_id)}
        return _between(kinds["cancel_requested"], kinds["cancelled"]), job


@pytest.fixture
def deaf(home: Home, daemon: Server, trap: Trap, origin: Checkout) -> Deaf:
    return Deaf(home, daemon, trap, origin)


def test_a_child_that_ignores_term_is_gone_within_five_seconds(deaf: Deaf) -> None:
    assert deaf.cancel(reason="enough")["status"] == "running"
    took_s, job = deaf.ended()
    assert GRACE_S <= took_s < 5
    cancel = {name: job["cancel"][name] for name in ("requested_by", "reason", "force")}
    assert cancel == {"requested_by": "ada", "reason": "enough", "force": False}


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_by_force_it_is_gone_at_once(deaf: Deaf, method: str) -> None:
    assert deaf.cancel(method=method, force=True)["cancel"]["force"] is True
    took_s, job = deaf.ended()
    assert took_s < GRACE_S / 2
    assert (job["status"], job["cancel"]["force"]) == ("cancelled", True)
    again = deaf.cancel(force=True)
    assert (again["status"], again["cancel"]) == ("cancelled", job["cancel"])


def test_force_ends_the_grace_of_a_child_that_has_its_term_already(deaf: Deaf) -> None:
    deaf.cancel(reason="please")
    deaf.cancel(reason="now", force=True)
    started = time.monotonic()
    job = deaf.ended()[1]
    assert time.monotonic() - started < GRACE_S / 2
    assert (job["cancel"]["reason"], job["cancel"]["force"]) == ("please", True)
    asked = [e for e in deaf.daemon.events(deaf.job_id) if e["type"] == "cancel_requested"]
    assert [event["data"]["force"] for event in asked] == [False, True]


def test_what_is_killed_by_force_leaves_the_index_as_it_was(
    deaf: Deaf, home: Home, origin: Checkout
) -> None:
    deaf.cancel(force=True)
    deaf.ended()
    assert home.json("sync", "demo", "--timeout", "60")["outcome"] == "updated"
    origin.commit({"src/needle.py": "NEEDLE = 'second'\n"})
    assert home.json("sync", "demo", "--timeout", "60")["outcome"] == "updated"
    assert "second" in home.cidx("query", "NEEDLE", "--repo", "demo")


def test_after_the_permit_force_comes_too_late(
    home: Home, daemon: Server, trap: Trap, origin: Checkout
) -> None:
    home.cidx("repo", "add", str(origin.folder), "--name", "demo")
    trap.arm("exit")
    job_id = home.json("sync", "demo")["job_id"]
    trap.caught()
    wait_until("the publish", lambda: daemon.job(job_id)["phase"] == "publish")
    done = home.run("cidx", "jobs", "cancel", job_id, "--force")
    assert "too late" in done.stderr
    trap.release()
    job = daemon.ended(job_id)
    assert (job["status"], job["outcome"], job["cancel"]) == ("completed", "updated", None)


def _argv(process: Process) -> list[bytes]:
    try:
        return Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def _between(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
