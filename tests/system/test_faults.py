"""What becomes of a job whose child hangs, grows, crashes or takes too long."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from house import HeldRemote, Home, Server, Trap, descendants, wait_until
from programs import needs_ctags
from remote import Lie, RemoteThread
from sandbox import Checkout

BUILD = 'if sys.orig_argv[-3:] == ["-m", "cidxd.indexer", "build"]:\n'
# Keeps the first git of the diff phase waiting while it works, and says nothing.
WORKS_SILENTLY = """
    end = time.monotonic() + 4
    def work(event, _):
        while event == "subprocess.Popen" and time.monotonic() < end:
            pass
    sys.addaudithook(work)
"""
CRASHES = """
    def crash(event, _):
        if event == "subprocess.Popen":
            os.abort()
    sys.addaudithook(crash)
"""


@dataclasses.dataclass
class House:
    home: Home
    server: Server

    def start(self, limits: str) -> None:
        self.server = Server(self.home, self.server.folder, more=self.server_more(limits))
        self.server.start()
        self.server.sign_in(self.home)

    @staticmethod
    def server_more(limits: str) -> str:
        return f'[limits]\n{limits}\n[log]\nformat = "json"\n'

    def add(self, name: str, remote: str | Path) -> None:
        self.home.cidx("repo", "add", str(remote), "--name", name)

    def sync(self, name: str) -> str:
        return str(self.home.json("sync", name)["job_id"])

    def first_fault(self, job_id: str) -> Any:
        """Return the error of the first attempt, once that has ended; the job is not waited for."""

        def found() -> Any:
            attempts = self.server.job(job_id)["attempts"]
            return attempts and attempts[0]["error"]

        return wait_until(f"a fault of {job_id}", found)

    def bewitch(self, what: str) -> None:
        """Have every build child that is started from now on do *what*, too."""
        folder = self.home.folder / "spell"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(f"import os, sys, time\n{BUILD}{what}")
        self.home.env["PYTHONPATH"] = f"{folder}:{self.home.env['PYTHONPATH']}"


@pytest.fixture
def house(home: Home, tmp_path: Path) -> Iterator[House]:
    folder = tmp_path / "server"
    folder.mkdir()
    made = House(home, Server(home, folder))
    yield made
    made.server.stop()
    assert "Traceback" not in made.server.log()


def test_a_build_with_more_memory_than_it_may_have_ends_and_the_error_names_the_limit(
    house: House, origin: Checkout
) -> None:
    house.start("child_memory_mb = 4")
    house.add("demo", origin.folder)
    job = house.server.ended(house.sync("demo"))
    assert (job["status"], len(job["attempts"])) == ("failed", 1)
    error = job["error"]
    assert (error["code"], error["retryable"]) == ("limit-exceeded", False)
    said = r"limits.child_memory_mb = 4: the build child's processes reached "
    assert error["detail"].startswith(said)
    assert 4 < int(error["detail"].removeprefix(said).removesuffix(" MB")) < 200

    # The operator gives way, without a restart.
    config = house.server.config
    config.write_text(config.read_text().replace("child_memory_mb = 4", "child_memory_mb = 400"))
    house.server.signal(signal.SIGHUP)
    wait_until("the new limit", lambda: '"config_reloaded"' in house.server.log())
    assert house.server.ended(house.sync("demo"))["outcome"] == "updated"


def test_a_git_with_more_memory_than_it_may_have_ends_and_the_error_names_the_limit(
    house: House, origin: Checkout
) -> None:
    house.start("child_memory_mb = 1")
    with HeldRemote(origin.folder) as remote:
        house.add("demo", remote.url)
        remote.hold()
        job = house.server.ended(house.sync("demo"))
        remote.release()
    assert (job["error"]["code"], job["error"]["phase"]) == ("limit-exceeded", "fetch")
    assert job["error"]["detail"].startswith("limits.child_memory_mb = 1: git's processes reached ")


def test_a_fetch_that_takes_longer_than_the_limit_ends_and_the_error_names_the_limit(
    house: House, origin: Checkout
) -> None:
    house.start("fetch_seconds = 1.5")
    with HeldRemote(origin.folder) as remote:
        house.add("demo", remote.url)
        remote.hold()
        job = house.server.ended(house.sync("demo"))
        remote.release()
    assert (job["status"], job["error"]["code"]) == ("failed", "limit-exceeded")
    assert job["error"]["phase"] == "fetch"
    assert job["error"]["detail"] == "limits.fetch_seconds = 1.5: git took longer than 1.5 s"


def test_a_build_that_takes_longer_than_the_limit_ends_and_the_error_names_the_limit(
    house: House, trap: Trap, origin: Checkout
) -> None:
    house.start("index_seconds = 1")
    house.add("demo", origin.folder)
    trap.arm("subprocess.Popen", "cat-file")
    job_id = house.sync("demo")
    pid = trap.caught()
    job = house.server.ended(job_id)
    assert (job["status"], job["error"]["code"]) == ("failed", "limit-exceeded")
    assert (
        job["error"]["detail"] == "limits.index_seconds = 1: the build child took longer than 1 s"
    )
    assert not Path(f"/proc/{pid}").exists()


def test_a_child_that_hangs_is_stalled_and_tried_again(
    house: House, trap: Trap, origin: Checkout
) -> None:
    house.start("stall_seconds = 1")
    house.add("demo", origin.folder)
    trap.arm("subprocess.Popen", "cat-file")
    job_id = house.sync("demo")
    trap.caught()
    fault = house.first_fault(job_id)
    assert (fault["code"], fault["retryable"]) == ("stalled", True)
    said = "limits.stall_seconds = 1: the build child said and did nothing for 1 s"
    assert fault["detail"] == f"{fault['phase']} phase: {said}"
    assert house.server.job(job_id)["status"] == "queued"
    house.home.cidx("jobs", "cancel", job_id)


def test_a_remote_that_falls_silent_is_stalled_and_tried_again(
    house: House, origin: Checkout
) -> None:
    house.start("stall_seconds = 1")
    with HeldRemote(origin.folder) as remote:
        house.add("demo", remote.url)
        remote.hold()
        job_id = house.sync("demo")
        fault = house.first_fault(job_id)
        remote.release()
    assert (fault["code"], fault["phase"]) == ("stalled", "fetch")
    said = "limits.stall_seconds = 1: git said and did nothing for 1 s"
    assert fault["detail"] == f"fetch phase: {said}"
    house.home.cidx("jobs", "cancel", job_id)


def test_a_long_fetch_that_goes_on_is_never_stalled(house: House, tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "large")
    checkout.commit({f"{n}.txt": os.urandom(4000).hex() for n in range(120)})
    house.start("stall_seconds = 2")
    with RemoteThread(checkout.folder) as remote:
        house.add("demo", remote.url)
        remote.lie = Lie(bytes_per_s=45_000, every_s=0.2, only_service="git-upload-pack")
        job = house.server.ended(house.sync("demo"))
    fetch = job["phases"][0]
    assert (job["status"], len(job["attempts"])) == ("completed", 1), job["attempts"]
    assert fetch["duration_seconds"] > 8


def test_a_long_build_that_works_without_a_word_is_not_stalled_and_neither_is_who_waits_for_it(
    house: House, origin: Checkout
) -> None:
    house.bewitch(WORKS_SILENTLY)
    house.start("stall_seconds = 1\nindex_children = 1")
    for name in ("one", "two"):
        checkout = Checkout(origin.folder.parent / name)
        checkout.commit({"a.txt": f"{name}\n"})
        house.add(name, checkout.folder)
    job_ids = [house.sync(name) for name in ("one", "two")]
    for job in map(house.server.ended, job_ids):
        assert (job["status"], len(job["attempts"])) == ("completed", 1)
        assert job["phases"][1]["duration_seconds"] > 2 or job["job_id"] == job_ids[1]


def test_a_crash_of_a_child_is_tried_again_once(house: House, origin: Checkout) -> None:
    house.bewitch(CRASHES)
    house.start("")
    house.add("demo", origin.folder)
    job = house.server.ended(house.sync("demo"))
    assert [attempt["error"]["code"] for attempt in job["attempts"]] == ["child-crashed"] * 2
    assert (job["status"], job["error"]["retryable"]) == ("failed", True)
    assert job["error"]["detail"].startswith("ended by signal 6")


def test_a_build_child_that_the_kernel_ends_had_no_memory_and_is_tried_again(
    house: House, trap: Trap, origin: Checkout
) -> None:
    house.start("")
    house.add("demo", origin.folder)
    trap.arm("subprocess.Popen", "cat-file")
    job_id = house.sync("demo")
    os.kill(trap.caught(), signal.SIGKILL)
    fault = house.first_fault(job_id)
    assert (fault["code"], fault["retryable"]) == ("out-of-memory", True)
    assert fault["detail"].startswith("killed by signal 9, as the kernel does when memory runs out")
    house.home.cidx("jobs", "cancel", job_id)


def test_a_git_that_the_kernel_ends_had_no_memory_and_is_tried_again(
    house: House, origin: Checkout
) -> None:
    house.start("")
    with HeldRemote(origin.folder) as remote:
        house.add("demo", remote.url)
        remote.hold()
        job_id = house.sync("demo")
        wait_until("the transfer", remote.is_holding)
        assert house.server.process is not None
        family = descendants(house.server.process.pid)
        [git] = [one.pid for one in family if b"\0fetch\0" in command_of(one.pid)]
        os.kill(git, signal.SIGKILL)
        fault = house.first_fault(job_id)
        remote.release()
    assert (fault["code"], fault["phase"]) == ("out-of-memory", "fetch")
    assert "git was ended by signal 9" in fault["detail"]
    house.home.cidx("jobs", "cancel", job_id)


def command_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.parametrize("program", ["git", pytest.param("ctags", marks=needs_ctags)])
def test_a_program_that_is_gone_fails_the_job_at_once_and_is_named(
    house: House, origin: Checkout, tmp_path: Path, program: str
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in {"git", program}:
        path = shutil.which(name)
        assert path is not None
        (programs / name).symlink_to(path)
    house.home.env["PATH"] = str(programs)
    house.start(f'[index]\nsymbols = "{"ctags" if program == "ctags" else "off"}"')
    house.add("demo", origin.folder)
    (programs / program).unlink()
    job = house.server.ended(house.sync("demo"))
    assert (job["error"]["code"], len(job["attempts"])) == (f"{program}-missing", 1)


def test_a_fault_has_the_same_words_everywhere(house: House, tmp_path: Path) -> None:
    house.start("")
    checkout = Checkout(tmp_path / "passing")
    checkout.commit({"a.txt": "a\n"})
    house.add("demo", checkout.folder)
    checkout.folder.rename(tmp_path / "gone")
    done = house.home.run("cidx", "sync", "demo", "--timeout", "60", code=5)
    [job] = house.home.json("jobs", "list")["jobs"]
    error = house.server.job(job["job_id"])["error"]
    assert (error["code"], error["retryable"]) == ("remote-not-found", False)
    told = [error["title"], error["detail"].splitlines()[0], error["hint"]]
    assert all(word in done.stderr for word in told)
    shown = house.home.cidx("jobs", "show", job["job_id"])
    logged = house.home.cidx("jobs", "log", job["job_id"])
    for word in [*told, error["code"]]:
        assert word in shown
        assert word in logged
    failed = house.server.events(job["job_id"])[-1]
    assert (failed["type"], failed["data"]["error"]) == ("failed", error)
    rows = [json.loads(row) for row in house.server.log().splitlines() if '"job_ended"' in row]
    [row] = [row for row in rows if row["job_id"] == job["job_id"]]
    assert (row["fault"], row["retryable"], row["status"]) == (error["code"], False, "failed")
