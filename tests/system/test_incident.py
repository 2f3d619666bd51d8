"""A host that fails all its repositories alike, over a restart of the daemon."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from house import Server, curl, hosted, wait_until
from remote import Lie, RemoteThread
from sandbox import Checkout

NAMES = ("r1", "r2", "r3", "r4", "r5")


def test_a_broken_host_is_one_incident_that_no_job_fails_of_and_all_go_on_when_it_is_back(
    tmp_path: Path, origin: Checkout
) -> None:
    with (
        hosted(tmp_path, more="[limits]\nattempts = 2\n") as (home, server),
        RemoteThread(origin.folder) as remote,
    ):
        for name in NAMES:
            post(server, "/api/repositories", {"remote": remote.url_of(name), "name": name})
        remote.lie = Lie(status=503)
        job_ids = [sync(server, name) for name in NAMES[:4]]
        incident = wait_until("the incident", lambda: first_incident(server))
        host = remote.url.split("/")[2]
        fact = f"{host} has been answering with server errors since "
        assert incident["host"] == host
        assert incident["reason"].startswith(fact)

        job_ids.append(sync(server, NAMES[4]))
        assert server.job(job_ids[4])["queue"]["reason"].startswith(fact)
        assert f"queue       {fact}" in home.cidx("status")
        status, ready = curl(f"{server.url}/readyz")
        assert (status, ready["notices"]) == (
            200,
            ["jobs wait for a remote host that is in trouble"],
        )
        assert metric(server, 'cidxd_incidents{code="remote-unavailable"}') == 1
        assert metric(server, 'cidxd_incidents{code="remote-timeout"}') == 0
        held = wait_until("a held job", lambda: held_job(server, job_ids[:4]))
        home.cidx("jobs", "cancel", held)

        server.kill()
        server.start()
        assert first_incident(server)["since"] == incident["since"]
        remote.lie = None
        left = [job_id for job_id in job_ids if job_id != held]
        assert [server.ended(job_id)["status"] for job_id in left] == ["completed"] * 4
        assert server.ended(held)["status"] == "cancelled"
        assert first_incident(server) is None
        assert metric(server, 'cidxd_incidents{code="remote-unavailable"}') == 0
        for job_id in job_ids:
            server.events(job_id)
        assert f"held back, the attempt is given back: {fact}" in home.cidx("jobs", "log", held)
        assert f"held back: {fact}" in home.cidx("jobs", "log", job_ids[4])
        assert server.log().count("incident_opened") == 1
        assert server.log().count("incident_closed") == 1


def sync(server: Server, name: str) -> str:
    return str(post(server, "/api/sync", {"repository": name})["job_id"])


def post(server: Server, path: str, body: dict[str, str]) -> Any:
    sent = ("-H", "Content-Type: application/json", "-d", json.dumps(body))
    status, answer = curl(f"{server.url}{path}", server.token, *sent)
    assert status in {201, 202}, answer
    return answer


def first_incident(server: Server) -> Any:
    return next(iter(server.ask("/api/queue")["incidents"]), None)


def metric(server: Server, sample: str) -> float:
    socket = ("--unix-socket", str(server.folder / "data" / "admin.sock"))
    asked = ["curl", "-sSf", *socket, "http://admin/metrics"]
    lines = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(sample))


def held_job(server: Server, job_ids: list[str]) -> str | None:
    """Return one that was tried and waits, and whose attempt did not count."""
    for job_id in job_ids:
        deferred = [e for e in server.events(job_id) if e["type"] == "deferred"]
        if server.job(job_id)["status"] == "queued" and any(
            e["data"].get("held") for e in deferred
        ):
            return job_id
    return None
