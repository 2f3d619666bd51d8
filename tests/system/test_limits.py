"""How much at once, and what a daemon that stops still does."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import PATIENCE_S, Home, Server, Trap, curl, wait_until
from sandbox import Checkout


@pytest.fixture
def daemon(home: Home, trap: Trap, tmp_path: Path) -> Iterator[Server]:
    del trap  # its environment is the daemon's
    limits = "[limits]\nrunning = 2\nindex_children = 1\ndrain_seconds = 3600\n"
    made = Server(home, tmp_path / "server", more=limits)
    made.start()
    made.sign_in(home)
    yield made
    made.stop()


def test_one_index_child_at_once_when_the_limit_is_one(
    home: Home, daemon: Server, trap: Trap, origin: Checkout, tmp_path: Path
) -> None:
    other = Checkout(tmp_path / "other")
    other.commit({"a.txt": "hay\n"})
    for name, checkout in (("first", origin), ("second", other)):
        home.cidx("repo", "add", str(checkout.folder), "--name", name)
    trap.arm("subprocess.Popen", "cat-file")
    first = home.json("sync", "first")["job_id"]
    trap.caught()
    second = home.json("sync", "second")["job_id"]
    fetched = lambda: daemon.job(second)["phases"][0]["status"] == "completed"  # noqa: E731
    wait_until("the second fetch", fetched)
    assert daemon.job(second)["phases"][1]["status"] == "pending"
    trap.release()
    assert {daemon.ended(job_id)["status"] for job_id in (first, second)} == {"completed"}


def test_a_daemon_that_stops_says_so_and_lets_a_running_job_end(
    home: Home, daemon: Server, trap: Trap, origin: Checkout
) -> None:
    home.cidx("repo", "add", str(origin.folder), "--name", "demo")
    trap.arm("subprocess.Popen", "cat-file")
    job_id = home.json("sync", "demo")["job_id"]
    trap.caught()
    daemon.signal(signal.SIGTERM)
    wait_until("its word", lambda: "the daemon is stopping" in reasons(daemon))
    trap.release()
    assert daemon.process is not None
    assert daemon.process.wait(PATIENCE_S) == 0  # a second word would not wait for the job
    daemon.start()
    job = daemon.job(job_id)
    assert (job["status"], [a["interrupted"] for a in job["attempts"]]) == ("completed", [False])


def reasons(daemon: Server) -> list[str]:
    _, told = curl(f"{daemon.url}/readyz")
    return list(told["reasons"])
