"""
How long the client takes to start, beside an interpreter that only imports what it needs.

    python bench/startup.py [ROUNDS]

`cidx jobs show` asks a real daemon on this machine; the bare interpreter asks nobody.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from daemon import Daemon
from stopwatch import alternating
from tables import Row, targets

_ROUNDS = 40
_BARE = "import click"
_WEB = "import click, http.client, json"


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else _ROUNDS
    with tempfile.TemporaryDirectory() as scratch, Daemon(Path(scratch) / "it") as daemon:
        job_id = _job(daemon, Path(scratch))

        def run(*arguments: str) -> None:
            subprocess.run(
                [sys.executable, *arguments], env=daemon.env, check=True, stdout=subprocess.DEVNULL
            )

        took = alternating(
            {
                "version": lambda: run("-m", "cidx", "--version"),
                "click": lambda: run("-c", _BARE),
                "show": lambda: run("-m", "cidx", "jobs", "show", job_id),
                "web": lambda: run("-c", _WEB),
            },
            rounds,
        )
    rows = [
        Row("`cidx --version`", took["version"], f"`python -c '{_BARE}'`", took["click"], 1.3),
        Row("`cidx jobs show ID`", took["show"], f"`python -c '{_WEB}'`", took["web"], 1.5),
    ]
    sys.stdout.write(targets(rows) + "\n")


def _job(daemon: Daemon, scratch: Path) -> str:
    origin = scratch / "origin"
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", "init", "-q", str(origin)], check=True)
    commit = ("commit", "-q", "--allow-empty", "-m", "one")
    subprocess.run(["git", "-C", str(origin), *who, *commit], check=True)
    daemon.ask("POST", "/api/repositories", {"remote": str(origin), "name": "it"})
    _, job = daemon.ask("POST", "/api/sync", {"repository": "it"}, Prefer="wait=60")
    return str(job["job_id"])


if __name__ == "__main__":
    main()
