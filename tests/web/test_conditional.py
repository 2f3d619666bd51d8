"""Held answers, versions, when to ask again, and requests that are sent twice."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import make_mocked_request
from api_client import Api, eventually

from cidxd.config import Config
from cidxd.model.job import Job, Status
from cidxd.web import prefer, table, version
from cidxd.web.listen import Activity, listening


async def got(
    api: Api, path: str, headers: Mapping[str, str] | None = None
) -> tuple[int, Mapping[str, str], Any]:
    """Return status, headers and JSON of a GET."""
    bearer = {"Authorization": f"Bearer {api.token}", **(headers or {})}
    async with api.client.get(path, headers=bearer) as response:
        text = await response.read()
        return response.status, response.headers, await response.json() if text else None


@pytest.fixture
async def queued(api: Api, demo: str) -> str:
    """The path of a job whose turn does not come."""
    ledger = api.made.services.ledger
    ledger.limits = dataclasses.replace(ledger.limits, running=0)
    _, job = await api.ask("POST", "/api/sync", {"repository": demo})
    return f"/api/jobs/{job['job_id']}"


async def held(api: Api, count: int = 1) -> None:
    """Wait until so many answers are held."""
    await eventually(lambda: api.made.services.bus.followers == count)


async def join(api: Api, name: str = "bob") -> None:
    token = await api.log_in(name)
    assert (await api.ask("POST", "/api/sync", {"repository": "demo"}, token=token))[0] == 202


@pytest.mark.parametrize(
    ("stated", "wait_s"),
    [
        ("wait=5", 5),
        ("Wait = 5", 5),
        ('wait="5"', 5),
        ("respond-async, wait=5", 5),
        ("wait=5; foo=bar, handling=lenient", 5),
        ("wait=5, wait=7", 5),
        ("wait=0", 0),
        ("wait=86400", 600),
        ("wait=" + "9" * 40, 600),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("wait=soon", None),
        ("wait=soon, wait=5", None),
        ("wait", None),
        ("wait=", None),
        ("wait=\u0665", None),
        ("await=5", None),
        ("foo; wait=5", None),
        ("return=minimal", None),
        ("", None),
    ],
)
def test_a_wish_to_wait_is_understood_or_ignored(stated: str, wait_s: int | None) -> None:
    request = make_mocked_request("GET", "/", headers={"Prefer": stated})
    assert prefer.preferred_wait(request) == wait_s
    assert prefer.applied(wait_s) == (
        {} if wait_s is None else {"Preference-Applied": f"wait={wait_s}"}
    )


@pytest.mark.parametrize(
    ("given", "is_known"),
    [
        ('W/"a-1"', True),
        ('"a-1"', True),
        ("*", True),
        ('"x", W/"a-1" , "y"', True),
        ('"x","a-1"', True),
        ('W/"a-2"', False),
        ('"a-1, b"', False),
        ("a-1", False),
        ("", False),
    ],
)
def test_a_version_is_known_by_any_of_the_tags(given: str, *, is_known: bool) -> None:
    request = make_mocked_request("GET", "/", headers={"If-None-Match": given})
    assert version.is_known(request, 'W/"a-1"') is is_known


async def test_a_held_answer_comes_when_the_job_ends(api: Api, queued: str) -> None:
    asking = asyncio.create_task(got(api, queued, {"Prefer": "wait=500"}))
    await held(api)
    await join(api)
    assert not asking.done(), "another version is not the end"
    await api.ask("DELETE", queued, token=await api.log_in("root"))
    status, headers, job = await asking
    assert (status, job["status"]) == (200, "cancelled")
    assert headers["Preference-Applied"] == "wait=500"
    assert "Retry-After" not in headers


async def test_a_held_answer_comes_when_the_time_is_over(api: Api, queued: str) -> None:
    status, headers, job = await got(api, queued, {"Prefer": "wait=1"})
    assert (status, job["status"], headers["Retry-After"]) == (200, "queued", "1")
    assert headers["Preference-Applied"] == "wait=1"
    assert api.made.services.bus.followers == 0
    _, headers, _ = await got(api, queued, {"Prefer": "wait=soon"})
    assert "Preference-Applied" not in headers


async def test_a_held_answer_comes_when_the_daemon_stops(api: Api, queued: str) -> None:
    asking = [
        asyncio.create_task(got(api, path, {"Prefer": "wait=500"}))
        for path in (queued, f"{queued}/events?after=1")
    ]
    await held(api, 2)
    await api.made.live.close()
    for _, _, document in await asyncio.gather(*asking):
        assert document.get("status", "queued") == "queued"


async def test_who_goes_away_leaves_nothing_behind(api: Api, queued: str, config: Config) -> None:
    services = api.made.services
    routes = table.routes(services, api.made.live)
    async with (
        listening(routes, services, config, Activity(), is_private=False) as door,
        aiohttp.ClientSession() as session,
    ):
        headers = {"Authorization": f"Bearer {api.token}", "Prefer": "wait=500"}
        asking = [
            asyncio.create_task(session.get(door.url + path, headers=headers))
            for path in (queued, f"{queued}/events?after=1")
        ]
        await held(api, 2)
        for one in asking:
            one.cancel()
        await held(api, 0)


async def test_a_version_that_is_known_is_not_sent_again(api: Api, queued: str) -> None:
    _, headers, _ = await got(api, queued)
    tag = headers["ETag"]
    assert tag.startswith('W/"')
    assert headers["Cache-Control"] == "private, no-cache"
    for known in (tag, f'"other", {tag.removeprefix("W/")}', "*"):
        status, headers, document = await got(api, queued, {"If-None-Match": known})
        assert (status, document) == (304, None)
        assert (headers["ETag"], headers["Retry-After"]) == (tag, "1")
    await join(api)
    status, headers, _ = await got(api, queued, {"If-None-Match": tag})
    assert (status, headers["ETag"] != tag) == (200, True)


async def test_with_a_known_version_the_wait_is_for_another_one(api: Api, queued: str) -> None:
    _, headers, _ = await got(api, queued)
    known = {"If-None-Match": headers["ETag"]}
    assert (await got(api, queued, {**known, "Prefer": "wait=1"}))[0] == 304
    asking = asyncio.create_task(got(api, queued, {**known, "Prefer": "wait=500"}))
    await held(api)
    await join(api)
    status, headers, job = await asking
    assert (status, job["requesters"]) == (200, ["ada", "bob"])
    assert headers["Preference-Applied"] == "wait=500"
    outdated = {**known, "Prefer": "wait=500"}
    assert (await got(api, queued, outdated))[0] == 200, "what is news already is not waited for"


async def test_each_retry_is_another_version_of_the_job_it_repeats(api: Api, demo: str) -> None:
    path = f"/api/jobs/{(await api.synced(demo))['job_id']}"
    tags = [(await got(api, path))[1]["ETag"]]
    for _ in range(2):
        _, job = await api.ask("POST", f"{path}/retry", headers={"Prefer": "wait=60"})
        assert job["status"] == "completed"
        tags.append((await got(api, path))[1]["ETag"])
    assert len(set(tags)) == 3


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"Retry-After": "1"}),
        ({"run_after": 140.2}, {"Retry-After": "41"}),
        # The clock was set back since: the wait is over.
        ({"run_after": 3740.0, "deferred_at": 3700.0}, {"Retry-After": "1"}),
        ({"run_after": 90.0}, {"Retry-After": "1"}),
        ({"status": Status.RUNNING}, {"Retry-After": "1"}),
        ({"status": Status.FAILED}, {}),
    ],
)
def test_a_job_is_to_be_asked_for_again_when_it_can_have_moved(
    changes: dict[str, Any], expected: dict[str, str]
) -> None:
    job = Job(job_id="j", repository_id=1, repository="r", requested_by="ada", created_at=1.0)
    assert version.ask_again(dataclasses.replace(job, **changes), now=100.0) == expected
