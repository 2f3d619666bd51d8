"""The real thing: a daemon process, a real remote, the client as users type it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import PATIENCE_S, Home, Server, Trap
from sandbox import Checkout


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "home")
    yield made
    with contextlib.suppress(subprocess.SubprocessError):
        subprocess.run(
            [sys.executable, "-m", "cidx", "down"],
            env=made.env,
            cwd=made.folder,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )


@pytest.fixture
def trap(home: Home) -> Iterator[Trap]:
    """Holds a build child of *home* at a chosen moment."""
    made = Trap(home)
    yield made
    made.release()
    made.close()


@pytest.fixture
def origin(tmp_path: Path) -> Checkout:
    """A remote with some files and two commits."""
    made = Checkout(tmp_path / "origin")
    made.commit({f"src/module_{n}.py": f"def function_{n}():\n    return {n}\n" for n in range(40)})
    made.commit({"README.md": "a demo\n", "src/needle.py": "NEEDLE = 'first'\n"})
    return made


@pytest.fixture
def server(home: Home, tmp_path: Path) -> Iterator[Server]:
    made = Server(home, tmp_path / "server")
    made.start()
    made.add_user("ada", "--admin")
    made.add_user("bob")
    yield made
    made.stop()
