"""A POST that is sent again is answered as the first time."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools

import pytest
from api_client import Api
from sandbox import Checkout

KEYS = (f"key {number}" for number in itertools.count())


def forget(api: Api) -> None:
    """Leave in memory what is there after a restart, or after many other jobs."""
    api.made.services.state.jobs.forget_old(0)
    api.made.services.state.keys.forget_old(0)


@pytest.mark.parametrize("is_forgotten", [False, True])
async def test_a_sync_sent_again_is_the_same_job(
    api: Api, demo: str, *, is_forgotten: bool
) -> None:
    key = {"Idempotency-Key": next(KEYS)}
    sent = {"repository": demo}
    _, first = await api.ask("POST", "/api/sync", sent, headers={**key, "Prefer": "wait=60"})
    assert first["status"] == "completed"
    if is_forgotten:
        forget(api)
    status, again = await api.ask("POST", "/api/sync", sent, headers=key)
    assert (status, again["job_id"], again["joined"]) == (202, first["job_id"], False)
    status, problem = await api.ask("POST", "/api/sync", {**sent, "full": True}, headers=key)
    assert (status, problem["code"]) == (422, "idempotency-mismatch")
    assert len((await api.ask("GET", "/api/jobs"))[1]["jobs"]) == 1


@pytest.mark.parametrize("is_forgotten", [False, True])
async def test_a_retry_sent_again_is_the_same_job(
    api: Api, demo: str, *, is_forgotten: bool
) -> None:
    job = await api.synced(demo)
    key, path = {"Idempotency-Key": next(KEYS)}, f"/api/jobs/{job['job_id']}/retry"
    _, first = await api.ask("POST", path, headers={**key, "Prefer": "wait=60"})
    assert (first["status"], first["retry_of"]) == ("completed", job["job_id"])
    if is_forgotten:
        forget(api)
    _, again = await api.ask("POST", path, headers=key)
    assert again["job_id"] == first["job_id"]
    other = f"/api/jobs/{first['job_id']}/retry"
    status, problem = await api.ask("POST", other, headers=key)
    assert (status, problem["code"]) == (422, "idempotency-mismatch")
    assert (await api.ask("POST", path))[1]["job_id"] != first["job_id"]


async def test_an_answer_that_said_joined_says_so_again(api: Api, demo: str) -> None:
    ledger = api.made.services.ledger
    ledger.limits = dataclasses.replace(ledger.limits, running=0)
    await api.ask("POST", "/api/sync", {"repository": demo})
    headers = {"Idempotency-Key": next(KEYS)}
    for _ in range(3):
        _, job = await api.ask("POST", "/api/sync", {"repository": demo}, headers=headers)
        assert job["joined"] is True
        forget(api)
    _, page = await api.ask("GET", "/api/events?after=0")
    assert [event["type"] for event in page["events"]] == ["enqueued", "joined"]


async def test_many_at_once_with_one_key_make_one_job(api: Api, demo: str) -> None:
    headers = {"Idempotency-Key": next(KEYS)}
    asking = (
        api.ask("POST", "/api/sync", {"repository": demo}, headers=headers) for _ in range(20)
    )
    assert len({job["job_id"] for _, job in await asyncio.gather(*asking)}) == 1


async def test_a_key_is_for_its_user_and_its_repository(
    api: Api, demo: str, origin: Checkout
) -> None:
    origin.git("clone", "-q", "--bare", str(origin.folder), str(origin.folder) + "2")
    other = {"remote": str(origin.folder) + "2", "name": "other"}
    await api.ask("POST", "/api/repositories", other)
    headers = {"Idempotency-Key": next(KEYS), "Prefer": "wait=60"}
    _, first = await api.ask("POST", f"/api/repositories/{demo}/sync", headers=headers)
    status, _ = await api.ask("POST", "/api/repositories/other/sync", headers=headers)
    assert status == 422
    bob = await api.log_in("bob")
    path = f"/api/repositories/{demo}/sync"
    _, theirs = await api.ask("POST", path, headers=headers, token=bob)
    assert theirs["job_id"] != first["job_id"]


async def test_the_key_of_a_job_that_is_not_kept_any_more_is_free(api: Api, demo: str) -> None:
    headers = {"Idempotency-Key": next(KEYS), "Prefer": "wait=60"}
    _, first = await api.ask("POST", "/api/sync", {"repository": demo}, headers=headers)
    await api.made.services.ledger.prune([first["job_id"]])
    _, second = await api.ask("POST", "/api/sync", {"repository": demo}, headers=headers)
    assert second["job_id"] > first["job_id"]
