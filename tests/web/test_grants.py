"""Roles and grants as users meet them: what is open to whom, and what a stream still tells."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from aiohttp import ClientWebSocketResponse
from api_client import Api, eventually

from cidxd.model.account import Principal, Role
from cidxd.model.grant import OPEN, Access, Visibility
from cidxd.model.incident import Incident
from cidxd.model.job import Event
from cidxd.model.queue import Limits
from cidxd.model.registry import State
from cidxd.model.repository import Repository
from cidxd.web import following
from cidxd.web.queue_documents import queue_document
from cidxd.web.sight import Sight
from cidxd.work.bus import Subscription

PATH = "/api/repositories/demo"


@pytest.fixture
async def reader(api: Api) -> str:
    """A reader's token."""
    new = {"name": "rea", "password": "correct horse", "role": "reader"}
    assert (await api.ask("POST", "/api/users", new, token=await api.log_in("root")))[0] == 201
    return await api.log_in("rea")


def restricted(**levels: str) -> dict[str, Any]:
    users = [{"user": user, "level": level} for user, level in levels.items()]
    return {"access": {"visibility": "restricted", "users": users}}


async def test_a_reader_reads_and_searches_and_changes_nothing(
    api: Api, demo: str, reader: str
) -> None:
    job = await api.synced(demo)
    for path in (PATH, "/api/jobs", f"/api/jobs/{job['job_id']}", "/api/search?q=NEEDLE"):
        assert (await api.ask("GET", path, token=reader))[0] == 200
    assert (await api.ask("POST", "/api/search", {"q": "NEEDLE"}, token=reader))[0] == 200
    for method, path, body in (
        ("POST", "/api/sync", {"repository": demo}),
        ("POST", "/api/sync", {"repository": "no-such"}),
        ("POST", f"/api/jobs/{job['job_id']}/cancel", None),
        ("POST", f"/api/jobs/{job['job_id']}/retry", None),
        ("POST", "/api/repositories", {"remote": "/srv/x"}),
        ("PATCH", PATH, {"branches": []}),
        ("DELETE", PATH, None),
    ):
        status, problem = await api.ask(method, path, body, token=reader)
        assert (status, problem["code"]) == (403, "role-insufficient"), path
    new = {"old_password": "correct horse", "new_password": "battery staple"}
    assert (await api.ask("POST", "/api/auth/password", new, token=reader))[0] == 204


@pytest.mark.usefixtures("demo")
async def test_a_member_changes_what_is_theirs_or_what_they_may_write_to(api: Api) -> None:
    bob = await api.log_in("bob")
    status, problem = await api.ask("PATCH", PATH, {"branches": []}, token=bob)
    assert (status, problem["code"]) == (403, "forbidden")
    assert (await api.ask("DELETE", PATH, token=bob))[0] == 403
    users = [{"user": "bob", "level": "write"}]
    given = {"access": {"visibility": "all", "users": users}}
    assert (await api.ask("PATCH", PATH, given))[0] == 200
    status, row = await api.ask("PATCH", PATH, {"branches": []}, token=bob)
    assert status == 200
    assert "access" not in row
    status, problem = await api.ask("PATCH", PATH, given, token=bob)
    assert (status, problem["code"]) == (403, "forbidden")


