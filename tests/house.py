"""The real thing: a daemon process, a real remote, the client as users type it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from remote import Lie, RemoteThread

ROOT = Path(__file__).parent.parent
PATIENCE_S = 60.0


class Home:
    """A user's empty home, and the programs as that user runs them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self.env = {
            **kept,
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ada",
            "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "Ada",
            "GIT_COMMITTER_EMAIL": "ada@example.org",
        }

    def start(
        self, *argv: str, cwd: Path | None = None, stderr: int = subprocess.PIPE
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", *argv],
            env=self.env,
            cwd=cwd or self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )

    def run(
        self, *argv: str, cwd: Path | None = None, stdin: str = "", code: int = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run `python -m ARGV` to its end and hold its exit code against *code*."""
        done = subprocess.run(
            [sys.executable, "-m", *argv],
            env=self.env,
            cwd=cwd or self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        said = f"{argv}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == code, said
        assert "Traceback" not in done.stderr, said
        return done

    def cidx(self, *argv: str, cwd: Path | None = None, stdin: str = "", code: int = 0) -> str:
        return self.run("cidx", *argv, cwd=cwd, stdin=stdin, code=code).stdout

    def json(self, *argv: str, cwd: Path | None = None, code: int = 0) -> Any:
        return json.loads(self.cidx(*argv, "--json", cwd=cwd, code=code))

    def error(self, *argv: str, code: int, cwd: Path | None = None) -> str:
        return self.run("cidx", *argv, cwd=cwd, code=code).stderr


class Server:
    """
    A daemon for many users, in a folder of its own.

    Attributes:
        starter: A command that becomes the daemon; none as a rule.
        inherited: Descriptors that it is given.
    """

    def __init__(self, home: Home, folder: Path, *, more: str = "") -> None:
        self.home = home
        self.folder = folder
        self.config = folder / "cidxd.toml"
        folder.mkdir(parents=True, exist_ok=True)
        self.config.write_text(
            f'[server]\nlisten = "127.0.0.1:0"\ndata = "{folder / "data"}"\n'
            f"[remotes]\nallow_local = true\n{more}"
        )
        self.url = ""
        self.token = ""
        self.process: subprocess.Popen[str] | None = None
        self.starter: tuple[str, ...] = ()
        self.inherited: tuple[int, ...] = ()

    def start(self) -> None:
        """Start the daemon and wait until it answers; on the same port as before."""
        assert self.started("-m", "cidxd"), self.log()

    def started(self, *program: str) -> bool:
        """Start *program* as the daemon; return whether it came so far that it answers."""
        if self.url:
            port = self.url.rpartition(":")[2]
            self.config.write_text(
                re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", self.config.read_text())
            )
        log = (self.folder / "log").open("ab")
        read_end, write_end = os.pipe()
        self.process = subprocess.Popen(
            [
                *(*self.starter, sys.executable, *program, "serve", "--config", str(self.config)),
                *("--ready-fd", str(write_end)),
            ],
            env=self.home.env,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            text=True,
            pass_fds=[write_end, *self.inherited],
        )
        log.close()
        os.close(write_end)
        with os.fdopen(read_end) as ready:
            line = ready.readline()
        if line.startswith("READY "):
            self.url = line.split()[1]
        return bool(line)

    def kill(self) -> list[Process]:
        """Kill the daemon as -9 does, and return the processes that it had."""
        assert self.process is not None
        family = descendants(self.process.pid)
        self.process.kill()
        self.process.wait()
        return family

    def signal(self, signum: int) -> None:
        assert self.process is not None
        self.process.send_signal(signum)

    def stop(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def sign_in(self, home: Home, name: str = "ada") -> None:
        """Add an administrator, and let *home* and `ask` use a token of theirs."""
        user = {"name": name, "password": "correct horse", "role": "admin"}
        posted = ("-H", "Content-Type: application/json", "-d", json.dumps(user))
        socket = str(self.folder / "data" / "admin.sock")
        status, _ = curl("http://admin/users", "", "--unix-socket", socket, *posted)
        assert status == 201
        sent = {"username": name, "password": "correct horse"}
        posted = ("-H", "Content-Type: application/json", "-d", json.dumps(sent))
        status, answer = curl(f"{self.url}/api/auth/login", "", *posted)
        assert status == 200, answer
        self.token = answer["access_token"]
        home.env.update(CIDX_SERVER=self.url, CIDX_TOKEN=self.token)

    def ask(self, path: str) -> Any:
        """Return what GET *path* answers to the one who signed in."""
        status, answer = curl(f"{self.url}{path}", self.token)
        assert status == 200, answer
        return answer

    def readiness(self) -> tuple[int, list[str]]:
        """Return the status of /readyz, and its reasons."""
        status, document = curl(f"{self.url}/readyz")
        return status, document["reasons"]

    def submit(self, name: str) -> tuple[int, Any]:
        """Ask for a sync of *name* as the one who signed in; see `headers`."""
        posted = ("-H", "Content-Type: application/json", "-d", json.dumps({"repository": name}))
        told = ("-D", str(self.folder / "headers"))
        return curl(f"{self.url}/api/sync", self.token, *posted, *told)

    def headers(self) -> list[str]:
        """Return the header lines of the last answer to `submit`."""
        return (self.folder / "headers").read_text().splitlines()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Have another program lock the database."""
        connection = sqlite3.connect(self.folder / "data" / "cidxd.db", isolation_level=None)
        try:
            connection.execute("BEGIN EXCLUSIVE")
            yield
            connection.execute("ROLLBACK")
        finally:
            connection.close()

    def job(self, job_id: str) -> Any:
        return self.ask(f"/api/jobs/{job_id}")

    def ended(self, job_id: str) -> Any:
        """Return the job once it has ended."""

        def final() -> Any:
            job = self.job(job_id)
            return job if job["status"] in {"completed", "failed", "cancelled"} else None

        return wait_until(f"the end of {job_id}", final)

    def events(self, job_id: str) -> list[Any]:
        """Return all events of the job; they count from 1 without a gap."""
        events: list[Any] = self.ask(f"/api/jobs/{job_id}/events?after=0&limit=5000")["events"]
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        return events

    def add_user(self, name: str, *more: str) -> None:
        self.home.run(
            *("cidxd", "user", "add", name, "--password-stdin", "--config", str(self.config)),
            *more,
            stdin="correct horse\n",
        )

    def log_in(self, home: Home, name: str = "ada") -> str:
        """Log *home* in as *name* and return a bearer token for curl."""
        home.cidx(
            *("login", self.url, "--username", name, "--password-stdin"), stdin="correct horse\n"
        )
        return home.cidx("auth", "token").strip()


class HeldRemote(RemoteThread):
    """A remote that says what it has, and on order does not send it before it is released."""

    _seen: int | None = None

    def hold(self) -> None:
        """Hold the transfer of the next fetch."""
        self._loop.call_soon_threadsafe(self._released.clear)
        self._seen = self._posts()

    def is_holding(self) -> bool:
        # Of the three, ls-remote asks the first, and fetch the second, for the same list.
        return self._seen is not None and self._posts() > self._seen + 2

    def release(self) -> None:
        self._seen = None
        self._loop.call_soon_threadsafe(self._released.set)

    def _lie_for(self, path: str) -> Lie:
        is_held = path.endswith("upload-pack") and self.is_holding()
        return Lie(hang=True) if is_held else super()._lie_for(path)

    def _posts(self) -> int:
        return sum(request.startswith("POST") for request in self.requests)


class Trap:
    """
    Holds a build child still at a chosen moment, from outside the product.

    Programs started from *home* load a `sitecustomize` of its own. An armed trap springs
    once: at an audit event (`sys.addaudithook`), at "said", after a word to the daemon, or at
    "exit", after the last one.
    """

    def __init__(self, home: Home) -> None:
        self.folder = home.folder / "trap"
        self.folder.mkdir()
        (self.folder / "sitecustomize.py").write_text(_SITECUSTOMIZE)
        home.env["PYTHONPATH"] = f"{self.folder}:{home.env['PYTHONPATH']}"
        self._gate = os.open(self.folder / "gate", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)

    def arm(self, event: str, word: str = "") -> None:
        """Hold the next build child that comes to *event* with *word* in its arguments."""
        fcntl.flock(self._gate, fcntl.LOCK_EX)
        (self.folder / "caught").unlink(missing_ok=True)
        (self.folder / "armed").write_text(f"{event}\n{word}")

    def caught(self) -> int:
        """Wait until a child is held; return its process id."""
        caught = self.folder / "caught"
        return int(wait_until("a held child", lambda: caught.exists() and caught.read_text()))

    def release(self) -> None:
        fcntl.flock(self._gate, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self._gate)


_SITECUSTOMIZE = """
import fcntl, os, sys

FOLDER = os.path.dirname(__file__)


def hold(event, arguments):
    if event not in ("os.rename", "subprocess.Popen", "said", "exit"):
        return
    try:
        with open(FOLDER + "/armed") as file:
            wanted, word = file.read().split("\\n")
    except FileNotFoundError:
        return
    if event != wanted or word not in str(arguments):
        return
    os.unlink(FOLDER + "/armed")
    with open(FOLDER + "/caught.new", "w") as file:
        file.write(str(os.getpid()))
    os.link(FOLDER + "/caught.new", FOLDER + "/caught")
    with open(FOLDER + "/gate") as gate:
        fcntl.flock(gate, fcntl.LOCK_SH)


if sys.orig_argv[-3:] == ["-m", "cidxd.indexer", "build"]:
    sys.addaudithook(hold)
    write, leave = os.write, os._exit  # the child's words, and its way out past atexit

    def write_and_hold(descriptor, data):
        count = write(descriptor, data)
        if descriptor == 1:
            hold("said", bytes(data).decode())
        return count

    def hold_and_leave(code):
        hold("exit", ())
        leave(code)

    os.write, os._exit = write_and_hold, hold_and_leave
"""


class Process(NamedTuple):
    """A process; the time of its start tells it from a later one of the same number."""

    pid: int
    started: str

    @property
    def is_alive(self) -> bool:
        return _stat(self.pid)[1:] == (self.started,)


def descendants(pid: int) -> list[Process]:
    """Return the children of process *pid*, and theirs."""
    numbers = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    stats = {number: _stat(number) for number in numbers}
    found: list[Process] = []
    parents = {str(pid)}
    while children := [n for n, stat in stats.items() if stat and stat[0] in parents]:
        found += [Process(number, stats[number][1]) for number in children]
        parents = {str(number) for number in children}
    return found


def wait_for_end(processes: list[Process]) -> None:
    wait_until(f"the end of {processes}", lambda: not any(p.is_alive for p in processes))


def _stat(pid: int) -> tuple[str, ...]:
    """Return parent and start of a process; empty when it is no more, or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ()
    return () if fields[0] == "Z" else (fields[1], fields[19])


@contextlib.contextmanager
def hosted(folder: Path, *, more: str = "") -> Iterator[tuple[Home, Server]]:
    """One signed-in home and its daemon, which must end well and without a traceback."""
    home = Home(folder / "home")
    server = Server(home, folder / "server", more=more)
    server.start()
    server.sign_in(home)
    yield home, server
    assert server.stop() == 0
    assert "Traceback" not in server.log(), server.log()


def curl(url: str, token: str = "", *more: str) -> tuple[int, Any]:
    """Ask as people do with curl; return the status and the JSON."""
    header = ["-H", f"Authorization: Bearer {token}"] if token else []
    done = subprocess.run(
        ["curl", "-sS", "-w", "\n%{http_code}", *header, *more, url],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body) if body else None


def wait_until(what: str, is_so: Callable[[], Any]) -> Any:
    """Wait for something that another process does; name it when it does not come."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if found := is_so():
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {PATIENCE_S:.0f} s for {what}")
