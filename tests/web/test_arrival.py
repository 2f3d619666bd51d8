from __future__ import annotations

import asyncio
import dataclasses
import shutil
from typing import Any

import pytest
from api_client import Api, eventually
from remote import Lie, Remote
from sandbox import Checkout

from cidxd.model.job import Kind
from cidxd.web.remotes import OF_ONE


async def synced(api: Api, commit: str, *, wait_s: int, **more: object) -> dict[str, Any]:
    """Ask for a sync until *commit* can be searched; return the job that is answered."""
    body = {"repository": "demo", "wait_commit": commit, **more}
    status, job = await api.ask("POST", "/api/sync", body, headers={"Prefer": f"wait={wait_s}"})
    assert status == 202, job
    return dict(job)


@pytest.fixture
async def queued(api: Api, demo: str) -> str:
    """The id of a job whose turn does not come."""
    ledger = api.made.services.ledger
    ledger.limits = dataclasses.replace(ledger.limits, running=0)
    _, job = await api.ask("POST", "/api/sync", {"repository": demo})
    return str(job["job_id"])


def unpushed(origin: Checkout) -> str:
    """Return a commit after the newest that no branch has yet."""
    return origin.git("commit-tree", "-p", "HEAD", "-m", "late", "HEAD^{tree}")


async def test_the_answer_is_held_until_the_commit_can_be_searched(
    api: Api, demo: str, origin: Checkout
) -> None:
    path = f"/api/repositories/{demo}/sync"
    body = {"wait_commit": origin.head("HEAD~1")[:7].upper()}
    status, job = await api.ask("POST", path, body, headers={"Prefer": "wait=60"})
    assert (status, job["status"]) == (202, "completed")
    commit = origin.head("HEAD~1")[:7]
    found = {"commit": commit, "reachable": True, "branch": "main", "reason": None}
    assert job["reach"] == found
    _, contract = await api.ask("GET", "/api/openapi.json")
    described = contract["components"]["schemas"]["SyncDocument"]["properties"]
    assert set(job) == set(described)


async def test_a_commit_that_is_pushed_after_the_sync_is_synced_again(
    api: Api, demo: str, origin: Checkout
) -> None:
    late = unpushed(origin)
    with api.made.services.bus.subscribed(lambda event: event.kind is Kind.COMPLETED) as news:
        asking = asyncio.create_task(synced(api, late, wait_s=60))
        first = (await news.next())[0].job_id
    origin.git("update-ref", "refs/heads/main", late)
    job = await asking
    assert (job["status"], job["reach"]["reachable"]) == ("completed", True)
    assert job["job_id"] > first
    _, row = await api.ask("GET", f"/api/repositories/{demo}")
    assert row["branches"][0]["commit"] == late


async def test_a_commit_on_a_branch_that_is_not_tracked_is_told_with_the_way_out(
    api: Api, demo: str, origin: Checkout
) -> None:
    await api.synced(demo)
    late = unpushed(origin)
    origin.git("branch", "topic", late)
    job = await synced(api, late, wait_s=2)
    assert job["reach"]["reachable"] is False
    assert job["reach"]["reason"] == {
        "code": "branch-not-tracked",
        "detail": "the commit is on topic, which is not tracked",
        "hint": "track it: cidx repo set demo --branch topic",
    }


async def test_a_commit_on_a_tracked_branch_that_was_not_asked_for_is_told(
    api: Api, demo: str, origin: Checkout
) -> None:
    origin.git("branch", "topic")
    tracked = {"branches": ["main", "topic"]}
    await api.ask("PATCH", f"/api/repositories/{demo}", tracked)
    await api.synced(demo)
    late = unpushed(origin)
    origin.git("branch", "-f", "topic", late)
    job = await synced(api, late, wait_s=2, branch="main")
    assert job["reach"]["reason"]["code"] == "branch-not-asked"
    assert (await synced(api, late, wait_s=60))["reach"]["branch"] == "topic"


async def test_a_commit_that_the_remote_has_not_is_told_when_the_wait_is_over(
    api: Api, demo: str
) -> None:
    await api.synced(demo)
    before = asyncio.get_running_loop().time()
    job = await synced(api, "0123456789", wait_s=2)
    assert asyncio.get_running_loop().time() - before >= 2
    assert job["reach"]["reason"]["code"] == "commit-not-found"
    _, jobs = await api.ask("GET", "/api/jobs")
    assert len(jobs["jobs"]) > 2, "it asked again while it waited"


@pytest.mark.usefixtures("demo")
async def test_without_a_wait_the_answer_tells_how_things_are(api: Api, origin: Checkout) -> None:
    body = {"repository": "demo", "wait_commit": origin.head()}
    _, job = await api.ask("POST", "/api/sync", body)
    assert job["reach"]["reachable"] is False
    assert job["reach"]["reason"] is None
    await api.synced("demo")
    _, job = await api.ask("POST", "/api/sync", body)
    assert job["reach"]["reachable"] is True


@pytest.mark.usefixtures("demo")
async def test_a_job_that_fails_is_not_waited_for_any_longer(api: Api, origin: Checkout) -> None:
    commit = origin.head()
    shutil.rmtree(origin.folder)
    job = await synced(api, commit, wait_s=500)
    assert (job["status"], job["error"]["code"]) == ("failed", "remote-not-found")
    assert job["reach"]["reachable"] is False
    assert job["reach"]["reason"] == {
        "code": "job-failed",
        "detail": "the sync failed: " + job["error"]["title"],
        "hint": job["error"]["hint"],
    }


