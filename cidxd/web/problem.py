"""Errors as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import http
import secrets
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from cidxd.errors import BusyError, GoneError, InvalidError, RequestError, UnavailableError
from cidxd.model.catalogue import RemoteKnownError


class ExpiredError(GoneError):
    """
    Events after the cursor are not kept any more.

    Attributes:
        fresh: The snapshot and its cursor, to go on from; empty where they are sent otherwise.
        link: Where the events after that cursor are.
    """

    code = "cursor-expired"

    def __init__(self, fresh: Mapping[str, object] | None = None, link: str = "") -> None:
        super().__init__(
            "some events after that cursor are not kept any more",
            hint="start from the snapshot that follows",
        )
        self.fresh = fresh or {}
        self.link = link


def response(err: RequestError, request_id: str) -> web.Response:
    """Return *err* as a response, with Retry-After and WWW-Authenticate where they belong."""
    extra: dict[str, Any] = {}
    headers: dict[str, str] = {}
    if isinstance(err, InvalidError) and err.pointer:
        extra["pointer"] = err.pointer
    if isinstance(err, RemoteKnownError) and err.name is not None:
        extra["name"] = err.name
    if isinstance(err, ExpiredError):
        extra |= err.fresh
        headers |= {"Link": f'<{err.link}>; rel="next"'} if err.link else {}
    if isinstance(err, BusyError | UnavailableError) and err.retry_after_s is not None:
        headers["Retry-After"] = str(err.retry_after_s)
    if err.status == http.HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="cidxd"'
    return _response(err.status, err.code, err.message, err.hint, request_id, headers, extra)


def of_http(err: web.HTTPException, request_id: str) -> web.Response:
    """Return one of aiohttp's own errors (no such route, body too large) as a problem."""
    status = http.HTTPStatus(err.status)
    headers = {name: err.headers[name] for name in ("Allow",) if name in err.headers}
    code = {404: "route-not-found", 405: "method-not-allowed", 413: "body-too-large"}.get(
        err.status, status.phrase.lower().replace(" ", "-")
    )
    hint = "see /api/openapi.json for what there is" if err.status in {404, 405} else ""
    return _response(err.status, code, status.phrase.lower(), hint, request_id, headers, {})


def internal(request_id: str) -> web.Response:
    """Return the answer to a request that broke the daemon's own code."""
    hint = f"report it with the daemon's log of request {request_id}"
    message = "something unforeseen happened"
    return _response(500, "internal", message, hint, request_id, {}, {})


def of_child(status: int, body: bytes, request_id: str) -> web.Response:
    """Return a search child's error `{code, detail, hint}` as a problem."""
    said = orjson.loads(body)
    extra = {"pointer": said["pointer"]} if "pointer" in said else {}
    code, hint = said.get("code", "search-failed"), said.get("hint", "")
    return _response(status, code, said.get("detail", ""), hint, request_id, {}, extra)


def plain(status: int, code: str, detail: str, hint: str, request_id: str) -> bytes:
    """Return a problem's document, for where there is no request to answer."""
    return _document(status, code, detail, hint, request_id, {})


def phrase(status: int) -> str:
    """Return a status's name."""
    return http.HTTPStatus(status).phrase


def new_id() -> str:
    """Return an id for a request, to be found in the log by."""
    return secrets.token_hex(8)


def _response(  # noqa: PLR0917 - the parts of a problem, in their order
    status: int,
    code: str,
    detail: str,
    hint: str,
    request_id: str,
    headers: dict[str, str],
    extra: dict[str, Any],
) -> web.Response:
    return web.Response(
        body=_document(status, code, detail, hint, request_id, extra),
        status=status,
        headers=headers,
        content_type="application/problem+json",
    )


def _document(  # noqa: PLR0917 - likewise
    status: int, code: str, detail: str, hint: str, request_id: str, extra: dict[str, Any]
) -> bytes:
    document = {
        "type": f"about:blank#{code}",
        "title": phrase(status),
        "status": status,
        "detail": detail.encode("utf-8", "replace").decode(),  # it may quote any bytes of a header
        "code": code,
        "hint": hint,
        "request_id": request_id,
        **extra,
    }
    return orjson.dumps(document)
