"""A real repository to measure on: this Python's standard library, committed to git."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

ENV = {
    **os.environ,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Bench",
    "GIT_AUTHOR_EMAIL": "bench@example.org",
    "GIT_COMMITTER_NAME": "Bench",
    "GIT_COMMITTER_EMAIL": "bench@example.org",
    "LC_ALL": "C.UTF-8",
}


def git(folder: Path, *argv: str, stdin: bytes | None = None) -> bytes:
    done = subprocess.run(
        ["git", *argv], cwd=folder, env=ENV, input=stdin, capture_output=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"git {argv}: {done.stderr.decode('utf-8', 'replace')}")
    return done.stdout


def standard_library(folder: Path) -> Path:
    """Commit the standard library (without site-packages and caches) at *folder*."""
    source = Path(sysconfig.get_path("stdlib"))
    skipped = shutil.ignore_patterns("site-packages", "__pycache__")
    shutil.copytree(source, folder, ignore=skipped, symlinks=True)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A", "-f")
    git(folder, "commit", "-q", "-m", "the standard library")
    git(folder, "gc", "-q")
    return folder


def change_one_file(folder: Path, number: int) -> None:
    """Commit a small change to one file."""
    path = folder / "argparse.py"
    path.write_text(f"{path.read_text()}\n# change {number}\n")
    git(folder, "commit", "-q", "-am", f"change {number}")


def size_bytes(folder: Path) -> int:
    """Return the bytes of all files of HEAD."""
    lines = git(folder, "ls-tree", "-r", "-l", "HEAD").split(b"\n")
    return sum(int(line.split()[3]) for line in lines if line and line.split()[1] == b"blob")
