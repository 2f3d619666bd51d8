"""
The page at `/`, what this is and how to use it, and the page of every fault of a job.

They hold no data, so nobody logs in.
"""

from __future__ import annotations

import html
import importlib.resources
from typing import Final

from aiohttp import web

from cidxd.errors import FAULTS
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
        # Where a job's `error.docs` leads to, read from the server's address on.
        Route(
            "GET", "/docs/faults.md", _page(faults_page()), "Every fault that a job can end with",
            is_open=True, answer=str, media_type="text/html",
        ),
    ]  # fmt: skip


def faults_page() -> str:
    """Return what `docs/faults.md` tells of each fault, as a page with an anchor for each."""
    rows = "".join(
        f'<tr id="{code}"><td><code>{code}</code></td>'
        f"<td>{'transient' if fault.transient else 'permanent'}</td>"
        f"<td>{html.escape(fault.title)}</td><td>{html.escape(fault.hint)}</td></tr>\n"
        for code, fault in FAULTS.items()
    )
    return (_FILES / "faults.html").read_text("utf-8").replace("{rows}", rows)


def _file(name: str, media_type: str) -> Handler:
    return _page((_FILES / name).read_text("utf-8"), media_type)


def _page(text: str, media_type: str = "text/html") -> Handler:
    async def send(_call: Call) -> web.Response:
        return web.Response(text=text, content_type=media_type, headers=_POLICY)

    return send
