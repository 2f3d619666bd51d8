"""
The least that answers like the daemon: `bare.py` with body and headers as JSON on stdin.

It checks the same kind of token, verified once and remembered, and sends the bytes that it
was given.  It prints its port.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time
from typing import Any, Final

import jwt

KEY: Final = "0f" * 32
JSON: Final = "application/json"


class Checked:
    """Who asks, by a token that is verified once."""

    def __init__(self) -> None:
        self._verified: dict[str, float] = {}

    def check(self, authorization: str | None) -> None:
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise PermissionError
        key = hashlib.sha256(token.encode()).hexdigest()
        ends = self._verified.get(key)
        if ends is None:
            claims = jwt.decode(token, KEY, algorithms=["HS256"], audience="cidxd", issuer="bench")
            ends = self._verified[key] = float(claims["exp"])
        if ends <= time.time():
            raise PermissionError


def token() -> str:
    """Return a token that is good for an hour."""
    now = int(time.time())
    claims = {"iss": "bench", "aud": "cidxd", "sub": "bench", "sid": "0" * 24, "typ": "access"}
    return jwt.encode({**claims, "iat": now, "exp": now + 3600}, KEY, algorithm="HS256")


def given() -> tuple[bytes, dict[str, str]]:
    """Return body and headers to answer with."""
    sent: dict[str, Any] = json.load(sys.stdin)
    return str(sent["body"]).encode(), dict(sent["headers"])


async def _serve() -> None:
    from aiohttp import web  # noqa: PLC0415 - the other server needs none of it

    checked = Checked()
    body, headers = given()

    async def show(request: web.Request) -> web.Response:
        checked.check(request.headers.get("Authorization"))
        assert request.match_info["job_id"]
        return web.Response(body=body, headers=headers, content_type=JSON)

    app = web.Application()
    app.router.add_get("/api/jobs/{job_id}", show)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
