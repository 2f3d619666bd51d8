"""
The dashboard, one page with its modules and its styles, and the page of every fault of a job.

They hold no data, so nobody logs in for them.  Every file is read once, at start, and named
by a hash of its bytes: a browser asks again each time and is told that nothing changed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import html
import importlib.resources
import pathlib
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from typing import Final

from aiohttp import web

from cidxd.errors import FAULTS, NotFoundError
from cidxd.web.route import Call, Handler, Route

_FOLDER: Final = importlib.resources.files("cidxd.web") / "static"
_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
# What the page shows is in its address; the page itself is always the same.
_VIEWS: Final = (
    "/",
    "/jobs",
    "/jobs/{job_id}",
    "/repositories",
    "/repositories/{name}",
    "/search",
    "/file",
    "/account",
    "/admin",
)


@dataclasses.dataclass(frozen=True, slots=True)
class _Asset:
    body: bytes
    media_type: str
    etag: str


def routes() -> list[Route]:
    """Return the routes of the page and of what it is made of."""
    assets = dict(_assets(_FOLDER, ""))
    index, told = assets["index.html"], _asset(faults_page().encode(), "text/html")

    async def page(call: Call) -> web.Response:
        return _sent(index, call.request)

    async def faults(call: Call) -> web.Response:
        return _sent(told, call.request)

    async def asset(call: Call) -> web.Response:
        found = assets.get(call.part("path"))
        if found is None:
            raise NotFoundError(f"no such file: {call.part('path')}", code="route-not-found")
        return _sent(found, call.request)

    return [
        *(_page(view, page, "The dashboard") for view in _VIEWS),
        _page("/static/{path:.+}", asset, "What the dashboard is made of"),
        # Where a job's `error.docs` leads to, read from the server's address on.
        _page("/docs/faults.md", faults, "Every fault that a job can end with"),
    ]


def faults_page() -> str:
    """Return what `docs/faults.md` tells of each fault, as a page with an anchor for each."""
    rows = "".join(
        f'<tr id="{code}"><td><code>{code}</code></td>'
        f"<td>{'transient' if fault.transient else 'permanent'}</td>"
        f"<td>{html.escape(fault.title)}</td><td>{html.escape(fault.hint)}</td></tr>\n"
        for code, fault in FAULTS.items()
    )
    return (_FOLDER / "faults.html").read_text("utf-8").replace("{rows}", rows)


def _page(path: str, handler: Handler, summary: str) -> Route:
    return Route(
        method="GET", path=path, handler=handler, summary=summary, is_open=True, is_page=True
    )


def _sent(asset: _Asset, request: web.Request) -> web.Response:
    headers = {**_HEADERS, "ETag": f'"{asset.etag}"'}
    if any(known.value == asset.etag for known in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return web.Response(
        body=asset.body, content_type=asset.media_type, charset="utf-8", headers=headers
    )


def _assets(folder: Traversable, prefix: str) -> Iterator[tuple[str, _Asset]]:
    """Yield every file below *folder* with its name, parts joined by slashes."""
    for entry in folder.iterdir():
        name = prefix + entry.name
        if entry.is_dir():
            yield from _assets(entry, f"{name}/")
        elif (media_type := _TYPES.get(pathlib.PurePath(name).suffix)) is not None:
            yield name, _asset(entry.read_bytes(), media_type)


def _asset(body: bytes, media_type: str) -> _Asset:
    return _Asset(body, media_type, hashlib.sha256(body).hexdigest()[:16])
