from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse
from api_client import Api
from sandbox import Checkout

from cidxd.model.catalogue import Registration
from cidxd.model.incident import Incident


async def test_a_paused_queue_starts_no_job_until_it_is_resumed(api: Api, demo: str) -> None:
    root = await api.log_in("root")
    idle: dict[str, Any] = {
        "paused": False,
        "pause": None,
        "incidents": [],
        "running": 0,
        "queued": 0,
        "limits": {"running": 4, "running_per_user": 3, "queued": 1000, "queued_per_user": 10},
    }
    assert await api.ask("GET", "/api/queue") == (200, idle)

    sent = {"reason": " a new disk "}
    status, queue = await api.ask("POST", "/api/queue/pause", sent, token=root)
    assert (status, queue["paused"]) == (200, True)
    assert (queue["pause"]["reason"], queue["pause"]["requested_by"]) == ("a new disk", "root")

    status, job = await api.ask("POST", "/api/sync", {"repository": demo})
    assert (status, job["status"]) == (202, "queued")
    assert job["queue"] == {"position": 1, "reason": "the queue is paused: a new disk"}
    assert (job["estimate"], job["estimated_completion"]) == (None, None), "nobody knows"
    _, queue = await api.ask("GET", "/api/queue")
    assert (queue["running"], queue["queued"]) == (0, 1)

    assert await api.ask("POST", "/api/queue/resume", token=root) == (200, {**idle, "queued": 1})
    path = f"/api/jobs/{job['job_id']}"
    _, job = await api.ask("GET", path, headers={"Prefer": "wait=60"})
    assert job["status"] == "completed"


async def test_to_pause_or_resume_twice_changes_nothing(api: Api) -> None:
    root = await api.log_in("root")
    for verb in ("pause", "resume"):
        first = await api.ask("POST", f"/api/queue/{verb}", token=root)
        assert first[0] == 200
        assert await api.ask("POST", f"/api/queue/{verb}", token=root) == first


@pytest.mark.parametrize("verb", ["pause", "resume"])
async def test_only_an_administrator_pauses_and_resumes(api: Api, verb: str) -> None:
    root = await api.log_in("root")
    _, before = await api.ask("POST", "/api/queue/pause", {"reason": "a new disk"}, token=root)
    status, problem = await api.ask("POST", f"/api/queue/{verb}", {} if verb == "pause" else None)
    assert (status, problem["code"]) == (403, "forbidden")
    assert await api.ask("GET", "/api/queue") == (200, before)
    assert (await api.ask("POST", f"/api/queue/{verb}", token=""))[0] == 401


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({"reason": "two\nlines"}, "/reason"), ({"why": "no such field"}, "/why")],
)
async def test_a_reason_is_one_line(api: Api, body: dict[str, str], pointer: str) -> None:
    root = await api.log_in("root")
    status, problem = await api.ask("POST", "/api/queue/pause", body, token=root)
    assert (status, problem["pointer"]) == (422, pointer)


async def test_a_paused_daemon_is_ready_and_says_so_without_the_reason(api: Api) -> None:
    ready = {"ready": True, "reasons": [], "notices": []}
    assert await api.ask("GET", "/readyz", token="") == (200, ready)
    root = await api.log_in("root")
    await api.ask("POST", "/api/queue/pause", {"reason": "a secret"}, token=root)
    paused = {**ready, "notices": ["the queue is paused"]}
    assert await api.ask("GET", "/readyz", token="") == (200, paused)


async def test_who_follows_everything_is_told_when_the_queue_as_a_whole_changes(
    api: Api, demo: str
) -> None:
    root = await api.log_in("root")
    everything, one = (
        await following(api, {"all": True}),
        await following(api, {"repository": demo}),
    )
    assert "snapshot" in await received(everything)
    await api.ask("POST", "/api/queue/pause", {"reason": "a new disk"}, token=root)
    told = await received(everything)
    assert told == {"queue": (await api.ask("GET", "/api/queue"))[1]}
    assert told["queue"]["pause"]["reason"] == "a new disk"

    late = await following(api, {"all": True})
    assert "snapshot" in await received(late)
    assert await received(late) == told
    await api.ask("POST", "/api/queue/resume", token=root)
    for stream in (everything, late):
        assert (await received(stream))["queue"]["paused"] is False

    # Who follows one repository has a snapshot, and then events only.
    await api.synced(demo)
    frames = [await received(one) for _ in range(4)]
    assert [*frames[0], *frames[1]] == ["snapshot", "cursor", "event"]
    assert all("event" in frame for frame in frames[1:])
    for stream in (everything, late, one):
        await stream.close()


async def received(stream: ClientWebSocketResponse) -> dict[str, Any]:
    async with asyncio.timeout(30):
        return dict(await stream.receive_json())


async def following(api: Api, topic: dict[str, Any]) -> ClientWebSocketResponse:
    headers = {"Authorization": f"Bearer {api.token}"}
    stream = await api.client.ws_connect("/api/stream", headers=headers)
    await stream.send_json({"subscribe": topic})
    return stream


async def test_a_job_held_back_for_its_host_starts_when_its_repository_moves_to_another(
    api: Api, origin: Checkout
) -> None:
    services, remote = api.made.services, "https://down.example.org/demo.git"
    await services.ledger.register(Registration(remote=remote, user="ada", name="demo"))
    await services.ledger.register(
        Registration(remote="https://down.example.org/other.git", user="ada", name="other")
    )
    far, now = services.clock() + 3600, services.clock()
    trouble = Incident(
        host="down.example.org",
        code="remote-unreachable",
        detail="",
        since=now,
        last_at=now,
        failed_at={},
        opened_at=now,
        next_attempt_at=far,
    )
    services.state.incidents.put(trouble.host, trouble)
    _, job = await api.ask("POST", "/api/sync", {"repository": "demo"})
    assert "down.example.org" in job["queue"]["reason"]
    await api.ask("PATCH", "/api/repositories/demo", {"remote": str(origin.folder)})
    _, job = await api.ask("GET", f"/api/jobs/{job['job_id']}", headers={"Prefer": "wait=20"})
    assert job["status"] == "completed", job
