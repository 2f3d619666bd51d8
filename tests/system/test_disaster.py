"""Locked, full and slow: what happens to the daemon's disk, and that it goes on afterwards."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import Home, Server, Trap, wait_until
from programs import no_mounts
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


@contextlib.contextmanager
def disk(folder: Path, size: str) -> Iterator[None]:
    """Give *folder* a disk of its own."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},nr_inodes=2000", "tmpfs", str(folder)]
    if why := no_mounts():
        pytest.skip(why)
    subprocess.run(mount, check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def small(
    request: pytest.FixtureRequest, home: Home, trap: Trap, tmp_path: Path
) -> Iterator[Server]:
    """A daemon with a folder of its data, or all of it, on a small disk of its own."""
    del trap
    folder = tmp_path / "server"
    with disk(folder / "data" / request.param, "24m"):
        made = Server(home, folder)
        made.start()
        made.sign_in(home)
        yield made
        assert made.stop() == 0
        assert "Traceback" not in made.log()


@contextlib.contextmanager
def filled(daemon: Server, name: str = "") -> Iterator[None]:
    """Leave no byte, and room for no file, on the disk of this folder of the daemon's data."""
    ballast = daemon.folder / "data" / name / "ballast"
    ballast.mkdir()
    with (ballast / "bytes").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    with contextlib.suppress(OSError):
        for number in itertools.count():
            (ballast / str(number)).touch()
    yield
    shutil.rmtree(ballast)


@pytest.mark.parametrize("small", [""], indirect=True)
def test_a_disk_that_runs_full_during_a_build_is_survived_with_the_verdict_in_memory(
    home: Home, small: Server, trap: Trap, origin: Checkout
) -> None:
    synced(home, origin)
    trap.arm("subprocess.Popen", "cat-file")
    job_id = home.json("sync", "demo")["job_id"]
    trap.caught()
    with filled(small):
        trap.release()
        wait_until("what is held", lambda: "record_held" in small.log())
        status, reasons = small.readiness()
        assert status == 503
        assert "the database refuses: database or disk is full" in reasons
        wait_until("the other reason", lambda: "the disk is full" in small.readiness()[1][-1])
        assert "'first'" in needle(home)
        assert small.job(job_id)["status"] == "running"
        assert small.submit("demo")[1]["code"] == "store-unavailable"
    wait_until_ready(small)
    job = small.ended(job_id)
    assert (job["status"], job["outcome"], job["error"]) == ("completed", "updated", None)
    first = job["attempts"][0]["error"]
    assert (first["code"], first["retryable"]) == ("disk-full", True)
    small.events(job_id)
    assert "'second'" in needle(home)


@pytest.mark.parametrize("small", ["repositories"], indirect=True)
def test_a_full_disk_under_the_mirrors_defers_the_sync_and_searches_go_on(
    home: Home, small: Server, origin: Checkout, tmp_path: Path
) -> None:
    other = Checkout(tmp_path / "other")
    other.commit({"a.txt": "hay\n"})
    synced(home, origin)
    assert "'first'" in needle(home)  # and so its catalogue is open
    home.cidx("repo", "add", str(other.folder), "--name", "new")
    with filled(small, "repositories"):
        job_id = small.submit("demo")[1]["job_id"]
        wait_until("the fault", lambda: small.job(job_id)["error"])
        error = small.job(job_id)["attempts"][0]["error"]
        assert (error["code"], error["retryable"]) == ("disk-full", True)
        assert small.job(job_id)["status"] == "queued"
        new_id = small.submit("new")[1]["job_id"]
        wait_until("its fault", lambda: small.job(new_id)["error"])
        assert small.job(new_id)["attempts"][0]["error"]["code"] == "disk-full"
        wait_until("the reason", lambda: small.readiness()[0] == 503)
        (reason,) = small.readiness()[1]
        assert reason.startswith("the disk is full: 0 B left for ")
        assert "'first'" in needle(home)
        asked_id = home.json("sync", "demo")["job_id"]  # joins it, or follows while it is tried
    job = small.ended(job_id)
    assert (job["status"], job["outcome"], job["error"]) == ("completed", "updated", None)
    assert small.ended(asked_id)["status"] == "completed"
    assert "'second'" in needle(home)
    wait_until_ready(small)


@pytest.mark.parametrize("small", ["repositories"], indirect=True)
def test_a_full_disk_is_not_taken_for_a_damaged_index(
    home: Home, small: Server, origin: Checkout
) -> None:
    synced(home, origin)
    with filled(small, "repositories"):
        error = home.error("query", "NEEDLE", "--repo", "demo", code=1)  # no room for SQLite's -shm
        assert "damaged" not in error
        assert "cannot be read" in error
        job_id = small.submit("demo")[1]["job_id"]
        wait_until("the fault", lambda: small.job(job_id)["error"])
        error = small.job(job_id)["attempts"][0]["error"]
        assert error["code"] in {"disk-full", "index-failed"}, "SQLite does not say which"
        assert error["retryable"]
    job = small.ended(job_id)
    assert (job["status"], job["summary"]["files_indexed"]) == ("completed", 1)
    assert "index_damage" not in job["summary"]
    assert "'second'" in needle(home)


@pytest.mark.parametrize("small", ["logs"], indirect=True)
def test_a_full_disk_under_the_job_logs_costs_lines_of_logs_and_nothing_else(
    home: Home, small: Server, origin: Checkout
) -> None:
    with filled(small, "logs"):
        synced(home, origin)
        assert "job_log_lost" in small.log()
    job = home.json("sync", "demo", "--timeout", "60")
    assert job["status"] == "completed"
    assert home.cidx("jobs", "log", job["job_id"]).endswith("completed, updated\n")


def test_a_daemon_whose_own_log_cannot_be_written_goes_on(
    home: Home, origin: Checkout, tmp_path: Path
) -> None:
    made = Server(home, tmp_path / "server")
    (made.folder / "log").symlink_to("/dev/full")
    made.start()
    made.sign_in(home)
    synced(home, origin)
    home.cidx("sync", "demo", "--timeout", "60")
    assert "'second'" in needle(home)
    assert made.stop() == 0


def test_a_program_that_reads_the_database_for_long_stops_nothing(
    home: Home, daemon: Server, origin: Checkout
) -> None:
    reader = sqlite3.connect(daemon.folder / "data" / "cidxd.db", isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM job").fetchone() == (0,)
    synced(home, origin)
    home.cidx("sync", "demo", "--timeout", "60")
    assert "'second'" in needle(home)
    assert daemon.readiness() == (200, [])
    assert reader.execute("SELECT count(*) FROM job").fetchone() == (0,)
    reader.close()


def test_a_daemon_started_on_a_locked_database_says_so(home: Home, daemon: Server) -> None:
    daemon.stop()
    with daemon.locked():
        told = home.run("cidxd", "serve", "--config", str(daemon.config), code=1).stderr
    assert "database is locked" in told
