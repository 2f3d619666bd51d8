"""A cancel while the job waits, in each of its phases, and while the daemon stops."""

from __future__ import annotations

import json
import os
import random
import re
import signal
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from house import Home, Process, Server, Trap, curl, descendants, wait_for_end, wait_until
from remote import Lie, RemoteThread
from sandbox import Checkout

CANCEL_S: Final = 5.0
FILES: Final = 120  # more objects than git unpacks one by one
# What is whole is kept: objects that came, the refs to them, and what the next build goes on with.
# The seal is the only thing that goes: it says that nothing was written since the last publish.
KEPT: Final = re.compile(
    r"mirror\.git/(objects/(pack/pack-\w+\.(pack|idx|rev)|[0-9a-f]{2}(/\w+)?)|FETCH_HEAD"
    r"|packed-refs|refs/.+)|index/epoch-\w+/(segments/\w+\.seg|catalog\.(seal|db-(wal|shm)))"
)
HELD_AT: Final = {
    "diff": ("said", '{"type":"phase","name":"diff"}'),
    "index": ("os.rename", ".seg"),
    "validate": ("said", '{"type":"phase","name":"validate"}'),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("cancel") / "home")


@pytest.fixture(scope="module")
def trap(home: Home) -> Iterator[Trap]:
    made = Trap(home)
    yield made
    made.release()
    made.close()


