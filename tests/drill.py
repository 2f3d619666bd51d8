"""
A drill: one fault of the outside world, driven through a daemon that others drive too.

A scenario is a generator.  It yields three times at most:

    the address of a sound remote    it is registered, and synced well
    None                             the fault is there: a sync is watched
    None                             it is over: the next sync must end well
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import json
import random
import sqlite3
import subprocess
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import pytest
from house import Home, Server, curl
from sandbox import Checkout
from tls_remote import Authority

PATIENCE_S = 150.0
NEEDLE = "NEEDLE"


@dataclasses.dataclass
class Stage:
    """
    What a scenario has to hand.

    Attributes:
        name: Of its repository.
        folder: Its own.
        origin: A checkout that can serve as the remote, with some forty objects.
        trusted: The authority that the daemon trusts.
        ssh: The folder with the `identity` and the `known_hosts` of the daemon's ssh.
        hosts: The daemon's /etc/hosts.
        registered_with: More that its repository is added with.
        asked_with: More that the command `cidx sync` is given.
    """

    name: str
    folder: Path
    origin: Checkout
    trusted: Authority
    server: Server
    ssh: Path
    hosts: Path
    registered_with: dict[str, Any] = dataclasses.field(default_factory=dict)
    asked_with: tuple[str, ...] = ()

    @property
    def home(self) -> Path:
        """The folder that the daemon keeps for this repository."""
        database = self.server.folder / "data" / "cidxd.db"
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as read:
            asked = read.execute(
                "SELECT repository_id FROM repository WHERE name = ?", (self.name,)
            )
            return self.server.folder / "data" / "repositories" / str(asked.fetchone()[0])

    @property
    def mirror(self) -> Path:
        return self.home / "mirror.git"

    def change(self, files: Mapping[str | bytes, bytes | str | None] | None = None) -> str:
        """Commit something, so that the next sync has something to fetch."""
        return self.origin.commit(dict(files or {"needle.py": f"{NEEDLE} = 'second'\n"}))

    def set(self, **body: Any) -> None:
        """Change what is registered."""
        sent = ["-X", "PATCH", "-H", "Content-Type: application/json", "-d", json.dumps(body)]
        server = self.server
        status, answer = curl(f"{server.url}/api/repositories/{self.name}", server.token, *sent)
        assert status == 200, answer

    def change_much(self, files: int) -> str:
        """Commit what makes a pack of as many kilobytes as there are *files*."""
        dice = random.Random(files)  # noqa: S311 - what does not compress, the same each time
        return self.change({f"much/{n}": dice.randbytes(1000) for n in range(files)})


Scenario = Callable[[Stage], Generator[str | None]]


@dataclasses.dataclass(frozen=True)
class Row:
    """
    A fault, and what is to become of a sync under it.

    Attributes:
        fault: Its words in the page.
        code: Of the first attempt; "" if that ends well.
        ends: Status and outcome of the job.
        log: What a line of the job's log has, as a regular expression.
        attempts: How many of the two there may be are made.
        is_outage: Nothing that was fetched may be lost of it, nor fetched again.
    """

    fault: str
    scenario: Scenario
    code: str = ""
    ends: str = "failed"
    log: str = ""
    attempts: int = 1
    is_outage: bool = True
    marks: tuple[pytest.MarkDecorator, ...] = ()

    @property
    def name(self) -> str:
        return self.scenario.__name__.replace("_", "-")


@dataclasses.dataclass
class Seen:
    """What a user saw of one sync, and what was to be seen on the disk."""

    job: Any
    told: str
    exit_code: int
    log: str
    lines: list[str]  # that searches found meanwhile, and last afterwards
    mirrors: list[int]  # inodes that the mirror had then; 0 where there was none
    packs: tuple[set[str], set[str]]  # before and after
    afterwards: Any = None  # the job after the fault was over
    objects: tuple[int, int] = (0, 0)  # that were fetched before, and that there are in the end

    @property
    def ending(self) -> str:
        """Status and outcome of the job."""
        return ", ".join(filter(None, [self.job["status"], self.job["outcome"]]))

    @property
    def fault(self) -> Any:
        """The fault of the first attempt, None if that ended well."""
        return self.job["attempts"][0]["error"]


class Drills:
    """Drives rows, some at once; ask each for what was seen."""

    def __init__(self, home: Home, server: Server, folder: Path, trusted: Authority) -> None:
        self._home = home
        self._server = server
        self._folder = folder
        self._trusted = trusted
        self._pool = concurrent.futures.ThreadPoolExecutor(14)
        self._seen: dict[str, concurrent.futures.Future[Seen]] = {}
        self.driven: list[Row] = []

    def begin(self, rows: list[Row]) -> None:
        self.driven += rows
        for row in rows:
            self._seen[row.name] = self._pool.submit(self._drive, row)

    def seen(self, row: Row) -> Seen:
        if row.name not in self._seen:
            self.begin([row])
        return self._seen[row.name].result(PATIENCE_S)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _drive(self, row: Row) -> Seen:
        stage = self._stage(row.name)
        scenario = row.scenario(stage)
        with contextlib.closing(scenario):
            # Of its own also where a port is one that another remote had.
            remote = (next(scenario) or "").replace("/repo.git", f"/{row.name}/repo.git")
            body = {"remote": remote, "name": row.name, **stage.registered_with}
            status, answer = post(self._server, "/api/repositories", **body)
            assert status == 201, answer
            first = self._synced(row.name)
            assert first["status"] == "completed", first["attempts"]
            assert next(scenario) is None
            seen = self._watched(stage)
            with contextlib.suppress(StopIteration):
                next(scenario)
                seen.afterwards = self._synced(row.name)
                there = stage.origin.git("rev-list", "--objects", "--all").splitlines()
                seen.objects = (first["summary"]["objects_received"], len(there))
                next(scenario)
        return seen

    def _stage(self, name: str) -> Stage:
        folder = self._folder / name
        origin = Checkout(folder / "origin")
        dice = random.Random(name)  # noqa: S311 - what does not compress, the same each time
        noise: dict[str | bytes, bytes | str | None] = {
            f"src/{n}/a.txt": dice.randbytes(700).hex() for n in range(20)
        }
        origin.commit(noise | {"needle.py": f"{NEEDLE} = 'first'\n"})
        home = self._home.folder
        return Stage(
            *(name, folder, origin, self._trusted, self._server),
            ssh=home / "ssh",
            hosts=home / "hosts",
        )

    def _synced(self, name: str) -> Any:
        """Return the job of a sync of *name* once it has ended."""
        status, job = post(self._server, "/api/sync", prefer="wait=120", repository=name)
        assert status in {200, 202}, job
        return self._server.ended(job["job_id"])

    def _watched(self, stage: Stage) -> Seen:
        packs, mirrors, lines = packs_of(stage.mirror), list[int](), list[str]()
        argv = ("cidx", "sync", stage.name, "--timeout", str(PATIENCE_S), *stage.asked_with)
        process = self._home.start(*argv)
        while process.poll() is None:
            mirrors.append(stage.mirror.stat().st_ino if stage.mirror.exists() else 0)
            lines.append(self._found(stage.name))
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
        lines.append(self._found(stage.name))
        mirrors.append(stage.mirror.stat().st_ino)
        out, err = process.communicate()
        [newest, *_] = self._server.ask(f"/api/jobs?repository={stage.name}")["jobs"]
        job = self._server.ended(newest["job_id"])
        log = self._log(job["job_id"])
        after = packs_of(stage.mirror)
        code = process.returncode
        return Seen(job, out + err, code, log, lines, mirrors, (packs, after))

    def _log(self, job_id: str) -> str:
        url = f"{self._server.url}/api/jobs/{job_id}/log"
        asked = ["curl", "-sS", "-H", f"Authorization: Bearer {self._server.token}", url]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout

    def _found(self, name: str) -> str:
        """Return the one line that has the needle."""
        status, answer = post(self._server, "/api/search", q=NEEDLE, repository=[name])
        assert status == 200, answer
        [match] = answer["matches"]
        return str(match["text"])


def post(server: Server, path: str, *, prefer: str = "", **body: Any) -> tuple[int, Any]:
    sent = ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    preferred = ["-H", f"Prefer: {prefer}"] if prefer else []
    return curl(f"{server.url}{path}", server.token, *sent, *preferred)


def packs_of(mirror: Path) -> set[str]:
    return {path.name for path in mirror.glob("objects/pack/*.pack")}
