"""From the table of routes to an aiohttp application: who asks, what was sent, what went wrong."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import orjson
import structlog
from aiohttp import web
from pydantic import ValidationError

from cidxd.errors import CidxdError, InvalidError, RequestError, UnavailableError
from cidxd.model import trace
from cidxd.model.job import IllegalTransitionError
from cidxd.store import asker
from cidxd.store.database import StoreError
from cidxd.web import asking, problem
from cidxd.web.identity import Identity
from cidxd.web.route import Call, Route, Sent

_log = structlog.get_logger()

BODY_LIMIT: Final = 1 << 20  # bytes
_STORE_AGAIN_S: Final = 5
REQUEST_ID: Final = web.RequestKey("request_id", str)
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})

_SUBJECTS: Final = {"job_id": "job_id", "repository": "name"}  # of the log, and of a path

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(
    routes: Sequence[Route],
    identity: Identity | None,
    on_request: Callable[[], None],
    *,
    is_loopback_only: bool = False,
) -> web.Application:
    """
    Return the application that serves *routes*.

    Args:
        routes: What there is.
        identity: Tells who asks; None where the file system already did (the admin socket).
        on_request: Told of every request, before it is served.
        is_loopback_only: Refuse a Host header that does not mean this machine.
    """
    guards = [_loopback_host] if is_loopback_only else []
    middlewares = [_answered, *guards]
    app = web.Application(middlewares=middlewares, client_max_size=BODY_LIMIT)
    for route in routes:
        app.router.add_route(route.method, route.path, _served(route, identity, on_request))
    return app


def _served(route: Route, identity: Identity | None, on_request: Callable[[], None]) -> Next:
    subject = {word: part for word, part in _SUBJECTS.items() if f"{{{part}}}" in route.path}

    async def serve(request: web.Request) -> web.StreamResponse:
        on_request()
        who = None
        if identity is not None and not route.is_open:
            who = identity.caller(request)
            named = {word: request.match_info[part] for word, part in subject.items()}
            structlog.contextvars.bind_contextvars(user=who.name, **named)
        asker.bind(asking.by(request, who, request[REQUEST_ID]))
        query = None if route.is_page else _query(route.query, request)
        body = await _body(route.body, request)
        return await route.handler(Call(request, who, query, body))

    return serve


def _query(kind: type[Sent] | None, request: web.Request) -> Sent | None:
    if kind is None:
        if request.rel_url.raw_query_string and request.query:
            raise _unknown_parameter(next(iter(request.query)))
        return None
    sent: dict[str, Any] = {}
    for name in request.query:
        values = request.query.getall(name)
        field = kind.model_fields.get(name)
        if field is None:
            raise _unknown_parameter(name)
        is_list = str(field.annotation).startswith("list")
        if len(values) > 1 and not is_list:
            raise InvalidError(
                f"given twice: {name}", code="query-invalid", pointer=f"?{name}", status=400
            )
        sent[name] = values if is_list else values[0]
    try:
        return kind.model_validate(sent)
    except ValidationError as err:
        raise _invalid(err, "query-invalid", 400, "?") from None


async def _body(kind: type[Sent] | None, request: web.Request) -> Sent | None:
    if kind is None:
        return None
    try:
        raw = await request.read()
    except web.RequestPayloadError as err:
        raise InvalidError(
            "the body does not come as its headers say", code="body-unreadable", status=400
        ) from err
    if not raw and all(not field.is_required() for field in kind.model_fields.values()):
        raw = b"{}"
    try:
        orjson.loads(raw)
    except orjson.JSONDecodeError as err:
        raise InvalidError(
            f"the body is not JSON: {err}", code="body-not-json", status=400
        ) from None
    try:
        return kind.model_validate_json(raw)
    except ValidationError as err:
        raise _invalid(err, "body-invalid", 422, "/") from None


def _unknown_parameter(name: str) -> InvalidError:
    return InvalidError(
        f"unknown parameter: {name}",
        code="query-invalid",
        hint="see /api/openapi.json for what there is",
        pointer=f"?{name}",
        status=400,
    )


def _invalid(err: ValidationError, code: str, status: int, mark: str) -> InvalidError:
    first = err.errors(include_url=False)[0]
    where = mark + "/".join(str(part) for part in first["loc"])
    return InvalidError(
        f"{where}: {first['msg'].removeprefix('Value error, ').lower()}",
        code=code,
        hint="see /api/openapi.json for what there is",
        pointer=where,
        status=status,
    )


@web.middleware
async def _answered(request: web.Request, handler: Next) -> web.StreamResponse:
    """Give the request its id, and the answer too, whatever went wrong."""
    request_id = request[REQUEST_ID] = secrets.token_hex(8)
    traceparent = trace.checked(request.headers.get("traceparent"))
    bound = {"trace_id": trace.id_of(traceparent)} if traceparent else {}
    # Each request is a task, whose context is a copy: nothing of it stays with the connection.
    structlog.contextvars.bind_contextvars(request_id=request_id, **bound)
    try:
        response = await handler(request)
    except Exception as err:  # noqa: BLE001 - the request's guard
        response = _problem(err, request, request_id)
    if not response.prepared:
        response.headers["X-Request-Id"] = request_id
        response.headers.setdefault("Cache-Control", "no-store")
    return response


@web.middleware
async def _loopback_host(request: web.Request, handler: Next) -> web.StreamResponse:
    """Refuse a request that was sent to another name: a page there had it point to us."""
    if request.url.host not in _LOOPBACK:
        raise InvalidError(
            "this daemon answers to loopback names only",
            code="host-refused",
            hint="use the address that cidx up prints",
            status=400,
        )
    return await handler(request)


def _problem(err: Exception, request: web.Request, request_id: str) -> web.Response:
    """Turn whatever went wrong into problem+json; the one place where HTTP errors are made."""
    match err:
        case web.HTTPException():
            return problem.of_http(err, request_id)
        case CidxdError() | IllegalTransitionError():
            return problem.response(_request_error(err), request_id)
        case _:  # it is logged, and answered
            _log.error("request_broke", method=request.method, path=request.path, exc_info=err)
            return problem.internal(request_id)


def _request_error(err: CidxdError | IllegalTransitionError) -> RequestError:
    match err:
        case RequestError():
            return err
        case StoreError():
            again = _STORE_AGAIN_S
            return UnavailableError(err.message, hint=err.hint, code=err.code, retry_after_s=again)
        case CidxdError():
            return InvalidError(err.message, hint=err.hint, code=err.code)
        case _:
            return InvalidError(str(err), code="conflict", status=409)
