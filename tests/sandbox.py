"""Real git repositories in a temporary folder, for every test that needs one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

_ENV = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "LC_ALL": "C",
}


def git(folder: Path | str, *args: str, stdin: bytes | None = None) -> str:
    """Run git in *folder* and return its output, stripped."""
    done = subprocess.run(
        ["git", *args],
        cwd=folder,
        input=stdin,
        capture_output=True,
        check=True,
        env={**os.environ, **_ENV},
    )
    return done.stdout.decode("utf-8", "surrogateescape").strip()


class Checkout:
    """A work tree with commits; its folder can serve as a remote as it is."""

    def __init__(self, folder: Path, *, branch: str = "main") -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        git(folder, "init", "-q", "-b", branch)

    def git(self, *args: str) -> str:
        return git(self.folder, *args)

    def commit(self, files: dict[str | bytes, bytes | str | None], message: str = "change") -> str:
        """Write *files* (None deletes one), commit everything, return the commit's id."""
        for name, content in files.items():
            path = self.folder / os.fsdecode(name)
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.head()

    def head(self, name: str = "HEAD") -> str:
        return self.git("rev-parse", name)

    def mirror(self, to: Path) -> Path:
        """Clone to a bare mirror at *to*; called again it fetches."""
        if to.exists():
            git(to, "fetch", "-q", "--prune", str(self.folder), "+refs/heads/*:refs/heads/*")
        else:
            git(self.folder, "clone", "-q", "--mirror", str(self.folder), str(to))
        return to


def moves(ready: Any) -> list[dict[str, Any]]:
    """Return where each branch went, as a `ready` tells it; each commit has a time of its own."""
    told: list[dict[str, Any]] = [dict(move) for move in ready["commits"]]
    assert all(move.pop("committed_at").endswith("Z") for move in told)
    return told
