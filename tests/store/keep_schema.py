"""Write the text of a database of the newest schema, as the daemon of today fills it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from pathlib import Path

from house import Home, Server, curl, wait_until
from sandbox import Checkout
from schemas import EVERY, STATUSES, text_of

_GIT = """#!/bin/sh
if [ -e {hold} ]; then
    for word in "$@"; do [ "$word" != ls-remote ] || exec sleep 60; done
fi
exec {git} "$@"
"""


def main() -> None:
    """Fill a database in a temporary folder, and write its text."""
    target = text_of(EVERY[-1])
    if target.exists():
        print(f"{target}: is there")  # noqa: T201
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = filled(folder)
        connection = sqlite3.connect(database)
        text = "\n".join(connection.iterdump())
        found = connection.execute("SELECT status, repository FROM job ORDER BY 1, 2").fetchall()
        connection.close()
    assert found == sorted((status, name) for status, names in STATUSES.items() for name in names)
    pragma = f"PRAGMA user_version = {EVERY[-1]};\n"
    target.write_text(pragma + text.replace(str(folder / "remotes"), "/srv/git") + "\n", "utf-8")
    print(target)  # noqa: T201


def filled(folder: Path) -> Path:
    """Let a daemon do what gives a job of each kind, kill it, and return its database."""
    hold, program = folder / "hold", folder / "bin" / "git"
    program.parent.mkdir()
    program.write_text(_GIT.format(hold=hold, git=shutil.which("git")))
    program.chmod(0o755)
    home = Home(folder / "home")
    home.env["PATH"] = f"{program.parent}:{home.env['PATH']}"
    server = Server(home, folder / "server", more="[limits]\nrunning = 1\n")
    server.start()
    server.add_user("bob")
    server.sign_in(home)
    bob = token_of(server, "bob")
    for name in ("tools", "site", "gone", "slow"):
        origin = Checkout(folder / "remotes" / name)
        origin.commit({"a.py": f"NAME = '{name}'\n"})
        home.cidx("repo", "add", str(origin.folder))
    shutil.rmtree(folder / "remotes" / "gone")

    server.ended(sync(server, "tools", server.token, "nightly-1"))
    server.ended(sync(server, "tools", bob))
    server.ended(sync(server, "gone", server.token))
    hold.touch()
    slow = sync(server, "slow", bob)
    wait_until("a running job", lambda: server.job(slow)["status"] == "running")
    home.cidx("jobs", "cancel", slow, "--reason", "wrong one")
    server.ended(slow)
    site = sync(server, "site", server.token)
    wait_until("a running job", lambda: server.job(site)["phase"] == "fetch")
    sync(server, "slow", bob)
    sync(server, "tools", server.token, "nightly-2")
    server.kill()
    return server.folder / "data" / "cidxd.db"


def sync(server: Server, name: str, token: str, key: str = "") -> str:
    """Ask for a sync and return the job's id."""
    keyed = ("-H", f"Idempotency-Key: {key}") if key else ()
    posted = ("-H", "Content-Type: application/json", "-d", json.dumps({"repository": name}))
    status, job = curl(f"{server.url}/api/sync", token, *posted, *keyed)
    assert status == 202, job
    return str(job["job_id"])


def token_of(server: Server, name: str) -> str:
    """Log in and return the access token."""
    sent = json.dumps({"username": name, "password": "correct horse"})
    posted = ("-H", "Content-Type: application/json", "-d", sent)
    return str(curl(f"{server.url}/api/auth/login", "", *posted)[1]["access_token"])


if __name__ == "__main__":
    main()
