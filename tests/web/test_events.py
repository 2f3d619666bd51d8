"""Events as lists: of a job, of a repository, of all."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest
from api_client import Api, eventually
from sandbox import Checkout


async def listed(api: Api, path: str) -> list[dict[str, Any]]:
    """Return all events of a list, read in pages of three."""
    events: list[dict[str, Any]] = []
    after = 0
    while True:
        status, page = await api.ask("GET", f"{path}&after={after}&limit=3")
        assert status == 200, page
        if not page["events"]:
            return events
        events += page["events"]
        after = page["next_cursor"]


@pytest.fixture
async def other(api: Api, origin: Checkout) -> str:
    """Another repository's name."""
    origin.git("clone", "-q", "--bare", str(origin.folder), str(origin.folder) + "2")
    sent = {"remote": str(origin.folder) + "2", "name": "other"}
    assert (await api.ask("POST", "/api/repositories", sent))[0] == 201
    return "other"


async def test_the_events_of_all_are_those_of_every_job_by_cursor(
    api: Api, demo: str, other: str
) -> None:
    jobs = [await api.synced(name) for name in (demo, other, demo)]
    everything = await listed(api, "/api/events?")
    assert [event["cursor"] for event in everything] == list(range(1, len(everything) + 1))
    for job in jobs:
        own = [event for event in everything if event["job_id"] == job["job_id"]]
        assert own == await listed(api, f"/api/jobs/{job['job_id']}/events?")
    own = [event for event in everything if event["repository"] == demo]
    assert own == await listed(api, f"/api/events?repository={demo}")
    status, problem = await api.ask("GET", "/api/events?repository=unknown&after=0")
    assert (status, problem["code"]) == (404, "repository-not-found")


async def test_without_a_cursor_one_gets_a_snapshot_and_the_cursor_to_go_on_from(
    api: Api, demo: str
) -> None:
    await api.synced(demo)
    ledger = api.made.services.ledger
    ledger.limits = dataclasses.replace(ledger.limits, running=0)
    _, job = await api.ask("POST", "/api/sync", {"repository": demo})
    _, page = await api.ask("GET", "/api/events")
    assert [one["job_id"] for one in page["snapshot"]["jobs"]] == [job["job_id"]]
    assert page["events"] == []
    path = f"/api/events?after={page['next_cursor']}"
    asking = asyncio.create_task(api.ask("GET", path, headers={"Prefer": "wait=500"}))
    await eventually(lambda: api.made.services.bus.followers)
    await api.ask("DELETE", f"/api/jobs/{job['job_id']}")
    _, page = await asking
    assert [event["type"] for event in page["events"]] == ["cancelled"]


async def test_a_cursor_after_which_events_are_gone_is_answered_with_where_to_go_on(
    api: Api, demo: str
) -> None:
    old = await api.synced(demo)
    await api.synced(demo)
    await api.made.services.ledger.prune([old["job_id"]])
    headers = {"Authorization": f"Bearer {api.token}"}
    async with api.client.get("/api/events?after=1&repository=demo", headers=headers) as response:
        problem = await response.json()
        assert (response.status, problem["code"]) == (410, "cursor-expired")
        link = response.headers["Link"]
    assert problem["snapshot"] == {"jobs": []}
    assert problem["cursor"] == api.made.services.state.cursor
    path = f"/api/events?after={problem['cursor']}&repository=demo"
    assert link == f'<{path}>; rel="next"'
    assert (await api.ask("GET", path))[1] == {"events": [], "next_cursor": problem["cursor"]}
    kept = await api.made.services.history.pruned_cursor()
    _, page = await api.ask("GET", f"/api/events?after={kept}")
    assert page["events"][0]["seq"] == 1


async def test_a_cursor_that_was_not_given_out_yet_is_refused(api: Api, demo: str) -> None:
    job = await api.synced(demo)
    for path in (f"/api/jobs/{job['job_id']}/events", "/api/events"):
        status, problem = await api.ask("GET", f"{path}?after=1000000")
        assert (status, problem["code"], problem["pointer"]) == (400, "cursor-invalid", "?after")


async def test_a_page_that_is_known_is_not_sent_again(api: Api, demo: str) -> None:
    job = await api.synced(demo)
    path = f"/api/jobs/{job['job_id']}/events?after=0"
    headers = {"Authorization": f"Bearer {api.token}"}
    async with api.client.get(path, headers=headers) as response:
        headers["If-None-Match"] = response.headers["ETag"]
    async with api.client.get(path, headers=headers) as response:
        assert (response.status, await response.read()) == (304, b"")
    async with api.client.get(path + "&limit=2", headers=headers) as response:
        assert response.status == 200


async def test_the_events_of_an_ended_job_are_not_waited_for(api: Api, demo: str) -> None:
    job = await api.synced(demo)
    _, page = await api.ask("GET", f"/api/jobs/{job['job_id']}/events")
    path = f"/api/jobs/{job['job_id']}/events?after={page['next_cursor']}"
    assert (await api.ask("GET", path, headers={"Prefer": "wait=500"}))[1]["events"] == []


async def test_what_holds_tokens_or_lists_is_not_stored_on_the_way(api: Api, demo: str) -> None:
    headers = {"Authorization": f"Bearer {api.token}"}
    for path in ("/api/jobs", "/api/auth/me", f"/api/repositories/{demo}", "/api/unknown"):
        async with api.client.get(path, headers=headers) as response:
            assert response.headers["Cache-Control"] == "no-store"
