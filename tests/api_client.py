"""A client of the daemon, as the API's tests use it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any

from aiohttp.test_utils import TestClient

from cidxd import app


async def eventually(is_so: Callable[[], object]) -> None:
    """Wait for something that the daemon in this loop does."""
    async with asyncio.timeout(30):
        while not is_so():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)


class Clock:
    """How far the daemon's clock is put on."""

    def __init__(self) -> None:
        self.ahead_s = 0.0


@dataclasses.dataclass
class Api:
    """A client of the daemon, and the daemon itself."""

    client: TestClient[Any, Any]
    made: app.Daemon
    clock: Clock
    token: str = ""

    async def ask(
        self, method: str, path: str, body: object = None, *, token: str | None = None, **more: Any
    ) -> tuple[int, Any]:
        """Return status and JSON of one request."""
        used = self.token if token is None else token
        headers = {"Authorization": f"Bearer {used}"} if used else {}
        headers |= more.pop("headers", {})
        async with self.client.request(
            method, path, json=body, headers=headers, **more
        ) as response:
            text = await response.read()
            if response.status >= 400 and response.status != 503:
                assert response.content_type == "application/problem+json", text
            is_json = text and "json" in response.content_type
            return response.status, await response.json(content_type=None) if is_json else None

    async def log_in(self, name: str) -> str:
        status, pair = await self.ask(
            "POST", "/api/auth/login", {"username": name, "password": "correct horse"}, token=""
        )
        assert status == 200
        return str(pair["access_token"])

    async def synced(self, name: str) -> dict[str, Any]:
        """Sync a repository to its end and return the job."""
        status, job = await self.ask(
            "POST", "/api/sync", {"repository": name}, headers={"Prefer": "wait=60"}
        )
        assert status == 202, job
        assert job["status"] == "completed", job
        return dict(job)
