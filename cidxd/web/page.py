"""The page at `/`: what this is and how to use it.  It holds no data, so nobody logs in."""

from __future__ import annotations

import importlib.resources
from typing import Final

from aiohttp import web

from cidxd.web.route import Call, Handler, Route

_FILES: Final = importlib.resources.files("cidxd.web") / "static"
_POLICY: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def routes() -> list[Route]:
    """Return the routes of the page and its style."""
    return [
        Route(
            "GET", "/", _file("index.html", "text/html"), "The page", is_open=True,
            answer=str, media_type="text/html",
        ),
        Route(
            "GET", "/static/page.css", _file("page.css", "text/css"), "The page's style",
            is_open=True, answer=str, media_type="text/css",
        ),
    ]  # fmt: skip


def _file(name: str, media_type: str) -> Handler:
    text = (_FILES / name).read_text("utf-8")

    async def send(_call: Call) -> web.Response:
        return web.Response(text=text, content_type=media_type, headers=_POLICY)

    return send
