"""
Other sites' pages (CORS): none may read an answer, unless the operator names the site.

A named site may use a token.  It never gets to use a browser's cookie: there is no answer
with Access-Control-Allow-Credentials, and `browsers` refuses a cookie from elsewhere anyway.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Final

from aiohttp import web

ORIGINS: Final = web.AppKey("cors_origins", frozenset[str])

_PREFLIGHT_S: Final = 600
_METHODS: Final = "GET, POST, PUT, PATCH, DELETE"
_SENT: Final = (
    "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Prefer,"
    " traceparent"
)
_READ: Final = (
    "Content-Range, ETag, Link, Location, Preference-Applied, RateLimit, RateLimit-Limit,"
    " RateLimit-Policy, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-Id"
)


@web.middleware
async def preflight(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer a browser that asks whether a named site's page may ask."""
    if request.method == "OPTIONS" and _named(request) and _ASKS in request.headers:
        return web.Response(
            status=204,
            headers={
                "Access-Control-Allow-Methods": _METHODS,
                "Access-Control-Allow-Headers": _SENT,
                "Access-Control-Max-Age": str(_PREFLIGHT_S),
            },
        )
    return await handler(request)


def add(request: web.Request, headers: MutableMapping[str, str]) -> None:
    """Add to an answer what a named site's page needs to read it."""
    if not request.app[ORIGINS]:
        return
    vary = headers.get("Vary")
    headers["Vary"] = f"{vary}, Origin" if vary else "Origin"
    origin = _named(request)
    if origin:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = _READ
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"


def _named(request: web.Request) -> str | None:
    origin = request.headers.get("Origin")
    return origin if origin in request.app[ORIGINS] else None


_ASKS: Final = "Access-Control-Request-Method"
