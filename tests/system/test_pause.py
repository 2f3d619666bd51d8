"""The queue paused by the command line, over a restart of the daemon."""

from __future__ import annotations

from pathlib import Path

from house import HeldRemote, Home, Server, curl, wait_until
from sandbox import Checkout


def test_a_pause_lets_running_jobs_go_on_and_outlasts_a_restart(
    home: Home, server: Server, origin: Checkout, tmp_path: Path
) -> None:
    server.token = server.log_in(home)
    other = Checkout(tmp_path / "other")
    other.commit({"a.txt": "hay\n"})
    with HeldRemote(origin.folder) as remote:
        home.cidx("repo", "add", remote.url, "--name", "slow")
        home.cidx("repo", "add", str(other.folder), "--name", "other")
        remote.hold()
        running = home.json("sync", "slow")["job_id"]
        wait_until("the transfer", remote.is_holding)

        said = home.cidx("jobs", "pause", "--reason", "a new disk")
        assert said == "the queue is paused: a new disk (1 running, 0 waiting)\n"
        waiting = home.cidx("sync", "other")
        assert "queued, the queue is paused: a new disk" in waiting
        remote.release()
        assert server.ended(running)["status"] == "completed"

    server.kill()
    server.start()
    queue = home.json("jobs", "pause", "--reason", "a new disk")
    assert (queue["paused"], queue["running"], queue["queued"]) == (True, 0, 1)
    (job,) = home.json("jobs", "list", "--status", "queued")["jobs"]
    assert job["queue"] == {"position": 1, "reason": "the queue is paused: a new disk"}
    status, ready = curl(f"{server.url}/readyz")
    assert (status, ready["notices"]) == (200, ["the queue is paused"])

    assert home.cidx("jobs", "resume").startswith("the queue is not paused (")
    assert server.ended(job["job_id"])["status"] == "completed"
    assert home.json("jobs", "resume")["paused"] is False


def test_a_member_is_told_that_an_administrator_pauses(home: Home, server: Server) -> None:
    server.log_in(home, "bob")
    said = home.error("jobs", "pause", code=4)
    assert "error: only an administrator pauses and resumes the queue" in said
    assert "hint: " in said
