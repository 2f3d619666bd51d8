"""Schedules, webhooks and the registry as a person on the command line meets them."""

from __future__ import annotations

import hashlib
import hmac
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from house import HeldRemote, Home, Server, curl, wait_until
from sandbox import Checkout


@pytest.fixture
def daemon(home: Home, tmp_path: Path) -> Iterator[Server]:
    made = Server(home, tmp_path / "server")
    made.start()
    made.sign_in(home)
    yield made
    made.stop()


@pytest.fixture
def origin(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "origin")
    made.commit({"a.py": "NEEDLE = 1\n"})
    return made


def test_the_registry_as_a_person_meets_it(
    home: Home, daemon: Server, origin: Checkout, tmp_path: Path
) -> None:
    assert daemon.readiness() == (200, [])
    added = home.json("repo", "add", str(origin.folder), "--name", "tool", "--schedule", "off")
    assert (added["schedule"], added["next_sync"]) == (None, None)
    home.cidx("sync", "tool", "--timeout", "60")
    checkout = Checkout(tmp_path / "checkout")
    checkout.git("remote", "add", "origin", str(origin.folder))
    home.cidx("link", cwd=checkout.folder)

    nightly = ("--schedule", "30 3 * * *", "--timezone", "Europe/Berlin")
    shown = home.cidx("repo", "set", "tool", "--name", "kit", *nightly)
    assert shown.startswith("kit\n")
    assert "schedule  30 3 * * * in Europe/Berlin\n  next sync in " in shown
    assert "next sync in" in home.cidx("status", cwd=checkout.folder)
    assert len(home.json("jobs", "list", "--repo", "kit")["jobs"]) == 1
    home.cidx("sync", "--timeout", "60", cwd=checkout.folder)  # linked under the old name
    assert len(home.json("jobs", "list", "--repo", "kit")["jobs"]) == 2

    other = Checkout(tmp_path / "other")
    other.commit({"b.py": "B = 1\n"})
    for argv, code, words in (
        (("add", str(origin.folder)), 1, "registered already: kit"),
        (("add", str(tmp_path / "nothing")), 1, "remote-not-found|does not exist"),
        (("add", str(other.folder), "--name", "kit"), 1, "of that name: kit"),
        (("set", "kitt", "--schedule", "off"), 1, "did you mean kit?"),
        (("set", "kit", "--schedule", "daily"), 2, "not a schedule: 'daily'"),
        (("set", "kit", "--schedule", "61 * * * *"), 1, "not a cron expression"),
        (("set", "kit", "--schedule", "off", "--timezone", "UTC"), 2, "belongs to a cron"),
        (("set", "kit", "--remote", "ftp://example.org/x"), 1, "not allowed as a remote"),
        (("set", "kit", "--branch", "nope"), 1, "no such branch: nope"),
        (("set", "kit"), 2, "nothing to change"),
        (("remove", "kit"), 2, "--yes where nobody can be asked"),
        (("remove", "kitt", "--yes"), 1, "did you mean kit?"),
        (("webhook", "kitt"), 1, "did you mean kit?"),
        (("webhook", "kit", "--rotate", "--remove"), 2, "exclude each other"),
    ):
        said = home.error("repo", *argv, code=code)
        assert any(word in said for word in words.split("|")), (argv, said)
        assert "Traceback" not in said
    home.cidx("repo", "remove", "kit", "--yes")
    assert home.json("repo", "list")["repositories"] == []
    assert len(home.json("jobs", "list", "--repo", "kit")["jobs"]) == 2


def test_a_webhook_from_the_command_line_to_the_index(
    home: Home, daemon: Server, origin: Checkout
) -> None:
    home.cidx("repo", "add", str(origin.folder), "--name", "tool")
    made = home.json("repo", "webhook", "tool")
    assert "--rotate" in home.error("repo", "webhook", "tool", code=1)
    daemon.kill()
    daemon.start()
    body = json.dumps({"ref": "refs/heads/main", "after": origin.head()})
    status, told = deliver(daemon, made, body)
    assert status == 202
    job = daemon.ended(told["job_id"])
    assert (job["status"], job["requested_by"]) == ("completed", "webhook")
    status, again = deliver(daemon, made, body)
    assert (status, again["job_id"], again["replayed"]) == (200, told["job_id"], True)
    fresh = home.cidx("repo", "webhook", "tool", "--rotate")
    assert made["secret"] not in fresh
    assert deliver(daemon, made, body)[0] == 404
    home.cidx("repo", "webhook", "tool", "--remove")
    assert home.json("repo", "show", "tool")["webhook"] is None
    kept = b"".join(path.read_bytes() for path in daemon.folder.rglob("*") if path.is_file())
    assert made["secret"].encode() not in kept


def deliver(daemon: Server, made: Any, body: str) -> tuple[int, Any]:
    signed = hmac.new(made["secret"].encode(), body.encode(), hashlib.sha256).hexdigest()
    path = made["urls"]["github"].split("/", 3)[3]
    headers = (
        "X-GitHub-Event: push",
        "X-GitHub-Delivery: 1",
        f"X-Hub-Signature-256: sha256={signed}",
    )
    flags = [flag for header in headers for flag in ("-H", header)]
    return curl(
        f"{daemon.url}/{path}", "", *flags, "-d", body, "-H", "Content-Type: application/json"
    )


def test_removing_a_repository_ends_its_sync_and_leaves_nothing(
    home: Home, daemon: Server, origin: Checkout
) -> None:
    with HeldRemote(origin.folder) as remote:
        home.cidx("repo", "add", remote.url, "--name", "held")
        remote.hold()
        status, job = daemon.submit("held")
        assert status == 202
        wait_until("git in the air", remote.is_holding)
        home.cidx("repo", "remove", "held", "--yes")
        ended = daemon.job(job["job_id"])
        assert (ended["status"], ended["repository"]) == ("cancelled", "held")
        assert ended["cancel"]["reason"] == "the repository was removed"
        assert list((daemon.folder / "data" / "repositories").iterdir()) == []
        remote.release()


def test_a_schedule_runs_by_itself_and_a_reload_changes_the_default(
    home: Home, daemon: Server, origin: Checkout
) -> None:
    home.cidx("repo", "add", str(origin.folder), "--name", "tool")
    assert home.json("repo", "show", "tool")["schedule"]["min_seconds"] == 300
    text = daemon.config.read_text()
    daemon.config.write_text(f"{text}\n[polling]\nmode = 'off'\n")
    daemon.signal(signal.SIGHUP)
    wait_until("off", lambda: home.json("repo", "show", "tool")["next_sync"] is None)


def test_a_users_own_daemon_polls_nothing_by_itself(home: Home, origin: Checkout) -> None:
    home.cidx("sync", "--timeout", "60", cwd=origin.folder)
    (row,) = home.json("repo", "list")["repositories"]
    assert (row["schedule"], row["schedule_from"], row["next_sync"]) == (None, "server", None)
    home.cidx("down")
