from __future__ import annotations

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