async def test_who_added_it_says_whom_a_repository_is_shown_to(api: Api, demo: str) -> None:
    bob, root = await api.log_in("bob"), await api.log_in("root")
    _, row = await api.ask("PATCH", PATH, restricted())
    assert row["access"] == {"visibility": "restricted", "users": []}
    assert (await api.ask("GET", PATH, token=bob))[0] == 404
    assert (await api.ask("GET", PATH, token=root))[0] == 200
    await api.ask("PATCH", PATH, restricted(bob="read"), token=root)
    status, row = await api.ask("GET", PATH, token=bob)
    assert status == 200
    assert "access" not in row
    status, problem = await api.ask("POST", "/api/sync", {"repository": demo}, token=bob)
    assert (status, problem["code"]) == (403, "forbidden")
    await api.ask("PATCH", PATH, restricted(bob="write"))
    assert (await api.ask("POST", "/api/sync", {"repository": demo}, token=bob))[0] == 202


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (restricted(zoe="read"), "/access/users"),
        (restricted(bob="own"), "/access/users/0/level"),
        ({"access": {"visibility": "none"}}, "/access/visibility"),
        ({"access": {"visibility": "all", "groups": []}}, "/access/groups"),
        (
            {
                "access": {
                    "visibility": "all",
                    "users": [{"user": "bob", "level": "read"}, {"user": "bob", "level": "write"}],
                }
            },
            "/access/users",
        ),
    ],
)
@pytest.mark.usefixtures("demo")
async def test_a_grant_that_makes_no_sense_is_refused(api: Api, body: object, pointer: str) -> None:
    status, problem = await api.ask("PATCH", PATH, body)
    assert (status, problem["pointer"]) == (422, pointer)


async def opened(api: Api, token: str, topic: object) -> ClientWebSocketResponse:
    headers = {"Authorization": f"Bearer {token}"}
    stream = await api.client.ws_connect("/api/stream", headers=headers)
    await stream.send_json({"subscribe": topic})
    return stream


async def frame(stream: ClientWebSocketResponse) -> dict[str, Any]:
    async with asyncio.timeout(30):
        return dict(await stream.receive_json())


async def test_a_grant_that_is_taken_away_ends_the_sight_of_events_at_once(
    api: Api, demo: str
) -> None:
    bob = await api.log_in("bob")
    named = await opened(api, bob, {"repository": demo})
    everything = await opened(api, bob, {"all": True})
    assert "snapshot" in await frame(named)
    assert "snapshot" in await frame(everything)
    await api.ask("PATCH", PATH, restricted())
    _, job = await api.ask("POST", "/api/sync", {"repository": demo})
    assert await frame(named) == {
        "error": {
            "code": "repository-not-found", "hint": "the repository is not there any more",
        }
    }  # fmt: skip
    await api.ask("GET", f"/api/jobs/{job['job_id']}", headers={"Prefer": "wait=60"})
    await api.ask("PATCH", PATH, {"access": {"visibility": "all"}})
    last = await api.synced(demo)
    seen = await frame(everything)
    assert seen["event"]["job_id"] == last["job_id"]
    await named.close()
    await everything.close()


async def test_a_stream_of_what_is_hidden_is_one_of_what_does_not_exist(
    api: Api, demo: str
) -> None:
    job = await api.synced(demo)
    await api.ask("PATCH", PATH, restricted())
    bob = await api.log_in("bob")
    absent = job["job_id"][:-4] + "beef"
    said = []
    for topic in (
        {"job": job["job_id"]}, {"job": absent}, {"repository": demo}, {"repository": "none"},
    ):  # fmt: skip
        stream = await opened(api, bob, topic)
        said.append(await frame(stream))
        await stream.close()
    assert said[0] == said[1] == {
        "error": {"code": "job-not-found", "hint": "list them: cidx jobs list"}
    }  # fmt: skip
    assert said[2] == said[3]


async def test_what_waits_in_a_hidden_repository_is_in_no_snapshot(api: Api, demo: str) -> None:
    bob = await api.log_in("bob")
    await api.ask("POST", "/api/queue/pause", {}, token=await api.log_in("root"))
    _, job = await api.ask("POST", "/api/sync", {"repository": demo})
    _, told = await api.ask("GET", "/api/events", token=bob)
    assert [one["job_id"] for one in told["snapshot"]["jobs"]] == [job["job_id"]]
    await api.ask("PATCH", PATH, restricted())
    _, told = await api.ask("GET", "/api/events", token=bob)
    assert told["snapshot"]["jobs"] == []
    stream = await opened(api, bob, {"all": True})
    assert (await frame(stream))["snapshot"] == {"jobs": []}
    await stream.close()