async def test_a_job_that_is_cancelled_is_not_waited_for_any_longer(
    api: Api, queued: str, origin: Checkout
) -> None:
    asking = asyncio.create_task(synced(api, origin.head(), wait_s=500))
    await eventually(lambda: api.made.services.bus.followers)
    await api.ask("DELETE", f"/api/jobs/{queued}", token=await api.log_in("root"))
    job = await asking
    assert (job["job_id"], job["status"]) == (queued, "cancelled")
    assert job["reach"]["reason"] == {
        "code": "job-cancelled",
        "detail": "the sync was cancelled by root",
        "hint": "ask again: cidx sync demo",
    }


async def test_a_commit_that_can_be_searched_already_is_answered_at_once(
    api: Api, demo: str, origin: Checkout
) -> None:
    await api.synced(demo)
    ledger = api.made.services.ledger
    ledger.limits = dataclasses.replace(ledger.limits, running=0)
    job = await synced(api, origin.head(), wait_s=500)
    assert (job["status"], job["reach"]["reachable"]) == ("queued", True)


async def test_a_wait_that_is_over_tells_how_the_job_stands(
    api: Api, queued: str, origin: Checkout
) -> None:
    body = {"repository": "demo", "wait_commit": origin.head()}
    headers = {"Authorization": f"Bearer {api.token}", "Prefer": "wait=1"}
    async with api.client.post("/api/sync", json=body, headers=headers) as response:
        job = await response.json()
        assert (response.status, response.headers["Preference-Applied"]) == (202, "wait=1")
        assert response.headers["Retry-After"] == "1"
    assert (job["job_id"], job["status"]) == (queued, "queued")
    assert (job["reach"]["reachable"], job["reach"]["reason"]) == (False, None)


async def test_a_commit_that_was_forced_away_is_not_searchable_any_more(
    api: Api, demo: str, origin: Checkout
) -> None:
    gone = origin.head()
    assert (await synced(api, gone, wait_s=60))["reach"]["reachable"] is True
    origin.git("reset", "-q", "--hard", "HEAD~1")
    await api.synced(demo)
    job = await synced(api, gone, wait_s=2)
    assert job["reach"]["reason"]["code"] == "commit-not-found"
    path = f"/api/repositories/{demo}/reach?commit={gone}"
    assert (await api.ask("GET", path))[1].keys() == {"commit", "reachable", "branch"}
    _, found = await api.ask("GET", f"{path}&explain=true")
    assert (found["reachable"], found["reason"]) == (False, job["reach"]["reason"])
    _, found = await api.ask("GET", f"{path}&explain=true&branch=main")
    assert found["reason"]["code"] == "commit-not-found"


@pytest.mark.usefixtures("demo")
async def test_what_is_no_commit_is_refused_and_a_key_is_for_one_commit(api: Api) -> None:
    for wrong in ("main", "123456", "g" * 40, "1" * 65):
        status, problem = await api.ask(
            "POST", "/api/sync", {"repository": "demo", "wait_commit": wrong}
        )
        assert (status, problem["pointer"]) == (422, "/wait_commit")
    key = {"Idempotency-Key": "k"}
    for commit, expected in (("1234567", 202), ("1234567", 202), ("7654321", 422)):
        body = {"repository": "demo", "wait_commit": commit}
        status, _ = await api.ask("POST", "/api/sync", body, headers=key)
        assert status == expected


async def test_a_wait_asks_for_no_further_sync_once_one_may_not(
    api: Api, demo: str, origin: Checkout
) -> None:
    late, bob = unpushed(origin), await api.log_in("bob")

    async def granted(level: str) -> None:
        shown = {"visibility": "restricted", "users": [{"user": "bob", "level": level}]}
        assert (await api.ask("PATCH", f"/api/repositories/{demo}", {"access": shown}))[0] == 200

    await granted("write")
    body = {"repository": demo, "wait_commit": late}
    with api.made.services.bus.subscribed(lambda event: event.kind is Kind.COMPLETED) as news:
        headers = {"Prefer": "wait=60"}
        asking = asyncio.create_task(api.ask("POST", "/api/sync", body, token=bob, headers=headers))
        await news.next()
    await granted("read")
    async with asyncio.timeout(10):
        status, problem = await asking
    assert (status, problem["code"]) == (403, "forbidden")


async def test_one_user_does_not_keep_others_from_asking_a_remote(
    api: Api, origin: Checkout
) -> None:
    bob = await api.log_in("bob")
    async with Remote(origin.folder) as forge:
        await api.ask("POST", "/api/repositories", {"remote": forge.url, "name": "far"})
        forge.lie = Lie(hang=True)
        forge.requests.clear()
        path = f"/api/repositories/far/reach?commit={'1' * 40}&explain=true"
        mine = [asyncio.create_task(api.ask("GET", path)) for _ in range(3 * OF_ONE)]
        await eventually(lambda: len(forge.requests) == OF_ONE)
        theirs = asyncio.create_task(api.ask("GET", path, token=bob))
        await eventually(lambda: len(forge.requests) > OF_ONE)
        assert len(forge.requests) == OF_ONE + 1
        forge.lie = None
        forge._released.set()
        answers = await asyncio.gather(*mine, theirs)
        assert {status for status, _ in answers} == {200}
