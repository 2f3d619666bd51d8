"""Symptoms of other systems' interfaces, one by one: each fails to happen here."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest
from api_client import Api


async def test_jobs_are_read_from_memory_while_the_database_is_held_by_somebody(
    api: Api, demo: str
) -> None:
    job = await api.synced(demo)
    path = api.made.services.data.database
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        writing = asyncio.create_task(api.ask("POST", "/api/sync", {"repository": demo}))
        async with asyncio.timeout(4):  # the writer waits for five seconds
            for _ in range(20):
                assert (await api.ask("GET", f"/api/jobs/{job['job_id']}"))[0] == 200
                assert (await api.ask("GET", "/api/jobs?limit=5"))[0] == 200
                assert (await api.ask("GET", "/readyz", token=""))[0] == 200
        assert not writing.done()
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert (await writing)[0] == 202


async def test_page_2_is_not_empty_and_no_job_is_listed_twice(api: Api, demo: str) -> None:
    made = [(await api.synced(demo))["job_id"] for _ in range(5)]
    listed, query = [], "limit=2"
    while True:
        _, page = await api.ask("GET", f"/api/jobs?{query}&repository={demo}")
        assert page["jobs"]
        listed += [job["job_id"] for job in page["jobs"]]
        if page["next_cursor"] is None:
            break
        query = f"limit=2&cursor={page['next_cursor']}"
    assert listed == made[::-1]


@pytest.mark.parametrize(
    ("fits", "fits_not"),
    [
        ("status=completed", "status=failed"),
        ("repository=demo", "repository=other"),
        ("user=ada", "user=bob"),
        ("outcome=updated", "outcome=unchanged"),
        ("since=2020-01-01T00:00:00Z", "since=2100-01-01T00:00:00Z"),
        ("until=2100-01-01T00:00:00Z", "until=2020-01-01T00:00:00Z"),
        ("q=up to date", "q=on the moon"),
    ],
)
async def test_no_filter_is_accepted_and_ignored(
    api: Api, demo: str, fits: str, fits_not: str
) -> None:
    await api.synced(demo)
    _, found = await api.ask("GET", f"/api/jobs?{fits}")
    assert len(found["jobs"]) == 1
    status, found = await api.ask("GET", f"/api/jobs?{fits_not}")
    assert status == 404 or found["jobs"] == []


async def test_what_a_list_prints_of_an_id_is_enough_to_ask_for_the_job(
    api: Api, demo: str
) -> None:
    job = await api.synced(demo)
    for part in (job["job_id"][-8:], job["job_id"], job["job_id"][:-4]):
        status, same = await api.ask("GET", f"/api/jobs/{part}")
        assert (status, same["job_id"]) == (200, job["job_id"])


async def test_refresh_returns_the_token_that_it_rotated(api: Api) -> None:
    sent = {"username": "ada", "password": "correct horse"}
    _, first = await api.ask("POST", "/api/auth/login", sent, token="")
    known = {first["refresh_token"]}
    for _ in range(3):
        used = {"refresh_token": first["refresh_token"]}
        status, first = await api.ask("POST", "/api/auth/refresh", used, token="")
        assert status == 200
        assert first["refresh_token"] not in known
        known.add(first["refresh_token"])
        assert (await api.ask("GET", "/api/auth/me", token=first["access_token"]))[0] == 200