@pytest.fixture(scope="module")
def daemon(home: Home, trap: Trap, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One daemon for all of this file; it may stop meanwhile."""
    del trap  # its environment is the daemon's
    made = Server(home, tmp_path_factory.mktemp("server"), more="[limits]\ndrain_seconds = 600\n")
    made.start()
    made.sign_in(home)
    yield made
    made.signal(signal.SIGTERM)
    assert made.stop() == 0
    assert "Traceback" not in made.log()


class Demo:
    """
    A repository that was synced once, and whose remote has something new since.

    Attributes:
        folder: Where the daemon keeps it.
        listed: What was there before the sync that is cancelled.
        job_id: That sync.
    """

    def __init__(self, home: Home, server: Server, trap: Trap, remote: RemoteThread) -> None:
        self.home, self.server, self.trap, self.remote = home, server, trap, remote
        self.name = "demo"
        self.job_id = ""
        self.folder = Path()
        self.listed: set[str] = set()

    def register(self) -> None:
        folders = self.server.folder / "data" / "repositories"
        known = set(folders.iterdir()) if folders.exists() else set()
        self.name = self.home.json("repo", "add", self.remote.url)["name"]
        number = max((int(path.name) for path in known), default=0) + 1
        self.folder = folders / str(number)

    def prepare(self, origin: Checkout) -> None:
        origin.commit({"needle.py": "NEEDLE = 'first'\n", "other.py": "x = 1\n"})
        self.register()
        self.home.cidx("sync", self.name, "--timeout", "60")
        self.commit_much(origin)
        self.listed = self.files()

    @staticmethod
    def commit_much(origin: Checkout) -> None:
        dice = random.Random(7)  # noqa: S311 - what does not compress
        noise: dict[str | bytes, str | bytes | None] = {
            f"noise/{n}": dice.randbytes(4000).hex() for n in range(FILES)
        }
        origin.commit({**noise, "needle.py": "NEEDLE = 'second'\n"})

    def files(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}

    def needle(self) -> str:
        """Return what the index answers with: first or second."""
        return self.home.cidx("query", "NEEDLE", "--repo", self.name).strip().split("'")[1]

    def hold(self, phase: str, *more: str) -> None:
        """Begin a sync, and hold it in *phase*."""
        if phase == "fetch":
            self.remote.lie = Lie(bytes_per_s=50_000, only_service="git-upload-pack")
        else:
            self.trap.arm(*HELD_AT[phase])
        self.job_id = self.home.json("sync", self.name, *more)["job_id"]
        if phase == "fetch":
            wait_until("half a pack", lambda: any("tmp_pack" in name for name in self.files()))
        else:
            self.trap.caught()
        wait_until(phase, lambda: self.server.job(self.job_id)["phase"] == phase)

    def processes(self) -> list[Process]:
        """Return what runs for a sync, now."""
        assert self.server.process is not None
        mine = [one for one in descendants(self.server.process.pid) if not _is_of_others(one)]
        assert mine
        return mine

    def cancel(self, reason: str) -> Any:
        posted = ("-H", "Content-Type: application/json", "-d", json.dumps({"reason": reason}))
        url = f"{self.server.url}/api/jobs/{self.job_id}/cancel"
        status, job = curl(url, self.server.token, *posted)
        assert status == 200, job
        return job

    def is_cancelled(self) -> Any:
        """Hold the job to have ended in time, with who and why; return it."""
        job = self.server.ended(self.job_id)
        asked_at, ended_at = job["cancel"]["at"], job["finished_at"]
        took = datetime.fromisoformat(ended_at) - datetime.fromisoformat(asked_at)
        assert took.total_seconds() <= CANCEL_S
        assert (job["status"], job["outcome"], job["phase"]) == ("cancelled", None, None)
        assert (job["cancel"]["requested_by"], job["cancel"]["reason"]) == ("ada", "enough")
        last = self.server.events(self.job_id)[-1]
        assert last["type"] == "cancelled"
        assert (last["data"]["requested_by"], last["data"]["reason"]) == ("ada", "enough")
        return job

    def is_tidy(self) -> bool:
        """Hold the folder to have nothing that is half done, and all that was there before."""
        now = self.files()
        assert [name for name in self.listed ^ now if not KEPT.fullmatch(name)] == []
        return True

    def goes_on(self) -> bool:
        """Hold the next sync to do what the cancelled one did not."""
        self.trap.release()
        self.remote.lie = None
        job = self.home.json("sync", self.name, "--timeout", "60")
        assert (job["status"], job["outcome"]) == ("completed", "updated")
        return self.needle() == "second"


@pytest.fixture
def origin(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "origin")


@pytest.fixture
def remote(origin: Checkout) -> Iterator[RemoteThread]:
    with RemoteThread(origin.folder) as made:
        yield made


@pytest.fixture
def demo(
    home: Home, daemon: Server, trap: Trap, origin: Checkout, remote: RemoteThread
) -> Iterator[Demo]:
    made = Demo(home, daemon, trap, remote)
    made.prepare(origin)
    yield made
    trap.release()


@pytest.fixture
def fresh(home: Home, daemon: Server, trap: Trap, origin: Checkout, remote: RemoteThread) -> Demo:
    """A repository that was never synced."""
    made = Demo(home, daemon, trap, remote)
    made.commit_much(origin)
    made.register()
    return made


@pytest.mark.parametrize(
    ("phase", "more"),
    [("fetch", ()), ("diff", ()), ("index", ()), ("validate", ()), ("validate", ("--full",))],
)
def test_a_cancel_ends_the_job_in_every_phase(
    demo: Demo, phase: str, more: tuple[str, ...]
) -> None:
    demo.hold(phase, *more)
    running = demo.processes()
    assert demo.cancel("enough")["status"] == "running"
    job = demo.is_cancelled()
    assert not any(process.is_alive for process in running)
    assert demo.is_tidy()
    assert demo.needle() == "first", "the last generation goes on answering"
    statuses = {record["name"]: record["status"] for record in job["phases"]}
    assert statuses[phase] == "cancelled"
    assert demo.cancel("again")["cancel"] == job["cancel"], "twice is harmless"
    assert demo.goes_on()


def test_a_cancel_during_a_clone_leaves_no_orphan_directory(fresh: Demo) -> None:
    fresh.hold("fetch")
    assert {path.name for path in fresh.folder.iterdir()} == {"lock", "mirror.git.new"}
    fresh.cancel("enough")
    fresh.is_cancelled()
    assert {path.name for path in fresh.folder.iterdir()} == {"lock"}
    assert not any("tmp" in name or name.endswith(".lock") for name in fresh.files())
    assert fresh.goes_on()


@pytest.mark.parametrize("phase", ["fetch", "index", "validate"])
def test_a_cancel_of_children_that_do_not_listen_leaves_nothing_either(
    demo: Demo, phase: str
) -> None:
    demo.hold(phase, "--full")
    running = demo.processes()
    for process in running:
        os.kill(process.pid, signal.SIGSTOP)
    demo.cancel("enough")
    demo.is_cancelled()
    wait_for_end(running)
    assert demo.is_tidy()
    assert demo.needle() == "first"
    assert demo.goes_on()


def test_a_queued_job_is_cancelled_at_once(demo: Demo) -> None:
    demo.home.cidx("jobs", "pause", "--reason", "a test")
    try:
        demo.job_id = demo.home.json("sync", demo.name)["job_id"]
        assert demo.cancel("enough")["status"] == "cancelled"
    finally:
        demo.home.cidx("jobs", "resume")
    assert demo.is_cancelled()["attempts"] == []
    assert demo.is_tidy()
    assert demo.goes_on()


def test_a_job_in_its_back_off_is_cancelled_at_once(demo: Demo) -> None:
    demo.remote.lie = Lie(status=503)
    demo.job_id = demo.home.json("sync", demo.name)["job_id"]
    wait_until("the back-off", lambda: demo.server.events(demo.job_id)[-1]["type"] == "deferred")
    assert demo.cancel("enough")["status"] == "cancelled"
    [attempt] = demo.is_cancelled()["attempts"]
    assert attempt["error"]["code"] == "remote-unavailable"
    assert demo.is_tidy()
    assert demo.goes_on()


def test_a_cancel_while_the_daemon_stops_is_taken_and_not_undone_by_the_next_start(
    demo: Demo,
) -> None:
    demo.hold("diff")
    before = demo.server.log().count("stopping")
    demo.server.signal(signal.SIGTERM)
    wait_until("its word", lambda: demo.server.log().count("stopping") > before)
    assert demo.cancel("enough")["status"] == "running"
    assert demo.server.process is not None
    assert demo.server.process.wait(CANCEL_S) == 0, "it does not wait any longer"
    demo.server.start()
    demo.is_cancelled()
    assert demo.is_tidy()
    assert demo.goes_on()


def _is_of_others(process: Process) -> bool:
    """Whether it answers searches, or looks after an index, or has just ended."""
    try:
        argv = Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")
    except FileNotFoundError:
        return True
    return b"search" in argv or b"upkeep" in argv
