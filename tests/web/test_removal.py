"""Repositories that are removed and renamed while something is going on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from api_client import Api, eventually
from sandbox import Checkout

from cidxd import app
from cidxd.config import Config
from cidxd.model.catalogue import Registration
from cidxd.work import folders, lock

ONE = "/api/repositories/demo"
REMOVED = "the repository was removed"


async def jobs_of(api: Api, name: str) -> list[dict[str, Any]]:
    return list((await api.ask("GET", "/api/jobs", params={"repository": name}))[1]["jobs"])


async def running(api: Api, name: str, holding: Path) -> str:
    """Return the id of a job that waits for the lock of its repository."""
    _, job = await api.ask("POST", "/api/sync", {"repository": name, "full": True})
    state = api.made.services.state
    await eventually(lambda: state.jobs.get(job["job_id"]).status == "running")  # type: ignore[union-attr]
    assert holding.exists()
    return str(job["job_id"])


async def test_removing_cancels_the_jobs_and_deletes_what_is_on_disk(api: Api, demo: str) -> None:
    done = await api.synced(demo)
    folder = api.made.services.data.to_read(1)
    async with lock.held(folder.lock, 0):
        first = await running(api, demo, folder.index)
        _, second = await api.ask("POST", "/api/sync", {"repository": demo})
        removing = asyncio.create_task(api.ask("DELETE", ONE))
        await eventually(lambda: not api.made.services.state.jobs.active())
        assert (await api.ask("GET", ONE))[0] == 404
        assert (await api.ask("POST", "/api/search", {"q": "NEEDLE", "repository": [demo]}))[
            0
        ] == 404
        assert (await api.ask("POST", "/api/search", {"q": "NEEDLE"}))[1]["code"] == "not-indexed"
        assert (await api.ask("POST", "/api/sync", {"repository": demo}))[0] == 404
        assert folder.root.exists()
    assert (await removing)[0] == 204
    assert not folder.root.exists()
    assert api.made.services.state.removals.get(1) is None
    history = await jobs_of(api, demo)
    assert [job["job_id"] for job in history] == [second["job_id"], first, done["job_id"]]
    for job in history[:2]:
        assert (job["status"], job["cancel"]["requested_by"]) == ("cancelled", "ada")
        assert job["cancel"]["reason"] == REMOVED
    assert (await api.ask("DELETE", ONE))[0] == 404


async def test_a_name_and_a_remote_are_free_as_soon_as_a_removal_has_begun(
    api: Api, demo: str, origin: Checkout
) -> None:
    await api.synced(demo)
    folder = api.made.services.data.to_read(1)
    async with lock.held(folder.lock, 0):
        removing = asyncio.create_task(api.ask("DELETE", ONE))
        await eventually(lambda: api.made.services.state.removals.get(1) is not None)
        body = {"remote": str(origin.folder), "name": "demo"}
        status, row = await api.ask("POST", "/api/repositories", body)
        assert (status, row["branches"]) == (201, [])
    await removing
    await api.synced(demo)
    assert api.made.services.data.to_read(2).root.exists()
    assert not folder.root.exists()


async def test_a_removal_that_a_crash_cut_off_is_finished_at_the_next_start(
    api: Api, demo: str, config: Config
) -> None:
    await api.synced(demo)
    made, folder = api.made, api.made.services.data.to_read(1)
    await made.services.ledger.remove(1, "ada")  # and then the daemon is killed
    assert folder.index.exists()
    again = folders.prepared(config.server.data)
    async with app.daemon(config, again, None, asyncio.Event()) as later:
        state = later.services.state
        assert state.repositories.get(1) is None
        assert state.last_repository_id == 1
        chores = later.services.triggers.chores()
        tasks = [asyncio.create_task(chore) for chore in chores.values()]
        await eventually(lambda: state.removals.get(1) is None)
        assert not folder.root.exists()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_a_repository_that_is_renamed_keeps_its_history_under_the_new_name(
    api: Api, demo: str
) -> None:
    job = await api.synced(demo)
    events = (await api.ask("GET", f"/api/jobs/{job['job_id']}/events"))[1]["events"]
    status, row = await api.ask("PATCH", ONE, {"name": "new"})
    assert (status, row["name"]) == (200, "new")
    found = await jobs_of(api, "new")
    assert [(one["job_id"], one["repository"]) for one in found] == [(job["job_id"], "new")]
    assert await jobs_of(api, "demo") == found
    assert (await api.ask("GET", f"/api/jobs/{job['job_id']}"))[1]["repository"] == "new"
    renamed = (await api.ask("GET", f"/api/jobs/{job['job_id']}/events"))[1]["events"]
    assert renamed == [{**event, "repository": "new"} for event in events]
    query = {"repository": "new", "after": "0"}
    assert (await api.ask("GET", "/api/events", params=query))[1]["events"] == renamed
    recent = (await api.ask("GET", "/api/repositories/new/recent"))[1]["jobs"]
    assert [one["job_id"] for one in recent] == [job["job_id"]]
    status, found = await api.ask("POST", "/api/search", {"q": "NEEDLE", "repository": ["new"]})
    assert (status, found["matches"][0]["repository"]) == (200, "new")


async def test_the_old_name_goes_on_working_until_another_repository_takes_it(
    api: Api, demo: str, origin: Checkout
) -> None:
    await api.ask("PATCH", ONE, {"name": "new"})
    assert (await api.ask("GET", ONE))[1]["name"] == "new"
    assert (await api.synced(demo))["repository"] == "new"
    other = Checkout(origin.folder.with_name("other"))
    other.commit({"a.py": "A = 1\n"})
    body = {"remote": str(other.folder), "name": "demo"}
    status, row = await api.ask("POST", "/api/repositories", body)
    assert status == 201
    assert (await api.ask("GET", ONE))[1] == row
    assert await jobs_of(api, "demo") == []
    assert len(await jobs_of(api, "new")) == 1
    status, problem = await api.ask("PATCH", "/api/repositories/new", {"name": "demo"})
    assert (status, problem["code"]) == (409, "name-taken")


async def test_a_rename_under_a_running_job_goes_into_its_news_and_its_row(
    api: Api, demo: str
) -> None:
    await api.synced(demo)
    folder = api.made.services.data.to_read(1)
    async with lock.held(folder.lock, 0):
        job_id = await running(api, demo, folder.index)
        await api.ask("PATCH", ONE, {"name": "new"})
        assert (await api.ask("GET", f"/api/jobs/{job_id}"))[1]["repository"] == "new"
    headers = {"Prefer": "wait=60"}
    done = (await api.ask("GET", f"/api/jobs/{job_id}", headers=headers))[1]
    assert (done["status"], done["repository"]) == ("completed", "new")
    found = await jobs_of(api, "new")
    assert found[0] == done
    with_body = await api.made.services.history.job(job_id)
    assert with_body is not None
    assert with_body.repository == "new"


FORMS = [
    "https://git.example.org/Team/tool",
    "https://GIT.example.org:443/Team/tool.git/",
    "https://ada@git.example.org/Team/tool.git",
    "http://git.example.org:80//Team/tool.git",
    "ssh://git@git.example.org/Team/tool.git",
    "ssh://git@git.example.org:22/Team/tool",
    "git@git.example.org:Team/tool.git",
    "git.example.org:Team/tool/",
    "git@git.example.org:/Team/tool.git",
]


async def test_the_same_remote_in_any_form_is_refused_and_found(api: Api) -> None:
    for name, remote in (("tool", FORMS[0]), ("other", "https://example.com/x")):
        wanted = Registration(remote=remote, user="ada", name=name)
        await api.made.services.ledger.register(wanted)
    for form in FORMS:
        status, problem = await api.ask("POST", "/api/repositories", {"remote": form})
        assert (status, problem["code"], problem["name"]) == (409, "remote-known", "tool"), form
        status, found = await api.ask("GET", "/api/repositories/discover", params={"url": form})
        assert (status, found["name"]) == (200, "tool")
        status, problem = await api.ask("PATCH", "/api/repositories/other", {"remote": form})
        assert (status, problem["code"], problem["name"]) == (409, "remote-known", "tool"), form
