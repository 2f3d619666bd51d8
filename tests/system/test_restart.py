"""The daemon killed at any moment, or told to stop, and started again on the same data."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from house import HeldRemote, Home, Process, Server, Trap, descendants, wait_for_end, wait_until
from remote import Lie
from sandbox import Checkout


@pytest.fixture
def daemon(home: Home, trap: Trap, tmp_path: Path) -> Iterator[Server]:
    del trap  # its environment is the daemon's
    made = Server(home, tmp_path / "server", more="[limits]\nrunning = 1\ndrain_seconds = 0.1\n")
    made.start()
    made.sign_in(home)
    yield made
    made.stop()


@pytest.fixture
def bystander() -> Iterator[Process]:
    """A process that is none of the daemon's."""
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as made:
        [found] = [process for process in descendants(os.getpid()) if process.pid == made.pid]
        yield found
        made.kill()


def synced(home: Home, origin: Checkout) -> None:
    """Register the remote as `demo`, sync it, and change its one line."""
    home.cidx("repo", "add", str(origin.folder), "--name", "demo")
    home.cidx("sync", "demo", "--timeout", "60")
    origin.commit({"src/needle.py": "NEEDLE = 'second'\n"})


def needle(home: Home) -> str:
    return home.cidx("query", "NEEDLE", "--repo", "demo").strip()


def was_given_back(server: Server, job: Any) -> None:
    """Hold a finished job against what an interruption may leave of it."""
    assert (job["status"], job["outcome"], job["error"]) == ("completed", "updated", None)
    assert [attempt["interrupted"] for attempt in job["attempts"]] == [True, False]
    assert [attempt["number"] for attempt in job["attempts"]] == [1, 1]
    kinds = [event["type"] for event in server.events(job["job_id"])]
    assert kinds.count("interrupted") == 1
    assert kinds[-1] == "completed"


def test_killed_while_one_job_fetches_and_another_is_queued(
    home: Home, daemon: Server, origin: Checkout, tmp_path: Path
) -> None:
    other = Checkout(tmp_path / "other")
    other.commit({"a.txt": "hay\n"})
    with HeldRemote(origin.folder) as remote:
        home.cidx("repo", "add", remote.url, "--name", "slow")
        home.cidx("repo", "add", str(other.folder), "--name", "other")
        remote.hold()
        fetching = home.json("sync", "slow")["job_id"]
        wait_until("the transfer", remote.is_holding)
        queued = home.json("sync", "other")
        assert queued["status"] == "queued"
        assert (daemon.job(fetching)["status"], daemon.job(fetching)["phase"]) == (
            "running",
            "fetch",
        )
        left = daemon.kill()
        remote.release()
        daemon.start()
        was_given_back(daemon, daemon.ended(fetching))
        ended = daemon.ended(queued["job_id"])
    assert (ended["status"], ended["outcome"]) == ("completed", "updated")
    assert [attempt["interrupted"] for attempt in ended["attempts"]] == [False]
    daemon.events(queued["job_id"])
    wait_for_end(left)


def test_killed_while_git_hangs_on_the_remote_it_ends_that_git_and_goes_on_at_once(
    home: Home, daemon: Server, origin: Checkout, bystander: Process
) -> None:
    with HeldRemote(origin.folder) as remote:
        home.cidx("repo", "add", remote.url, "--name", "slow")
        home.cidx("sync", "slow", "--timeout", "60")  # so that there is a mirror to leave things in
        origin.commit({"more.txt": "more\n"})
        remote.hold()
        job_id = home.json("sync", "slow")["job_id"]
        wait_until("the transfer", remote.is_holding)
        gits = [process for process in children_of(daemon) if name_of(process).startswith("git")]
        daemon.kill()
        assert gits
        assert all(process.is_alive for process in gits)
        [folder] = (daemon.folder / "data" / "repositories").iterdir()
        with (folder / "lock").open("a") as note:  # of a process that had this number before
            note.write(f"{bystander.pid} {int(bystander.started) - 1}\n")
        left = [folder / "mirror.git" / "packed-refs.lock"]
        left += [folder / "mirror.git" / "objects" / "pack" / "tmp_pack_1"]
        for path in left:
            path.touch()
        daemon.start()
        assert not any(process.is_alive for process in gits), "gone before it is ready"
        assert not any(path.exists() for path in left), "and so is what they left"
        assert bystander.is_alive
        remote.release()
        job = daemon.ended(job_id)
    was_given_back(daemon, job)
    assert [attempt["error"] for attempt in job["attempts"]] == [None, None]
    ended = [line for line in daemon.log().splitlines() if "orphan_ended" in line]
    assert any("slow" in line for line in ended)


