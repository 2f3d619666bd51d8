"""The real thing: a daemon process, a real remote, the client as users type it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    """A daemon for many users, in a folder of its own."""

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
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the daemon and wait until it answers; on the same port as before."""
        if self.url:
            port = self.url.rpartition(":")[2]
            self.config.write_text(
                re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", self.config.read_text())
            )
        log = (self.folder / "log").open("ab")
        read_end, write_end = os.pipe()
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "cidxd", "serve", "--config", str(self.config)),
                *("--ready-fd", str(write_end)),
            ],
            env=self.home.env,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            text=True,
            pass_fds=[write_end],
        )
        log.close()
        os.close(write_end)
        with os.fdopen(read_end) as ready:
            line = ready.readline()
        assert line.startswith("READY "), self.log()
        self.url = line.split()[1]

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def log(self) -> str:
        return (self.folder / "log").read_text()

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
