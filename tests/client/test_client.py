from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from aiohttp import web

from cidx.access import FixedAccess
from cidx.client import Client, job_path, repository_path
from cidx.errors import ConnectionLostError, NotLoggedInError, ProblemError


class Access(FixedAccess):
    """A server whose token is renewed as often as it is asked for."""

    renewals = 0

    def renew(self, refused_token: str) -> bool:
        self.renewals += 1
        self._token = f"{refused_token}+"
        return True


@pytest.fixture
def asked() -> list[web.Request]:
    return []


@pytest.fixture
def serve(aiohttp_server: Any, asked: list[web.Request]) -> Any:
    async def start(*answers: web.Response | None) -> str:
        """Serve the answers in turn; None cuts the line without one."""
        left = list(answers)

        async def handle(request: web.Request) -> web.Response:
            await request.read()
            asked.append(request)
            found = left.pop(0)
            if found is None:
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            return found

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        return str((await aiohttp_server(app)).make_url("")).rstrip("/")

    return start


def refusal(code: str) -> web.Response:
    return web.json_response({"code": code, "detail": "no"}, status=401)


async def test_a_refused_token_is_renewed_once_and_the_same_request_sent_again(
    serve: Any, asked: list[web.Request]
) -> None:
    access = Access(await serve(refusal("token-expired"), web.json_response({"ok": 1})), "t")
    with Client(access) as client:
        assert await asyncio.to_thread(client.post, "/api/sync", {"a": 1}) == {"ok": 1}
    assert [one.headers["Authorization"] for one in asked] == ["Bearer t", "Bearer t+"]
    assert len({one.headers["Idempotency-Key"] for one in asked}) == 1


async def test_a_token_refused_twice_is_an_error(serve: Any) -> None:
    access = Access(await serve(refusal("token-expired"), refusal("token-expired")), "t")
    with Client(access) as client, pytest.raises(ProblemError) as caught:
        await asyncio.to_thread(client.get, "/api/jobs")
    assert (access.renewals, caught.value.exit_code) == (1, 4)


async def test_a_wrong_password_is_not_a_token_to_renew(serve: Any) -> None:
    access = Access(await serve(refusal("credentials-wrong")), "t")
    with Client(access) as client, pytest.raises(ProblemError, match="no"):
        await asyncio.to_thread(client.get, "/x")
    assert access.renewals == 0


async def test_a_fixed_token_that_is_refused_says_where_it_came_from(serve: Any) -> None:
    access = FixedAccess(await serve(refusal("unauthenticated")), "t")
    with Client(access) as client, pytest.raises(NotLoggedInError) as caught:
        await asyncio.to_thread(client.get, "/x")
    assert "CIDX_TOKEN" in caught.value.hint


async def test_a_kept_connection_that_went_away_is_opened_again(
    serve: Any, asked: list[web.Request]
) -> None:
    url = await serve(web.json_response({}), None, web.json_response({"second": True}))

    def twice() -> Any:
        with Client(FixedAccess(url, "t")) as client:
            client.get("/one")
            return client.get("/two")

    assert await asyncio.to_thread(twice) == {"second": True}
    assert [one.path for one in asked] == ["/one", "/two", "/two"]


async def test_a_fresh_connection_that_breaks_is_not_tried_for_ever(serve: Any) -> None:
    access = FixedAccess(await serve(None, None), "t")
    with Client(access) as client, pytest.raises(ConnectionLostError):
        await asyncio.to_thread(client.get, "/x")


async def test_a_post_whose_answer_is_lost_is_sent_again_with_the_same_key(
    serve: Any, asked: list[web.Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    url = await serve(None, None, web.json_response({"job_id": "beef"}))
    with Client(FixedAccess(url, "t")) as client:
        assert await asyncio.to_thread(client.post, "/api/sync") == {"job_id": "beef"}
    assert len(asked) == 3
    assert len({one.headers["Idempotency-Key"] for one in asked}) == 1


async def test_a_post_whose_answers_are_lost_for_ever_is_given_up(
    serve: Any, asked: list[web.Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    url = await serve(*[None] * 9)
    with Client(FixedAccess(url, "t")) as client, pytest.raises(ConnectionLostError):
        await asyncio.to_thread(client.post, "/api/sync")
    assert len(asked) == 6


async def test_a_post_that_nobody_heard_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("it waited"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    access = FixedAccess(f"http://127.0.0.1:{port}", "t")
    with Client(access) as client, pytest.raises(ConnectionLostError) as caught:
        client.post("/api/sync")
    assert caught.value.exit_code == 3


async def test_the_base_addresss_path_is_kept(serve: Any, asked: list[web.Request]) -> None:
    url = await serve(web.json_response({}))
    with Client(FixedAccess(f"{url}/base", "t")) as client:
        await asyncio.to_thread(client.get, "/api/jobs", {"q": "a b", "user": None, "limit": 0})
    assert str(asked[0].rel_url) == "/base/api/jobs?q=a+b&limit=0"


def test_names_in_paths_are_quoted() -> None:
    assert repository_path("a/b c") == "/api/repositories/a%2Fb%20c"
    assert job_path("beef", "events") == "/api/jobs/beef/events"
