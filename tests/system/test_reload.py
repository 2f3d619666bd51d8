"""A configuration read again while jobs run and wait."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from house import HeldRemote, Home, Server, wait_until
from sandbox import Checkout


@pytest.fixture
def daemon(home: Home, tmp_path: Path) -> Iterator[Server]:
    more = "[limits]\nrunning = 1\n[log]\nformat = 'json'\n"
    made = Server(home, tmp_path / "server", more=more)
    made.start()
    made.sign_in(home)
    yield made
    made.stop()


@pytest.fixture
def held(home: Home, daemon: Server, tmp_path: Path) -> Iterator[list[HeldRemote]]:
    """Three repositories `r0`, `r1`, `r2`, whose fetches hang until released."""
    with contextlib.ExitStack() as stack:
        remotes = []
        for number in range(3):
            checkout = Checkout(tmp_path / f"origin{number}")
            checkout.commit({"a.txt": f"{number}\n"})
            remote = stack.enter_context(HeldRemote(checkout.folder))
            home.cidx("repo", "add", remote.url, "--name", f"r{number}")
            remote.hold()
            remotes.append(remote)
        yield remotes
        for remote in remotes:
            remote.release()
        daemon.stop()


def configure(daemon: Server, old: str, new: str) -> None:
    """Write another configuration, and tell the daemon."""
    text = daemon.config.read_text()
    assert old in text
    daemon.config.write_text(text.replace(old, new))
    daemon.signal(signal.SIGHUP)


def logged(daemon: Server, event: str) -> dict[str, Any]:
    """Wait for the next line of the log about *event*, and take it."""

    def found() -> dict[str, Any] | None:
        rows = [json.loads(line) for line in daemon.log().splitlines() if line.startswith("{")]
        return next((row for row in rows if row["event"] == event), None)

    row: dict[str, Any] = wait_until(event, found)
    (daemon.folder / "log").write_text("")
    return row


def state_of(daemon: Server, job_id: str) -> tuple[str, str | None]:
    job = daemon.job(job_id)
    return job["status"], job["queue"] and job["queue"]["reason"]


def test_a_raised_limit_starts_the_job_that_waits_without_a_restart(
    home: Home, daemon: Server, held: list[HeldRemote]
) -> None:
    one, two, three = (home.json("sync", f"r{number}")["job_id"] for number in range(3))
    wait_until("the first transfer", held[0].is_holding)
    assert state_of(daemon, two) == ("queued", "one of one slot in use")

    configure(daemon, "running = 1", "running = 2")
    row = logged(daemon, "config_reloaded")
    assert (row["changed"], row["needs_restart"]) == (["limits.running"], [])
    wait_until("the second transfer", held[1].is_holding)
    assert daemon.job(one)["status"] == daemon.job(two)["status"] == "running"
    assert state_of(daemon, three) == ("queued", "two of two slots in use")

    configure(daemon, "running = 2", "running = 1\nrunning_per_user = 1")
    row = logged(daemon, "config_reloaded")
    assert row["changed"] == ["limits.running", "limits.running_per_user"]
    assert daemon.job(one)["status"] == daemon.job(two)["status"] == "running"
    assert state_of(daemon, three) == ("queued", "your two jobs are running")

    for remote in held:
        remote.release()
    assert {daemon.ended(job_id)["status"] for job_id in (one, two, three)} == {"completed"}


def test_a_faulty_file_changes_nothing_and_every_fault_of_it_is_logged(
    home: Home, daemon: Server, held: list[HeldRemote]
) -> None:
    home.cidx("sync", "r0")
    wait_until("the transfer", held[0].is_holding)
    waiting = home.json("sync", "r1")["job_id"]

    configure(daemon, "running = 1", "running = 2\nspeed = 9\nattempts = 0")
    row = logged(daemon, "config_refused")
    assert [fault.partition(":")[0] for fault in sorted(row["faults"])] == [
        "limits.attempts",
        "limits.speed",
    ]
    assert state_of(daemon, waiting) == ("queued", "one of one slot in use")

    configure(daemon, "[limits]", "[limits")
    assert "is not TOML" in logged(daemon, "config_refused")["faults"][0]

    configure(daemon, "[limits\nrunning = 2\nspeed = 9\nattempts = 0", "[limits]\nrunning = 2")
    assert logged(daemon, "config_reloaded")["changed"] == ["limits.running"]
    wait_until("the second transfer", held[1].is_holding)


def test_keys_that_need_a_restart_are_named_until_they_are_as_before(
    home: Home, daemon: Server
) -> None:
    configure(daemon, "running = 1", "running = 1\nindex_children = 1\nsearch_seconds = 0.5")
    row = logged(daemon, "config_reloaded")
    assert row["changed"] == ["limits.search_seconds"]
    assert row["needs_restart"] == ["limits.index_children"]

    configure(daemon, "allow_local = true", "allow_local = false")
    row = logged(daemon, "config_reloaded")
    assert (row["changed"], row["needs_restart"]) == (
        [],
        ["limits.index_children", "remotes.allow_local"],
    )
    assert home.json("jobs", "list")["jobs"] == []  # it goes on answering
