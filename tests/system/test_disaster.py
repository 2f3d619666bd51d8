"""Locked, full and slow: what happens to the daemon's disk, and that it goes on afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from house import Home, Server, Trap, wait_until
from sandbox import Checkout


@pytest.fixture
def daemon(home: Home, trap: Trap, tmp_path: Path) -> Iterator[Server]:
    del trap  # its environment is the daemon's
    made = Server(home, tmp_path / "server")
    made.start()
    made.sign_in(home)
    yield made
    assert made.stop() == 0
    assert "Traceback" not in made.log()


def wait_until_ready(daemon: Server) -> None:
    """Wait for /readyz; nobody sends anything else that would have the daemon write."""
    wait_until("readiness", lambda: daemon.readiness() == (200, []))


def synced(home: Home, origin: Checkout) -> None:
    """Register the remote as `demo`, sync it, and change its one line."""
    home.cidx("repo", "add", str(origin.folder), "--name", "demo")
    home.cidx("sync", "demo", "--timeout", "60")
    origin.commit({"src/needle.py": "NEEDLE = 'second'\n"})


def needle(home: Home) -> str:
    return home.cidx("query", "NEEDLE", "--repo", "demo").strip()


def test_a_locked_database_refuses_requests_keeps_verdicts_and_goes_on_by_itself(
    home: Home, daemon: Server, trap: Trap, origin: Checkout
) -> None:
    synced(home, origin)
    trap.arm("subprocess.Popen", "cat-file")
    job_id = home.json("sync", "demo")["job_id"]
    trap.caught()
    with daemon.locked():
        status, problem = daemon.submit("demo")
        assert (status, problem["code"]) == (503, "store-unavailable")
        assert "readyz" in problem["hint"]
        assert "Retry-After: 5" in daemon.headers()
        status, reasons = daemon.readiness()
        assert status == 503
        assert "locked" in reasons[0]
        trap.release()  # the job goes on to where it must be allowed to publish
        wait_until("what is held", lambda: "record_held" in daemon.log())
        assert daemon.job(job_id)["status"] == "running"
        assert "'first'" in needle(home), "nothing is published before that is on record"
        assert daemon.readiness()[0] == 503
    wait_until_ready(daemon)
    job = daemon.ended(job_id)
    assert (job["status"], job["outcome"]) == ("completed", "updated")
    assert [attempt["error"] for attempt in job["attempts"]] == [None]
    daemon.events(job_id)
    assert "'second'" in needle(home)
    assert daemon.submit("demo")[0] == 202
