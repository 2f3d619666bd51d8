"""Personal access tokens: made once, kept as a hash, out at once when revoked."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

import pytest
from aiohttp import WSCloseCode, WSMsgType
from api_client import Api, eventually

from cidxd.model.account import Role
from cidxd.model.personal import USE_NOTED_S

DAY_S = 86_400.0


async def made(api: Api, *scopes: str, days: int = 7, token: str | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {"name": "ci", "days": days}
    if scopes:
        body["scopes"] = list(scopes)
    status, answer = await api.ask("POST", "/api/tokens", body, token=token)
    assert status == 201, answer
    return dict(answer)


def rows(api: Api) -> list[Any]:
    connection = sqlite3.connect(api.made.services.data.database)
    try:
        return connection.execute("SELECT * FROM personal_token").fetchall()
    finally:
        connection.close()


async def test_a_token_is_shown_once_and_kept_as_a_hash(api: Api) -> None:
    token = await made(api)
    secret = token["token"]
    assert secret.startswith("cidx_pat_")
    assert len(secret) == len("cidx_pat_") + 43
    _, listed = await api.ask("GET", "/api/tokens")
    assert listed["tokens"] == [{key: token[key] for key in token if key != "token"}]
    assert token["scopes"] == ["read"]
    assert token["last_used_at"] is None
    assert secret not in str(rows(api))
    for file in api.made.services.data.root.glob("cidxd.db*"):
        assert secret.encode() not in file.read_bytes()
    _, me = await api.ask("GET", "/api/auth/me", token=secret)
    assert me == {"name": "ada", "role": "member", "kind": "token", "scope": "read"}


async def test_a_scope_is_all_that_a_token_may_do(api: Api, demo: str) -> None:
    tries: dict[str, tuple[str, str, Any]] = {
        "read": ("GET", "/api/jobs", None),
        "search": ("POST", "/api/search", {"q": "x", "repository": [demo]}),
        "sync": ("POST", "/api/sync", {"repository": demo}),
        "change": ("PATCH", "/api/repositories/demo", {"branches": []}),
        "token": ("POST", "/api/tokens", {"name": "more", "days": 1}),
        "list": ("GET", "/api/tokens", None),
        "code": ("POST", "/api/auth/code", None),
        "password": ("POST", "/api/auth/password", {"old_password": "x", "new_password": "y" * 9}),
    }
    refused: dict[str, dict[str, str]] = {}
    for scope in ("read", "sync", "admin"):
        secret = (await made(api, scope))["token"]
        refused[scope] = {}
        for what, (method, path, body) in tries.items():
            status, answer = await api.ask(method, path, body, token=secret)
            if status == 403:
                refused[scope][what] = answer["code"]
    login = dict.fromkeys(("token", "list", "code", "password"), "login-needed")
    few = "scope-insufficient"
    assert refused == {
        "read": {"sync": few, "change": few, **login},
        "sync": {"change": few, **login},
        "admin": login,
    }


async def test_an_administrators_token_to_read_with_sees_all_and_administers_nothing(
    api: Api, demo: str
) -> None:
    root = await api.log_in("root")
    await api.ask("PATCH", f"/api/repositories/{demo}", {"access": {"visibility": "restricted"}})
    secret = (await made(api, "read", token=root))["token"]
    assert (await api.ask("GET", f"/api/repositories/{demo}", token=secret))[0] == 200
    assert (await api.ask("GET", "/metrics", token=secret))[0] == 200
    assert (await api.ask("GET", "/api/users", token=secret))[0] == 403
    assert (await api.ask("POST", "/api/queue/pause", {}, token=secret))[0] == 403


async def test_a_token_ends_when_it_is_revoked_streams_included(api: Api, demo: str) -> None:
    token = await made(api)
    headers = {"Authorization": f"Bearer {token['token']}"}
    stream = await api.client.ws_connect("/api/stream", headers=headers)
    await stream.send_json({"subscribe": {"all": True}})
    assert "snapshot" in await stream.receive_json()
    assert (await api.ask("DELETE", f"/api/tokens/{token['id']}"))[0] == 204
    assert (await api.ask("GET", "/api/jobs", token=token["token"]))[0] == 401
    await api.ask("POST", "/api/sync", {"repository": demo})
    async with asyncio.timeout(30):
        message = await stream.receive()
    assert message.type is WSMsgType.CLOSE
    assert stream.close_code == WSCloseCode.POLICY_VIOLATION
    status, problem = await api.ask("DELETE", f"/api/tokens/{token['id']}")
    assert (status, problem["code"]) == (404, "token-not-found")


async def test_a_held_answer_ends_with_its_token_and_is_told_as_of_when_it_ends(
    api: Api, demo: str
) -> None:
    ledger, presence = api.made.services.ledger, api.made.services.identity.presence
    root = await api.log_in("root")
    await api.ask("PATCH", f"/api/repositories/{demo}", {"access": {"visibility": "restricted"}})
    own, admins = await made(api), await made(api, token=root)
    await api.ask("POST", "/api/queue/pause", token=root)
    _, job = await api.ask("POST", "/api/sync", {"repository": demo})
    path, cursor = f"/api/jobs/{job['job_id']}", api.made.services.state.cursor

    def held(path: str, secret: str) -> asyncio.Task[tuple[int, Any]]:
        headers = {"Prefer": "wait=60"}
        return asyncio.create_task(api.ask("GET", path, token=secret, headers=headers))

    revoked = held(path, own["token"])
    demoted = [
        held(where, admins["token"])
        for where in (path, f"{path}/events?after={cursor}", f"/api/events?after={cursor}")
    ]
    await eventually(lambda: len(presence._tasks) == 1 + len(demoted))
    assert (await api.ask("DELETE", f"/api/tokens/{own['id']}"))[0] == 204
    async with asyncio.timeout(10):
        assert (await revoked)[0] == 401
    await ledger.change_user("root", role=Role.MEMBER)
    await ledger.resume()
    async with asyncio.timeout(30):
        (show, _), (events, _), (every, told) = await asyncio.gather(*demoted)
    assert (show, events, every, told["events"]) == (404, 404, 200, [])


async def test_another_users_token_is_revoked_by_administrators_only(api: Api) -> None:
    token = await made(api)
    bob, root = await api.log_in("bob"), await api.log_in("root")
    of_ada = f"/api/tokens/{token['id']}"
    refused, none = await api.ask("DELETE", of_ada, token=bob)
    assert (refused, none["code"]) == (404, "token-not-found")
    assert (await api.ask("GET", "/api/tokens?user=ada", token=bob))[0] == 403
    _, listed = await api.ask("GET", "/api/tokens?user=ada", token=root)
    assert [one["id"] for one in listed["tokens"]] == [token["id"]]
    assert (await api.ask("DELETE", of_ada, token=root))[0] == 204
    assert (await api.ask("GET", "/api/jobs", token=token["token"]))[0] == 401


async def test_every_token_that_is_no_good_is_refused_in_the_same_words(api: Api) -> None:
    revoked, ended, orphan = await made(api), await made(api, days=1), None
    await api.ask("DELETE", f"/api/tokens/{revoked['id']}")
    orphan = await made(api, token=await api.log_in("bob"))
    root = await api.log_in("root")
    await api.ask("PATCH", "/api/users/bob", {"disabled": True}, token=root)
    api.clock.ahead_s = DAY_S + 1
    good = ended["token"]
    said = []
    for token in (
        revoked["token"], ended["token"], orphan["token"], "cidx_pat_", "cidx_pat_" + "A" * 43,
        good[:-1], good + "x", good.upper(), "cidx_pat_" + "x" * 4000, "no token at all",
    ):  # fmt: skip
        headers = {"Authorization": f"Bearer {token}"}
        async with api.client.get("/api/jobs", headers=headers) as response:
            problem = await response.json()
            problem.pop("request_id")
            passing = ("x-request-id", "date", "ratelimit")
            told = {
                name: value
                for name, value in response.headers.items()
                if not name.lower().startswith(passing)
            }
            said.append((response.status, problem, told))
            assert token not in str(problem)
    assert said == [said[0]] * len(said)
    assert said[0][0] == 401


async def test_a_role_that_changes_holds_for_tokens_at_once(api: Api, demo: str) -> None:
    secret = (await made(api, "sync"))["token"]
    assert (await api.ask("POST", "/api/sync", {"repository": demo}, token=secret))[0] == 202
    root = await api.log_in("root")
    await api.ask("PATCH", "/api/users/ada", {"role": "reader"}, token=root)
    status, problem = await api.ask("POST", "/api/sync", {"repository": demo}, token=secret)
    assert (status, problem["code"]) == (403, "role-insufficient")


async def test_a_disabled_user_has_no_token_left_when_let_in_again(api: Api) -> None:
    secret, root = (await made(api))["token"], await api.log_in("root")
    for is_disabled in (True, False):
        await api.ask("PATCH", "/api/users/ada", {"disabled": is_disabled}, token=root)
        assert (await api.ask("GET", "/api/jobs", token=secret))[0] == 401


async def test_the_last_use_is_kept_but_not_written_for_each_request(api: Api) -> None:
    token = await made(api)
    kept = []
    for ahead_s in (0.0, USE_NOTED_S / 2, USE_NOTED_S + 5):
        api.clock.ahead_s = ahead_s
        for _ in range(3):
            await api.ask("GET", "/api/jobs", token=token["token"])
        kept.append(rows(api)[0][-1])
    assert kept[0] is not None
    assert kept[1] == kept[0]
    assert kept[2] - kept[0] >= USE_NOTED_S
    _, listed = await api.ask("GET", "/api/tokens")
    assert listed["tokens"][0]["last_used_at"] is not None


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"name": "x"}, "body-invalid", "/days"),
        ({"name": "x", "days": 366}, "token-too-long", "/days"),
        ({"name": "x", "days": 0}, "body-invalid", "/days"),
        ({"name": "", "days": 1}, "body-invalid", "/name"),
        ({"name": "x", "days": 1, "scopes": []}, "body-invalid", "/scopes"),
        ({"name": "x", "days": 1, "scopes": ["root"]}, "body-invalid", "/scopes/0"),
    ],
)
async def test_a_token_without_an_end_or_with_an_unknown_scope_is_refused(
    api: Api, body: object, code: str, pointer: str
) -> None:
    status, problem = await api.ask("POST", "/api/tokens", body)
    assert (status, problem["code"], problem["pointer"]) == (422, code, pointer)


async def test_a_stream_of_a_revoked_token_takes_no_further_subscription(api: Api) -> None:
    token = await made(api)
    headers = {"Authorization": f"Bearer {token['token']}"}
    stream = await api.client.ws_connect("/api/stream", headers=headers)
    await api.ask("DELETE", f"/api/tokens/{token['id']}")
    await stream.send_json({"subscribe": {"all": True}})
    async with asyncio.timeout(30):
        message = await stream.receive()
    assert (message.type, message.data) == (WSMsgType.CLOSE, WSCloseCode.POLICY_VIOLATION)