class Handed:
    """A subscription that hands over what it is given, then nothing: a bookmark is due."""

    def __init__(self, events: list[Event]) -> None:
        self._events = events

    async def next(self, within_s: float | None = None) -> list[Event]:
        assert within_s is not None
        events, self._events = self._events, []
        return events


async def test_an_event_that_was_queued_before_a_grant_ended_is_not_sent_after_it(
    api: Api, demo: str
) -> None:
    await api.synced(demo)
    services, who = api.made.services, Principal("bob", Role.MEMBER)
    followed = following.of_repository(services, who, None)
    queued = await services.history.events(after=0, limit=10)
    assert queued
    await api.ask("PATCH", PATH, restricted())
    news, cursor = cast("Subscription", Handed(queued)), services.state.cursor
    told = following.events(services, who, followed, news, cursor, cursor)
    assert await anext(told) == []
    await told.aclose()  # type: ignore[attr-defined]


async def test_server_sent_events_end_with_the_grant(api: Api, demo: str) -> None:
    bob = await api.log_in("bob")
    headers = {"Authorization": f"Bearer {bob}", "Accept": "text/event-stream"}
    async with api.client.get(f"/api/events?repository={demo}", headers=headers) as response:
        assert response.status == 200
        await response.content.readuntil(b"event: snapshot")
        await api.ask("PATCH", PATH, restricted())
        _, job = await api.ask("POST", "/api/sync", {"repository": demo})
        async with asyncio.timeout(30):
            rest = (await response.read()).decode()
    assert "event: error" in rest
    assert job["job_id"] not in rest


async def test_an_answer_that_was_held_is_not_given_to_who_may_not_read_it_any_more(
    api: Api, demo: str
) -> None:
    bob = await api.log_in("bob")
    await api.ask("POST", "/api/queue/pause", {}, token=await api.log_in("root"))
    _, job = await api.ask("POST", "/api/sync", {"repository": demo})
    followers = api.made.services.bus.followers
    holding = asyncio.create_task(
        api.ask("GET", f"/api/jobs/{job['job_id']}", token=bob, headers={"Prefer": "wait=60"})
    )
    await eventually(lambda: api.made.services.bus.followers > followers)
    await api.ask("PATCH", PATH, restricted())
    await api.ask("POST", f"/api/jobs/{job['job_id']}/cancel")
    status, problem = await holding
    assert (status, problem["code"]) == (404, "job-not-found")


def of_host(number: int, access: Access) -> Repository:
    return Repository(
        repository_id=number, name=f"r{number}", remote=f"https://example.org/r{number}",
        key=f"example.org/r{number}", created_at=1.0, created_by="eve", access=access,
    )  # fmt: skip


def test_an_incident_names_what_one_may_read_and_no_host_of_others() -> None:
    hidden = Access(visibility=Visibility.RESTRICTED)
    known = Incident(
        host="example.org", code="remote-unreachable", detail="", since=1.0, last_at=1.0,
        failed_at={1: 1.0, 2: 1.0}, opened_at=1.0,
    )  # fmt: skip
    state = State()
    state.incidents.put(known.host, known)
    state.repositories.put(1, of_host(1, hidden))
    state.repositories.put(2, of_host(2, hidden))

    def told(name: str, role: Role) -> list[Any]:
        sight = Sight(state, Principal(name, role))
        return list(queue_document(state, sight, Limits(), 2.0)["incidents"])

    assert told("ada", Role.MEMBER) == []
    assert told("root", Role.ADMIN)[0]["repositories"] == ["r1", "r2"]
    state.repositories.put(2, of_host(2, OPEN))
    (seen,) = told("ada", Role.MEMBER)
    assert (seen["repositories"], seen["repositories_total"]) == (["r2"], 1)
