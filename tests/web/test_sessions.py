"""One's logins: listed, ended, and everything that came with one ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType
from api_client import Api, eventually
from remote import Lie, Remote
from sandbox import Checkout

from cidxd.errors import UnauthenticatedError

LOGIN = {"username": "ada", "password": "correct horse"}
CHANGE = {"old_password": "correct horse", "new_password": "battery staple"}

End = Callable[[Api], Awaitable[None]]


async def log_out(api: Api) -> None:
    assert (await api.ask("POST", "/api/auth/logout"))[0] == 204


async def end_it(api: Api) -> None:
    other = await api.log_in("ada")
    _, told = await api.ask("GET", "/api/sessions", token=other)
    (mine,) = [row for row in told["sessions"] if not row["current"]]
    path = f"/api/sessions/{mine['id']}"
    assert (await api.ask("DELETE", path, token=other))[0] == 204


async def change_password(api: Api) -> None:
    other = await api.log_in("ada")
    assert (await api.ask("POST", "/api/auth/password", CHANGE, token=other))[0] == 204


async def disable(api: Api) -> None:
    root = await api.log_in("root")
    assert (await api.ask("PATCH", "/api/users/ada", {"disabled": True}, token=root))[0] == 200


ENDS = [log_out, end_it, change_password, disable]


@pytest.fixture
async def waiting(api: Api, demo: str) -> AsyncIterator[str]:
    """A job that does not start."""
    root = await api.log_in("root")
    await api.ask("POST", "/api/queue/pause", token=root)
    _, job = await api.ask("POST", "/api/sync", {"repository": demo})
    yield str(job["job_id"])
    await api.made.services.ledger.resume()


async def test_ones_own_logins_are_listed_and_nobody_elses(api: Api) -> None:
    await api.log_in("bob")
    api.clock.ahead_s = 60
    headers = {"User-Agent": "a browser\u00e9 of mine " + "x" * 300}
    _, pair = await api.ask("POST", "/api/auth/login", LOGIN, token="", headers=headers)
    _, told = await api.ask("GET", "/api/sessions", token=pair["access_token"])
    newest, older = told["sessions"]
    assert newest["agent"].startswith("a browser")
    assert len(newest["agent"]) == 200
    assert (newest["address"], newest["current"]) == ("127.0.0.1", True)
    assert older["current"] is False
    assert older["created_at"] <= older["used_at"] < newest["created_at"]
    api.clock.ahead_s = 120
    assert (await api.ask("GET", "/api/auth/me"))[0] == 200
    _, told = await api.ask("GET", "/api/sessions", token=pair["access_token"])
    assert [row["id"] for row in told["sessions"]] in (
        [newest["id"], older["id"]],
        [older["id"], newest["id"]],
    )
    used = {row["id"]: row["used_at"] for row in told["sessions"]}
    assert used[older["id"]] > older["used_at"], "a request is a use"


async def test_the_login_of_somebody_else_does_not_exist(api: Api) -> None:
    _, theirs = await api.ask("GET", "/api/sessions", token=await api.log_in("bob"))
    (session,) = theirs["sessions"]
    _, missing = await api.ask("DELETE", "/api/sessions/nothing")
    status, problem = await api.ask("DELETE", f"/api/sessions/{session['id']}")
    assert status == 404
    assert {**problem, "request_id": ""} == {**missing, "request_id": ""}


@pytest.mark.parametrize("end", ENDS)
async def test_a_websocket_ends_with_its_login_subscribed_or_not(api: Api, end: End) -> None:
    headers = {"Authorization": f"Bearer {api.token}"}
    sockets = [await api.client.ws_connect("/api/stream", headers=headers) for _ in range(2)]
    await sockets[0].send_json({"subscribe": {"all": True}})
    assert "snapshot" in await sockets[0].receive_json(timeout=30)
    await eventually(lambda: len(api.made.live._sockets) == 2)
    await end(api)
    for socket in sockets:
        assert await close_code(socket) == 1008


async def close_code(socket: ClientWebSocketResponse) -> int | None:
    async with asyncio.timeout(10):  # less than until a bookmark is due
        while (message := await socket.receive()).type is WSMsgType.TEXT:
            pass
    assert message.type is WSMsgType.CLOSE, message
    return socket.close_code


@pytest.mark.parametrize("end", ENDS)
async def test_an_event_stream_ends_with_its_login(api: Api, waiting: str, end: End) -> None:
    headers = {"Authorization": f"Bearer {api.token}", "Accept": "text/event-stream"}
    response = await api.client.get(f"/api/jobs/{waiting}/events", headers=headers)
    assert response.status == 200
    await response.content.readuntil(b"event: enqueued")
    await end(api)
    async with asyncio.timeout(10):
        rest = await response.content.read()
    assert rest.endswith(b": session ended\n\n")


@pytest.mark.parametrize("end", ENDS)
async def test_an_answer_that_is_held_becomes_a_401(api: Api, waiting: str, end: End) -> None:
    presence = api.made.services.identity.presence

    def held(path: str, **more: Any) -> asyncio.Task[tuple[int, Any]]:
        headers = {"Prefer": "wait=60", **more}
        return asyncio.create_task(api.ask("GET", path, headers=headers))

    tasks = [
        held(f"/api/jobs/{waiting}"),
        held(f"/api/jobs/{waiting}/events?after={api.made.services.state.cursor}"),
    ]
    await eventually(lambda: len(presence._tasks) == len(tasks))
    await end(api)
    async with asyncio.timeout(10):
        answers = await asyncio.gather(*tasks)
    assert [(status, problem["code"]) for status, problem in answers] == [
        (401, "unauthenticated")
    ] * len(tasks)
    assert not presence._tasks
    assert not presence._here


@pytest.mark.parametrize("end", ENDS)
async def test_a_wait_that_begins_when_the_login_has_ended_is_none(api: Api, end: End) -> None:
    presence, state = api.made.services.identity.presence, api.made.services.state
    (session_id,) = [row.session_id for row in state.sessions.values() if row.user == "ada"]
    with presence.lasting(session_id):
        pass
    await end(api)
    with pytest.raises(UnauthenticatedError), presence.lasting(session_id):
        raise AssertionError


@pytest.mark.parametrize("end", ENDS)
async def test_nothing_is_decided_for_a_login_that_ended_while_a_remote_was_asked(
    api: Api, origin: Checkout, end: End
) -> None:
    async with Remote(origin.folder) as forge:
        forge.lie = Lie(hang=True)
        body = {"remote": forge.url, "name": "late"}
        adding = asyncio.create_task(api.ask("POST", "/api/repositories", body))
        await forge.arrived.wait()
        await end(api)
        forge.lie = None
        forge._released.set()
        assert (await adding)[0] == 401
    assert list(api.made.services.state.repositories.values()) == []


async def test_other_logins_of_the_same_user_go_on(api: Api, waiting: str) -> None:
    other = await api.log_in("ada")
    task = asyncio.create_task(
        api.ask("GET", f"/api/jobs/{waiting}", token=other, headers={"Prefer": "wait=60"})
    )
    await eventually(lambda: len(api.made.services.identity.presence._tasks) == 1)
    await log_out(api)
    assert (await api.ask("GET", "/api/auth/me"))[0] == 401
    assert not task.done()
    root = await api.log_in("root")
    await api.ask("POST", f"/api/jobs/{waiting}/cancel", token=root)
    async with asyncio.timeout(10):
        status, job = await task
    assert (status, job["status"]) == (200, "cancelled")


async def test_a_new_key_signs_and_the_older_ones_verify_until_their_tokens_ran_out(
    api: Api,
) -> None:
    identity, state = api.made.services.identity, api.made.services.state
    old, keys = api.token, set(dict(state.signing_keys.items()))
    made, kept_s = await identity.rotate_keys(at_once=False)
    assert made.key_id not in keys
    assert kept_s == 15 * 60
    fresh = await api.log_in("ada")
    for token in (old, fresh):
        assert (await api.ask("GET", "/api/auth/me", token=token))[0] == 200
    api.clock.ahead_s = kept_s - 5
    await identity.rotate_keys(at_once=False)
    assert (await api.ask("GET", "/api/auth/me", token=fresh))[0] == 200
    assert len(dict(state.signing_keys.items())) == 3
    api.clock.ahead_s = kept_s + 1
    await identity.rotate_keys(at_once=False)
    assert not keys & set(dict(state.signing_keys.items())), "and then are dropped"


async def test_a_leaked_key_is_believed_no_more_at_once_and_nobody_is_logged_out(
    api: Api,
) -> None:
    _, pair = await api.ask("POST", "/api/auth/login", LOGIN, token="")
    assert (await api.ask("GET", "/api/auth/me", token=pair["access_token"]))[0] == 200
    await api.made.services.identity.rotate_keys(at_once=True)
    assert (await api.ask("GET", "/api/auth/me", token=pair["access_token"]))[0] == 401
    body = {"refresh_token": pair["refresh_token"]}
    status, fresh = await api.ask("POST", "/api/auth/refresh", body, token="")
    assert status == 200
    assert (await api.ask("GET", "/api/auth/me", token=fresh["access_token"]))[0] == 200