def test_killed_while_git_asks_a_silent_remote_it_ends_that_git(
    home: Home, daemon: Server, origin: Checkout
) -> None:
    with HeldRemote(origin.folder) as remote:
        home.cidx("repo", "add", remote.url, "--name", "slow")
        remote.lie = Lie(hang=True)
        remote.arrived.clear()
        job_id = home.json("sync", "slow")["job_id"]
        wait_until("the question", remote.arrived.is_set)
        gits = [process for process in children_of(daemon) if name_of(process).startswith("git")]
        daemon.kill()
        assert gits
        remote.lie = None
        daemon.start()
        assert not any(process.is_alive for process in gits), "gone before it is ready"
        was_given_back(daemon, daemon.ended(job_id))


def test_killed_during_the_build(home: Home, daemon: Server, trap: Trap, origin: Checkout) -> None:
    synced(home, origin)
    trap.arm("subprocess.Popen", "cat-file")
    job_id = home.json("sync", "demo")["job_id"]
    trap.caught()
    left = daemon.kill()
    trap.release()
    wait_for_end(left)

    trap.arm("subprocess.Popen", "cat-file")
    daemon.start()
    trap.caught()
    assert "'first'" in needle(home), "the last generation answers while the job goes on"
    trap.release()
    was_given_back(daemon, daemon.ended(job_id))
    assert "'second'" in needle(home)


def test_killed_after_the_permit_and_before_the_publish(
    home: Home, daemon: Server, trap: Trap, origin: Checkout
) -> None:
    synced(home, origin)
    trap.arm("os.rename", "CURRENT")
    job_id = home.json("sync", "demo", "--full")["job_id"]
    child = trap.caught()
    left = daemon.kill()
    os.kill(child, signal.SIGKILL)
    wait_for_end(left)

    trap.arm("subprocess.Popen", "cat-file")
    daemon.start()
    trap.caught()
    assert "'first'" in needle(home)
    trap.release()
    was_given_back(daemon, daemon.ended(job_id))
    assert "'second'" in needle(home)


def test_killed_between_the_publish_and_the_last_row_it_comes_back_completed(
    home: Home, daemon: Server, trap: Trap, origin: Checkout
) -> None:
    synced(home, origin)
    trap.arm("exit")
    job_id = home.json("sync", "demo")["job_id"]
    trap.caught()
    assert daemon.job(job_id)["status"] == "running"
    left = daemon.kill()
    trap.release()
    daemon.start()

    job = daemon.ended(job_id)
    assert (job["status"], job["outcome"], job["error"]) == ("completed", "updated", None)
    assert job["progress_percentage"] == 100
    assert [attempt["interrupted"] for attempt in job["attempts"]] == [False]
    assert (job["summary"]["files_modified"], job["summary"]["blobs_new"]) == (1, 1)
    assert job["commits"][0]["indexed"] == origin.head()
    assert daemon.events(job_id)[-1]["type"] == "completed"
    assert "'second'" in needle(home)
    wait_for_end(left)


def test_told_to_stop_it_ends_well_and_goes_on_after_the_next_start(
    home: Home, daemon: Server, trap: Trap, origin: Checkout
) -> None:
    synced(home, origin)
    trap.arm("subprocess.Popen", "cat-file")
    job_id = home.json("sync", "demo")["job_id"]
    trap.caught()
    left = children_of(daemon)
    assert daemon.stop() == 0
    assert not any(process.is_alive for process in left), "it leaves no child behind"
    trap.release()
    daemon.start()
    was_given_back(daemon, daemon.ended(job_id))
    assert "'second'" in needle(home)


def test_told_to_stop_twice_it_does_not_wait_for_running_jobs(
    home: Home, daemon: Server, trap: Trap, origin: Checkout
) -> None:
    daemon.stop()
    text = daemon.config.read_text()
    daemon.config.write_text(text.replace("drain_seconds = 0.1", "drain_seconds = 3600"))
    daemon.start()
    synced(home, origin)
    trap.arm("subprocess.Popen", "cat-file")
    job_id = home.json("sync", "demo")["job_id"]
    trap.caught()
    before = daemon.log().count("stopping")
    daemon.signal(signal.SIGTERM)
    wait_until("the first word", lambda: daemon.log().count("stopping") > before)
    assert daemon.stop() == 0
    trap.release()
    daemon.start()
    was_given_back(daemon, daemon.ended(job_id))


def children_of(server: Server) -> list[Process]:
    assert server.process is not None
    return descendants(server.process.pid)


def name_of(process: Process) -> str:
    return Path(f"/proc/{process.pid}/comm").read_text()
