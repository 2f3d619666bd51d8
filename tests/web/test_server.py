from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from api_client import Api

from cidxd.web import page
from cidxd.web.server import application


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8095", 200),
        ("localhost", 200),
        ("[::1]:8095", 200),
        ("evil.example.org", 400),
        ("127.0.0.1.evil.example.org:8095", 400),
    ],
)
async def test_a_private_daemon_answers_to_loopback_names_only(
    api: Api, host: str, status: int
) -> None:
    identity = api.made.services.identity
    app = application(page.routes(), identity, lambda: None, is_loopback_only=True)
    async with (
        TestClient(TestServer(app)) as client,
        client.get("/", headers={"Host": host}) as response,
    ):
        assert response.status == status
        if status == 400:
            assert (await response.json(content_type=None))["code"] == "host-refused"


async def raw(api: Api, head: bytes, body: bytes) -> dict[str, Any]:
    """Send bytes that no client would, and return the problem that they are answered by."""
    url = api.client.make_url("/")
    reader, writer = await asyncio.open_connection(url.host, url.port)
    lines = [head, b"Host: localhost", b"Content-Length: %d" % len(body), b"Connection: close"]
    writer.write(b"\r\n".join([*lines, b"", b""]) + body)
    async with asyncio.timeout(20):
        _, _, answer = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return dict(json.loads(answer))


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (b"Idempotency-Key: \xff\xfe", "header-invalid"),
        (b"Content-Encoding: gzip", "body-unreadable"),
    ],
)
async def test_bytes_that_are_no_text_in_a_header_are_refused_and_break_nothing(
    api: Api, demo: str, header: bytes, code: str
) -> None:
    head = b"\r\n".join(
        [b"POST /api/sync HTTP/1.1", b"Authorization: Bearer " + api.token.encode(), header]
    )
    problem = await raw(api, head, json.dumps({"repository": demo}).encode())
    assert (problem["status"], problem["code"]) == (400, code)


async def test_a_token_that_is_no_text_is_none_of_ours(api: Api) -> None:
    problem = await raw(api, b"GET /api/auth/me HTTP/1.1\r\nAuthorization: Bearer \xff\xfe", b"")
    assert (problem["status"], problem["code"]) == (401, "unauthenticated")


async def test_a_refusal_that_quotes_bytes_that_are_no_text_is_readable(api: Api) -> None:
    head = b"POST /api/auth/session HTTP/1.1\r\nOrigin: http://\xff"
    problem = await raw(api, head, json.dumps({"username": "ada", "password": "x"}).encode())
    assert (problem["status"], problem["code"]) == (403, "origin-refused")
    assert problem["detail"].endswith("http://?")
