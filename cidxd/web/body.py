"""A request's body: read within its limits of size and time, then understood."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

import orjson
from aiohttp import web
from pydantic import ValidationError

from cidxd.errors import InvalidError
from cidxd.web.gate import CLOSES, gate_of
from cidxd.web.route import Route, Sent

OPEN_BYTES: Final = 16_384  # where nobody needs a token: names, passwords, codes


def most_of(route: Route, request: web.Request) -> int:
    """Return how many bytes a body may have on *route*; 0 where none is read."""
    if route.body is None:
        return 0
    most = gate_of(request).terms.body_bytes
    return min(most, OPEN_BYTES) if route.is_open else most


async def understood(route: Route, request: web.Request) -> Sent | None:
    """Return the body as the type that *route* names, None where it names none."""
    kind = route.body
    if kind is None:
        return None
    raw = await read(request, most_of(route, request))
    if not raw and all(not field.is_required() for field in kind.model_fields.values()):
        raw = b"{}"
    try:
        orjson.loads(raw)
    except orjson.JSONDecodeError as err:
        raise InvalidError(
            f"the body is not JSON: {err}", code="body-not-json", status=400
        ) from None
    try:
        return kind.model_validate_json(raw, strict=True)  # JSON has types: 0 is not false
    except ValidationError as err:
        raise invalid(err, "body-invalid", 422, "/") from None


async def read(request: web.Request, most: int) -> bytes:
    """
    Return the body, of at most so many bytes, that came in time.

    Raises:
        InvalidError: `body-too-large`, and what `in_time` raises.
    """
    async with in_time(request):
        raw = await _gathered(request, most)
    if raw is None:
        gate_of(request).refused("body-size")
        request[CLOSES] = True
        raise InvalidError(
            f"the body is larger than {most} bytes",
            code="body-too-large",
            hint="send less",
            status=413,
        )
    return raw


@contextlib.asynccontextmanager
async def in_time(request: web.Request) -> AsyncIterator[None]:
    """
    Read a body within the context, in which it must come.

    Raises:
        InvalidError: `request-too-slow`, `body-unreadable`.
    """
    gate = gate_of(request)
    try:
        async with asyncio.timeout(gate.terms.body_seconds):
            yield
    except TimeoutError:
        gate.refused("slow-body")
        request[CLOSES] = True
        raise InvalidError(
            f"the body did not come within {gate.terms.body_seconds:g} s",
            code="request-too-slow",
            hint="send it faster, or in smaller parts",
            status=408,
        ) from None
    except web.RequestPayloadError as err:
        raise InvalidError(
            "the body does not come as its headers say", code="body-unreadable", status=400
        ) from err


async def _gathered(request: web.Request, most: int) -> bytes | None:
    """Return the body, or None as soon as it is or says it is larger than *most*."""
    if (request.content_length or 0) > most:
        return None
    try:
        raw = await request.read()  # which keeps it, for who wants to read it again
    except web.HTTPRequestEntityTooLarge:
        return None
    return None if len(raw) > most else raw


def invalid(err: ValidationError, code: str, status: int, mark: str) -> InvalidError:
    """Return the first fault that was found, as what a client is told."""
    first: Any = err.errors(include_url=False)[0]
    where = mark + "/".join(str(part) for part in first["loc"])
    return InvalidError(
        f"{where}: {first['msg'].removeprefix('Value error, ').lower()}",
        code=code,
        hint="see /api/openapi.json for what there is",
        pointer=where,
        status=status,
    )
