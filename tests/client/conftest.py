"""A home of their own for the client's tests, a daemon to talk to, and a way to run `cidx`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cidx import local

ROOT = Path(__file__).parents[2]
FAKE = Path(__file__).with_name("fake_daemon.py")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder; nothing of the user who runs the tests is seen or changed."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith(("CIDX_", "GIT_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    return folder


class FakeDaemon:
    """The data folder of a small daemon that follows the rules of the real one."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch

    def behave(self, mode: str) -> None:
        """Let the daemons started from now on do what *mode* says (see fake_daemon)."""
        self._monkeypatch.setenv("FAKE_MODE", mode)

    def requests(self) -> list[dict[str, Any]]:
        """Return what it was asked, in order."""
        file = self.folder / "requests.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def asked(self, method: str, path: str) -> list[dict[str, Any]]:
        return [one for one in self.requests() if (one["method"], one["path"]) == (method, path)]

    def runtime(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.folder / "daemon.json").read_text())
        return content

    def kill(self) -> None:
        """End it as kill -9 does: its runtime file stays behind."""
        os.kill(self.runtime()["pid"], signal.SIGKILL)
        while local.is_locked(self.folder):
            pass


@pytest.fixture
def daemon(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A `cidxd` that stands first on the path of every child; stopped at the end."""
    package = tmp_path / "path" / "cidxd"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(FAKE.read_text())
    monkeypatch.setenv("PYTHONPATH", f"{package.parent}{os.pathsep}{ROOT}")
    fake = FakeDaemon(home / "data" / "cidx", monkeypatch)
    yield fake
    local.stop(fake.folder)


class Ran(NamedTuple):
    """What a run of `cidx` printed and ended with."""

    code: int
    out: str
    err: str


def run(*arguments: str, cwd: Path | None = None, stdin: str = "") -> Ran:
    """Run `python -m cidx` as a user would."""
    done = subprocess.run(
        [sys.executable, "-m", "cidx", *arguments],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def cidx() -> Any:
    """Run `cidx` in a process of its own."""
    return run
