"""What pages of this and of other sites may do: headers, CORS, cookies, WebSockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError
from aiohttp.test_utils import TestClient, TestServer
from api_client import Api
from yarl import URL

from cidxd.config import Server
from cidxd.model.forwarding import Proxies
from cidxd.sections import HttpSection
from cidxd.web import strict, table
from cidxd.web.gate import Gate
from cidxd.web.server import application

LOGIN = {"username": "ada", "password": "correct horse"}
TOOLS = "https://tools.example.org"


def served(api: Api, server: Server | None = None, **terms: Any) -> TestClient[Any, Any]:
    """Return a client of the same daemon behind other settings; it keeps no cookies."""
    server = server or Server()
    gate = Gate(HttpSection(**terms), Proxies(server.trusted_proxies))
    routes, identity = table.routes(api.made.services, api.made.live), api.made.services.identity
    app = application(routes, identity, lambda: None, gate=gate, server=server)
    return TestClient(TestServer(app), cookie_jar=aiohttp.DummyCookieJar())


@pytest.fixture
async def client(api: Api) -> AsyncIterator[TestClient[Any, Any]]:
    async with served(api) as made:
        yield made


def own(client: TestClient[Any, Any]) -> str:
    return str(URL(str(client.make_url("/"))).origin())


async def cookie_of(client: TestClient[Any, Any], **headers: str) -> str:
    sent = {"Origin": own(client), **headers}
    async with client.post("/api/auth/session", json=LOGIN, headers=sent) as response:
        assert response.status == 200, await response.text()
        return "; ".join(f"{one.key}={one.value}" for one in response.cookies.values())


async def test_every_answer_has_strict_headers_whatever_its_status(
    api: Api, client: TestClient[Any, Any], demo: str
) -> None:
    bearer = {"Authorization": f"Bearer {api.token}"}
    asked = [
        ("GET", "/", {}, 200),
        ("GET", "/healthz", {}, 200),
        ("GET", "/api/auth/me", bearer, 200),
        ("GET", "/api/auth/me", {}, 401),
        ("GET", f"/api/repositories/{demo}", bearer, 200),
        ("GET", "/api/nothing", {}, 404),
        ("DELETE", "/healthz", {}, 405),
        ("POST", "/api/search", bearer, 400),
        ("GET", "/api/stream", bearer, 426),
        ("GET", "/metrics", bearer, 403),
    ]
    for method, path, headers, status in asked:
        async with client.request(method, path, headers=headers) as response:
            assert response.status == status, path
            for name in (*strict.HEADERS, "Cache-Control"):
                assert name in response.headers, (path, name)
            assert response.headers["Server"] == "cidxd"
            policy = response.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy


async def test_what_may_be_asked_again_is_kept_by_the_client_alone(
    api: Api, client: TestClient[Any, Any], demo: str
) -> None:
    job = await api.synced(demo)
    bearer = {"Authorization": f"Bearer {api.token}"}
    path = f"/api/jobs/{job['job_id']}"
    async with client.get(path, headers=bearer) as response:
        tag, control = response.headers["ETag"], response.headers["Cache-Control"]
        assert {"private", "no-cache"} <= set(control.split(", "))
    async with client.get(path, headers={**bearer, "If-None-Match": tag}) as response:
        assert response.status == 304
    async with client.get("/api/auth/me", headers=bearer) as response:
        assert response.headers["Cache-Control"] == "no-store"


async def test_no_other_sites_page_may_read_an_answer_unless_it_is_named(
    api: Api, client: TestClient[Any, Any]
) -> None:
    bearer = {"Authorization": f"Bearer {api.token}", "Origin": TOOLS}
    asks = {"Origin": TOOLS, "Access-Control-Request-Method": "POST"}
    async with client.get("/api/auth/me", headers=bearer) as response:
        assert not [name for name in response.headers if name.startswith("Access-Control")]
    async with client.options("/api/sync", headers=asks) as response:
        assert response.status == 405
        assert not [name for name in response.headers if name.startswith("Access-Control")]


async def test_a_named_sites_page_may_ask_with_a_token_and_never_with_a_cookie(api: Api) -> None:
    bearer = {"Authorization": f"Bearer {api.token}"}
    asks = {"Origin": TOOLS, "Access-Control-Request-Method": "POST"}
    async with served(api, cors_origins=[TOOLS]) as client:
        async with client.options("/api/sync", headers=asks) as response:
            assert response.status == 204
            assert response.headers["Access-Control-Allow-Origin"] == TOOLS
            assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
            assert "Origin" in response.headers["Vary"]
        for path, status in (("/api/auth/me", 200), ("/api/jobs/nothing", 404)):
            async with client.get(path, headers={**bearer, "Origin": TOOLS}) as response:
                assert response.status == status
                assert response.headers["Access-Control-Allow-Origin"] == TOOLS
                assert "Access-Control-Allow-Credentials" not in response.headers
        for stranger in ("https://evil.example", TOOLS + ".evil.example", "null", TOOLS.upper()):
            headers = {**asks, "Origin": stranger}
            async with client.options("/api/sync", headers=headers) as response:
                assert response.status == 405
                assert "Access-Control-Allow-Origin" not in response.headers
                assert response.headers["Vary"] == "Origin"
        cookie = await cookie_of(client)
        for method, path in (("GET", "/api/auth/me"), ("POST", "/api/auth/logout")):
            headers = {"Cookie": cookie, "Origin": TOOLS}
            async with client.request(method, path, headers=headers) as response:
                assert response.status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},  # another name under the same domain
    ],
)
async def test_a_cookie_is_good_for_nothing_from_another_site(
    client: TestClient[Any, Any], headers: dict[str, str]
) -> None:
    cookie = await cookie_of(client)
    async with client.get("/api/auth/me", headers={"Cookie": cookie, **headers}) as response:
        assert (response.status, (await response.json())["code"]) == (403, "origin-refused")
    async with client.get("/api/auth/me", headers={"Cookie": cookie}) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    ("content_type", "more"),
    [
        ("text/plain", {}),
        ("application/x-www-form-urlencoded", {}),
        ("multipart/form-data; boundary=x", {}),
        ("application/json", {"X-HTTP-Method-Override": "GET"}),
        ("application/json", {"Sec-Fetch-Site": "cross-site"}),
        ("application/json", {"Referer": "http://127.0.0.1/"}),
        ("application/json", {"Origin": "null"}),
    ],
)
async def test_no_form_and_no_trick_writes_with_a_cookie(
    client: TestClient[Any, Any], content_type: str, more: dict[str, str]
) -> None:
    cookie = await cookie_of(client)
    headers = {"Cookie": cookie, "Content-Type": content_type, **more}
    if "Sec-Fetch-Site" in more:
        headers["Origin"] = own(client)  # an old proxy wrote it; the browser knows better
    async with client.post("/api/auth/logout", data=b"{}", headers=headers) as response:
        assert response.status == 403
    for trick in ({"_method": "POST"}, {"method": "POST"}):
        async with client.get(
            "/api/auth/logout", params=trick, headers={"Cookie": cookie}
        ) as response:
            assert response.status == 405
    async with client.get("/api/auth/me", headers={"Cookie": cookie}) as response:
        assert response.status == 200


async def test_the_defence_outlives_a_refresh_of_the_cookie(
    api: Api, client: TestClient[Any, Any]
) -> None:
    cookie = await cookie_of(client)
    api.clock.ahead_s += 2 * 86_400
    headers = {"Cookie": cookie, "Origin": own(client)}
    async with client.get("/api/auth/session", headers=headers) as response:
        assert response.status == 200
        assert "SameSite=Strict" in response.headers["Set-Cookie"]
    foreign = {"Cookie": cookie, "Origin": "https://evil.example"}
    async with client.post("/api/auth/logout", headers=foreign) as response:
        assert response.status == 403
    async with client.post("/api/auth/logout", headers=headers) as response:
        assert response.status == 204


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null"])
async def test_another_sites_page_cannot_follow_in_a_browsers_name(
    client: TestClient[Any, Any], origin: str | None
) -> None:
    headers = {"Cookie": await cookie_of(client), **({"Origin": origin} if origin else {})}
    with pytest.raises(WSServerHandshakeError) as caught:
        await client.ws_connect("/api/stream", headers=headers)
    assert caught.value.status == 403
    stream = await client.ws_connect("/api/stream", headers={**headers, "Origin": own(client)})
    await stream.close()


async def test_behind_a_trusted_proxy_with_tls_cookies_are_secure(api: Api) -> None:
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "cidx.example.org"}
    page = {**forwarded, "Origin": "https://cidx.example.org"}
    async with served(api, Server(trusted_proxies=("127.0.0.1",))) as client:
        cookie = await cookie_of(client, **page)
        assert cookie.startswith("__Host-")
        async with client.get("/api/auth/me", headers={"Cookie": cookie, **page}) as response:
            assert response.status == 200
            assert "Strict-Transport-Security" in response.headers
        plain = {**page, "Origin": "http://cidx.example.org", "Cookie": cookie}
        async with client.post("/api/auth/logout", headers=plain) as response:
            assert response.status == 403
    async with (
        served(api) as client,  # the same words from nobody in particular
        client.post("/api/auth/session", json=LOGIN, headers=page) as response,
    ):
        assert response.status == 403
        assert "Strict-Transport-Security" not in response.headers


async def test_a_client_that_says_it_uses_tls_is_not_believed(client: TestClient[Any, Any]) -> None:
    async with client.get("/healthz", headers={"X-Forwarded-Proto": "https"}) as response:
        assert "Strict-Transport-Security" not in response.headers


async def _closing(stream: ClientWebSocketResponse) -> int | None:
    while (await stream.receive(timeout=20)).type not in {WSMsgType.CLOSE, WSMsgType.CLOSED}:
        pass
    return stream.close_code


async def test_a_socket_that_sends_too_much_is_closed(api: Api) -> None:
    bearer = {"Authorization": f"Bearer {api.token}"}
    async with served(api, messages_per_second=0.1, message_burst=5, message_bytes=1024) as client:
        chatty = await client.ws_connect("/api/stream", headers=bearer)
        for _ in range(6):
            await chatty.send_str("x")
        assert await _closing(chatty) == 1008
        pinging = await client.ws_connect("/api/stream", headers=bearer)
        for _ in range(6):
            await pinging.ping()
        assert await _closing(pinging) == 1008
        large = await client.ws_connect("/api/stream", headers=bearer)
        await large.send_str("x" * 2000)
        assert await _closing(large) == 1009


async def test_a_ping_is_answered(api: Api, client: TestClient[Any, Any]) -> None:
    bearer = {"Authorization": f"Bearer {api.token}"}
    stream = await client.ws_connect("/api/stream", headers=bearer, autoping=False)
    await stream.ping(b"there?")
    pong = await stream.receive(timeout=20)
    assert (pong.type, bytes(pong.data)) == (WSMsgType.PONG, b"there?")
    await stream.close()


async def test_one_user_has_so_many_streams_of_both_kinds(api: Api) -> None:
    bearer = {"Authorization": f"Bearer {api.token}"}
    events = {**bearer, "Accept": "text/event-stream"}
    async with served(api, streams_per_user=1) as client:
        stream = await client.ws_connect("/api/stream", headers=bearer)
        async with client.get("/api/events", headers=events) as response:
            assert response.status == 429
            assert (await response.json(content_type=None))["code"] == "too-many-streams-per-user"
        with pytest.raises(WSServerHandshakeError) as caught:
            await client.ws_connect("/api/stream", headers=bearer)
        assert caught.value.status == 429
        await stream.close()
        async with client.get("/api/events", headers=events) as response:
            assert response.status == 200
