"""The daemon as systemd sees it: what it is told, and how a stop goes."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from house import HeldRemote, Home, Server, curl, wait_until
from sandbox import Checkout

WATCHDOG_S = 5.0


class Manager:
    """What a service manager hears at its datagram socket."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)

    def next(self, wanted: str, timeout_s: float = 30.0) -> dict[str, str]:
        """Return the next message that assigns *wanted*; what comes before is passed over."""
        end = time.monotonic() + timeout_s
        while (left := end - time.monotonic()) > 0:
            self._socket.settimeout(left)
            with contextlib.suppress(TimeoutError):
                lines = self._socket.recv(4096).decode().splitlines()
                message = dict(line.split("=", 1) for line in lines)
                if wanted in message:
                    return message
        raise TimeoutError(wanted)

    def forget(self) -> None:
        """Pass over all that was said so far."""
        self._socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while self._socket.recv(4096):
                pass

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(request: pytest.FixtureRequest, home: Home, tmp_path: Path) -> Iterator[Manager]:
    address = str(tmp_path / "notify")
    is_abstract = getattr(request, "param", "path") == "abstract"
    home.env["NOTIFY_SOCKET"] = f"@{address}" if is_abstract else address
    home.env["WATCHDOG_USEC"] = f"{WATCHDOG_S * 1e6:.0f}"
    made = Manager(f"\0{address}" if is_abstract else address)
    yield made
    made.close()


@pytest.fixture
def daemon(home: Home, tmp_path: Path) -> Iterator[Server]:
    made = Server(home, tmp_path / "server", more="[limits]\ndrain_seconds = 30\n")
    made.start()
    made.sign_in(home)
    yield made
    assert made.stop() == 0
    assert "Traceback" not in made.log()


@pytest.fixture
def remote(home: Home, daemon: Server, origin: Checkout) -> Iterator[HeldRemote]:
    """The remote of `slow`, whose next transfer is held."""
    with HeldRemote(origin.folder) as made:
        home.cidx("repo", "add", made.url, "--name", "slow")
        made.hold()
        yield made
        made.release()
        daemon.stop()


def fetching(home: Home, remote: HeldRemote) -> str:
    job_id: str = home.json("sync", "slow")["job_id"]
    wait_until("the transfer", remote.is_holding)
    return job_id


def told_to_stop(daemon: Server) -> None:
    daemon.signal(signal.SIGTERM)
    wait_until("the stop", lambda: "stopping" in daemon.log())


@pytest.mark.parametrize("manager", ["path", "abstract"], indirect=True)
def test_the_manager_hears_of_start_reload_and_stop(manager: Manager, daemon: Server) -> None:
    assert manager.next("READY") == {"READY": "1", "STATUS": f"serving at {daemon.url}"}
    assert manager.next("WATCHDOG")["STATUS"] == "0 jobs running, 0 queued"
    before_us = time.monotonic_ns() // 1000
    daemon.signal(signal.SIGHUP)
    assert int(manager.next("RELOADING")["MONOTONIC_USEC"]) >= before_us
    assert manager.next("READY") == {"READY": "1"}
    daemon.signal(signal.SIGTERM)
    assert int(manager.next("STOPPING")["EXTEND_TIMEOUT_USEC"]) > 30e6
    assert daemon.stop() == 0


def test_a_service_manager_gets_nothing_but_lines_of_json(home: Home, tmp_path: Path) -> None:
    server = Server(home, tmp_path / "server")
    ours, journal = socket.socketpair()
    with ours, journal, ours.makefile() as lines:
        process = home.start(
            "cidxd", "serve", "--config", str(server.config), stderr=journal.fileno()
        )
        journal.close()
        events = []
        while "ready" not in events:
            events.append(json.loads(lines.readline())["event"])
        process.terminate()
        events += [json.loads(line)["event"] for line in lines]
        assert process.wait(60) == 0
        assert events[-2:] == ["stopping", "stopped"]
        process.communicate()


def test_a_locked_database_does_not_stop_the_watchdogs_feed(
    manager: Manager, daemon: Server
) -> None:
    with daemon.locked():
        posted = ("-H", "Content-Type: application/json", "-d", '{"reason": ""}')
        assert curl(f"{daemon.url}/api/queue/pause", daemon.token, *posted)[0] == 503
        assert daemon.readiness()[0] == 503
        manager.forget()
        for _ in range(2):
            message = manager.next("WATCHDOG", WATCHDOG_S)
            assert "the database refuses: database is locked" in message["STATUS"]


def test_a_daemon_that_hangs_stops_the_watchdogs_feed(manager: Manager, daemon: Server) -> None:
    manager.next("WATCHDOG")
    daemon.signal(signal.SIGSTOP)
    try:
        manager.forget()
        with pytest.raises(TimeoutError):
            manager.next("WATCHDOG", WATCHDOG_S / 2 + 0.5)
    finally:
        daemon.signal(signal.SIGCONT)
    manager.next("WATCHDOG", WATCHDOG_S)


def test_told_to_stop_a_job_that_ends_in_time_is_completed(
    home: Home, daemon: Server, remote: HeldRemote
) -> None:
    job_id = fetching(home, remote)
    told_to_stop(daemon)
    remote.release()
    assert daemon.process is not None
    assert daemon.process.wait(30) == 0
    daemon.start()
    job = daemon.job(job_id)
    assert (job["status"], job["outcome"]) == ("completed", "updated")
    assert [attempt["interrupted"] for attempt in job["attempts"]] == [False]


def test_told_to_stop_it_takes_no_new_job_but_still_tells_of_the_running_one(
    home: Home, daemon: Server, remote: HeldRemote
) -> None:
    job_id = fetching(home, remote)
    kept = http.client.HTTPConnection(daemon.url.removeprefix("http://"), timeout=30)
    assert asked(kept, daemon, "GET", f"/api/jobs/{job_id}")[0] == 200
    told_to_stop(daemon)
    fresh = http.client.HTTPConnection(daemon.url.removeprefix("http://"), timeout=30)
    for connection in (kept, fresh):
        status, problem = asked(connection, daemon, "POST", "/api/sync", {"repository": "slow"})
        assert (status, problem["code"]) == (503, "stopping")
    fresh.close()
    status, document = asked(kept, daemon, "GET", "/readyz")
    assert (status, document["reasons"]) == (503, ["the daemon is stopping"])
    status, job = asked(kept, daemon, "GET", f"/api/jobs/{job_id}")
    assert (status, job["status"]) == (200, "running")
    status, job = asked(kept, daemon, "POST", f"/api/jobs/{job_id}/cancel", {})
    assert status == 200, "a cancel is heard to the end"
    kept.close()
    assert daemon.process is not None
    assert daemon.process.wait(30) == 0
    daemon.start()
    assert daemon.job(job_id)["status"] == "cancelled"


def asked(
    kept: http.client.HTTPConnection, daemon: Server, method: str, path: str, body: Any = None
) -> tuple[int, Any]:
    """Ask on a connection that stays open."""
    headers = {"Authorization": f"Bearer {daemon.token}", "Content-Type": "application/json"}
    kept.request(method, path, None if body is None else json.dumps(body), headers)
    answer = kept.getresponse()
    return answer.status, json.loads(answer.read())
