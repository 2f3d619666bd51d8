"""A browser's session: its cookie, whose page may use it, and the code of `cidx open`."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from api_client import Api
from yarl import URL

LOGIN = {"username": "ada", "password": "correct horse"}


def own(api: Api) -> dict[str, str]:
    """Return the header that a browser sends from the daemon's own page."""
    return {"Origin": str(URL(str(api.client.make_url("/"))).origin())}


async def entered(api: Api, body: object = LOGIN, **headers: str) -> tuple[int, Any, str]:
    """Return status, answer and cookie of a login from the page."""
    sent = headers or own(api)
    async with api.client.post("/api/auth/session", json=body, headers=sent) as response:
        cookies = [f"{one.key}={one.value}" for one in response.cookies.values()]
        raw = response.headers.get("Set-Cookie", "")
        assert not raw or ("HttpOnly" in raw and "SameSite=Strict" in raw)
        # Kept apart from the client's own jar: each test says itself who sends the cookie.
        api.client.session.cookie_jar.clear()
        return response.status, await response.json(content_type=None), "; ".join(cookies)


async def test_a_browser_logs_in_with_a_cookie_and_no_token(api: Api) -> None:
    status, me, cookie = await entered(api)
    assert (status, me["name"]) == (200, "ada")
    assert "token" not in str(me)
    status, me = await api.ask("GET", "/api/auth/me", token="", headers={"Cookie": cookie})
    assert (status, me["name"]) == (200, "ada")


async def test_a_wrong_password_opens_nothing(api: Api) -> None:
    status, problem, cookie = await entered(api, {**LOGIN, "password": "wrong horse"})
    assert (status, problem["code"], cookie) == (401, "login-refused", "")


@pytest.mark.parametrize("body", [{}, {"username": "ada"}, {"password": "correct horse"}])
async def test_half_a_login_is_told_what_is_missing(api: Api, body: object) -> None:
    status, problem, _ = await entered(api, body)
    assert (status, problem["code"]) == (422, "body-invalid")


@pytest.mark.parametrize(
    "stranger", ["https://evil.example.org", "null", "http://127.0.0.1.evil.example.org"]
)
async def test_another_sites_page_changes_nothing_with_the_cookie(
    api: Api, demo: str, stranger: str
) -> None:
    _, _, cookie = await entered(api)
    headers = {"Cookie": cookie, "Origin": stranger}
    body = {"repository": demo}
    status, problem = await api.ask("POST", "/api/sync", body, token="", headers=headers)
    assert (status, problem["code"]) == (403, "origin-refused")
    status, problem, _ = await entered(api, LOGIN, Origin=stranger)
    assert (status, problem["code"]) == (403, "origin-refused")
    _, page = await api.ask("GET", "/api/jobs")
    assert page["jobs"] == []


async def test_a_request_without_an_origin_changes_nothing_with_the_cookie(
    api: Api, demo: str
) -> None:
    _, _, cookie = await entered(api)
    body, headers = {"repository": demo}, {"Cookie": cookie}
    status, problem = await api.ask("POST", "/api/sync", body, token="", headers=headers)
    assert (status, problem["code"]) == (403, "origin-refused")


async def test_the_own_page_syncs_with_the_cookie(api: Api, demo: str) -> None:
    _, _, cookie = await entered(api)
    body, headers = {"repository": demo}, {"Cookie": cookie, **own(api)}
    status, job = await api.ask("POST", "/api/sync", body, token="", headers=headers)
    assert (status, job["requested_by"]) == (202, "ada")


async def test_the_stream_opens_to_the_own_page_only(api: Api) -> None:
    _, _, cookie = await entered(api)
    headers = {"Cookie": cookie, "Origin": "https://evil.example.org"}
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await api.client.ws_connect("/api/stream", headers=headers)
    assert refused.value.status == 403
    async with api.client.ws_connect(
        "/api/stream", headers={"Cookie": cookie, **own(api)}
    ) as socket:
        await socket.send_json({"subscribe": {"all": True}})
        assert "snapshot" in await socket.receive_json()


async def test_a_cookie_and_a_header_together_are_refused(api: Api) -> None:
    _, _, cookie = await entered(api)
    status, problem = await api.ask("GET", "/api/auth/me", headers={"Cookie": cookie})
    assert (status, problem["code"]) == (400, "credentials-twice")


async def test_a_logout_ends_the_browsers_session_at_once(api: Api) -> None:
    _, _, cookie = await entered(api)
    headers = {"Cookie": cookie, **own(api)}
    assert (await api.ask("POST", "/api/auth/logout", token="", headers=headers))[0] == 204
    api.client.session.cookie_jar.clear()
    status, problem = await api.ask("GET", "/api/auth/me", token="", headers={"Cookie": cookie})
    assert (status, problem["code"]) == (401, "unauthenticated")


async def test_a_cookie_is_no_refresh_token_and_a_refresh_token_no_cookie(api: Api) -> None:
    _, _, cookie = await entered(api)
    name, _, value = cookie.partition("=")
    status, _ = await api.ask("POST", "/api/auth/refresh", {"refresh_token": value}, token="")
    assert status == 401
    _, pair = await api.ask("POST", "/api/auth/login", LOGIN, token="")
    headers = {"Cookie": f"{name}={pair['refresh_token']}"}
    assert (await api.ask("GET", "/api/auth/me", token="", headers=headers))[0] == 401


async def test_a_code_lets_a_browser_in_once(api: Api) -> None:
    _, made = await api.ask("POST", "/api/auth/code")
    status, me, cookie = await entered(api, {"code": made["code"]})
    assert (status, me["name"]) == (200, "ada")
    assert cookie
    status, problem, _ = await entered(api, {"code": made["code"]})
    assert (status, problem["code"]) == (401, "login-refused")


async def test_a_code_is_good_for_a_minute(api: Api) -> None:
    _, made = await api.ask("POST", "/api/auth/code")
    api.clock.ahead_s = made["expires_in"] + 1
    assert (await entered(api, {"code": made["code"]}))[0] == 401


async def test_a_code_ends_with_the_login_that_it_was_made_with(api: Api) -> None:
    _, made = await api.ask("POST", "/api/auth/code")
    new = {"old_password": "correct horse", "new_password": "battery staple"}
    other = await api.log_in("ada")
    assert (await api.ask("POST", "/api/auth/password", new, token=other))[0] == 204
    status, _, cookie = await entered(api, {"code": made["code"]})
    assert (status, cookie) == (401, "")


async def test_a_session_in_use_lives_on(api: Api) -> None:
    _, _, cookie = await entered(api)
    for _visit in range(3):
        api.clock.ahead_s += 20 * 86_400
        headers = {"Cookie": cookie}
        _, known = await api.ask("GET", "/api/auth/session", token="", headers=headers)
        api.client.session.cookie_jar.clear()
        assert known["user"]["name"] == "ada"
    api.clock.ahead_s += 31 * 86_400
    assert (await api.ask("GET", "/api/auth/me", token="", headers={"Cookie": cookie}))[0] == 401


async def test_to_be_nobody_is_no_fault_for_a_page(api: Api) -> None:
    assert await api.ask("GET", "/api/auth/session", token="") == (200, {"user": None})


async def test_a_cookie_that_is_no_text_opens_nothing(api: Api) -> None:
    _, _, cookie = await entered(api)
    session, _, _ = cookie.partition(".")
    status, problem = await api.ask(
        "GET", "/api/auth/me", token="", headers={"Cookie": session + ".\udcff"}
    )
    assert (status, problem["code"]) == (401, "unauthenticated")
