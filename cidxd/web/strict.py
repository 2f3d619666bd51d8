"""
The headers that every answer has, be it an error: what a browser may do with it.

An answer is data, never a page, unless its handler says otherwise: so nothing in it may run,
be framed, or be guessed to be of another type.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Final

from aiohttp import web

from cidxd.model.toll import Verdict
from cidxd.web import cors
from cidxd.web.client_address import is_secure
from cidxd.web.gate import GATE, VERDICT

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
SERVER: Final = "cidxd"  # and no version of anything


async def prepare(request: web.Request, response: web.StreamResponse) -> None:
    """Complete the headers of an answer; aiohttp calls this just before it sends them."""
    headers = response.headers
    add(headers)
    cors.add(request, headers)
    verdict = request.get(VERDICT)
    if verdict is not None:
        headers.update(_rate_limit(verdict))
    hsts_s = request.app[GATE].terms.hsts_seconds
    if hsts_s and is_secure(request):
        headers["Strict-Transport-Security"] = f"max-age={hsts_s}"


def add(headers: MutableMapping[str, str]) -> None:
    """Add what is missing."""
    headers["Server"] = SERVER
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    if "Cache-Control" not in headers:
        # With a tag a client may ask whether there is news; without one nothing is to be kept.
        headers["Cache-Control"] = "private, no-cache" if "ETag" in headers else "no-store"


def _rate_limit(verdict: Verdict) -> dict[str, str]:
    """Return draft-ietf-httpapi-ratelimit-headers, as it is now and as many clients read it."""
    rate = verdict.rate
    window_s = max(1, round(rate.burst / rate.per_second))
    return {
        "RateLimit-Policy": f'"requests";q={rate.burst};w={window_s}',
        "RateLimit": f'"requests";r={verdict.remaining};t={verdict.reset_s}',
        "RateLimit-Limit": str(rate.burst),
        "RateLimit-Remaining": str(verdict.remaining),
        "RateLimit-Reset": str(verdict.reset_s),
    }
