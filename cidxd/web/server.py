"""From the table of routes to an aiohttp application: who asks, what was sent, what went wrong."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware
from pydantic import ValidationError

from cidxd.config import Server
from cidxd.errors import CidxdError, InvalidError, RequestError, UnavailableError
from cidxd.model import access, trace
from cidxd.model.account import Principal
from cidxd.model.job import IllegalTransitionError
from cidxd.model.toll import neighbourhood
from cidxd.store import asker
from cidxd.store.database import StoreError
from cidxd.web import asking, body, cors, problem, strict
from cidxd.web.client_address import PROXIES, USES_FORWARDED, client_address, host
from cidxd.web.gate import CLOSES, GATE, Gate, gate_of
from cidxd.web.identity import Identity
from cidxd.web.route import TOLL_FREE, Call, Route, Sent

_log = structlog.get_logger()

_STORE_AGAIN_S: Final = 5
REQUEST_ID: Final = web.RequestKey("request_id", str)
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})

_PORT: Final = re.compile(r":[0-9]+$")
_SUBJECTS: Final = {"job_id": "job_id", "repository": "name"}  # of the log, and of a path

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(
    routes: Sequence[Route],
    identity: Identity | None,
    on_request: Callable[[], None],
    *,
    is_loopback_only: bool = False,
    gate: Gate | None = None,
    server: Server | None = None,
) -> web.Application:
    """
    Return the application that serves *routes*.

    Args:
        routes: What there is.
        identity: Tells who asks; None where the file system already did (the admin socket).
        on_request: Told of every request, before it is served.
        is_loopback_only: Refuse a Host header that does not mean this machine.
        gate: Counts and limits; without one the defaults hold.
        server: Which hosts are ours and which proxies are believed.
    """
    gate, server = gate or Gate(), server or Server()
    guards = [_loopback_host] if is_loopback_only else []
    app = web.Application(
        middlewares=[_answered, *guards, _own_host(frozenset(server.hosts)), cors.preflight],
        client_max_size=gate.terms.body_bytes,
    )
    app[GATE], app[PROXIES] = gate, gate.proxies
    app[USES_FORWARDED] = server.forwarded_header == "forwarded"
    app[cors.ORIGINS] = frozenset(gate.terms.cors_origins)
    app.on_response_prepare.append(strict.prepare)
    for route in routes:
        app.router.add_route(route.method, route.path, _served(route, identity, on_request))
    for path in dict.fromkeys(route.path for route in routes):
        others = _other_methods({route.method for route in routes if route.path == path})
        app.router.add_route(hdrs.METH_ANY, path, others)
    return app


def _other_methods(allowed: set[str]) -> Next:
    """Return what answers the other methods of a path: 405, also where a pattern has it too."""

    async def refuse(request: web.Request) -> web.StreamResponse:
        raise web.HTTPMethodNotAllowed(request.method, sorted(allowed))

    return refuse


def _served(route: Route, identity: Identity | None, on_request: Callable[[], None]) -> Next:
    subject = {word: part for word, part in _SUBJECTS.items() if f"{{{part}}}" in route.path}

    async def serve(request: web.Request) -> web.StreamResponse:
        on_request()
        who = None if identity is None else _caller(route, identity, request)
        asker.bind(asking.by(request, who, request[REQUEST_ID]))
        if who is None or identity is None:
            return await answered(request, None)
        named = {word: request.match_info[part] for word, part in subject.items()}
        structlog.contextvars.bind_contextvars(user=who.name, **named)
        with gate_of(request).serving(request, who.name):
            access.check(who, route.needed)
            await identity.note_use(who)
            return await answered(request, who)

    async def answered(request: web.Request, who: Principal | None) -> web.StreamResponse:
        query = None if route.is_page else _query(route.query, request)
        whom = neighbourhood(client_address(request)) if who is None else who.name
        with gate_of(request).holding(request, body.most_of(route, request), whom):
            sent = await body.understood(route, request)
            return await route.handler(Call(request, who, query, sent))

    return serve


def _caller(route: Route, identity: Identity, request: web.Request) -> Principal | None:
    """Return who asks, None on open routes; raises BusyError for one who asks too often."""
    gate = gate_of(request)
    if route.is_open:
        if route.path not in TOLL_FREE:
            gate.charge_address(request)
        return None
    try:
        who = identity.caller(request)
    except CidxdError:
        gate.charge_address(request)
        raise
    if route.path not in TOLL_FREE:
        gate.charge_user(request, who.name)
    return who


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
        raise body.invalid(err, "query-invalid", 400, "?") from None


def _unknown_parameter(name: str) -> InvalidError:
    return InvalidError(
        f"unknown parameter: {name}",
        code="query-invalid",
        hint="see /api/openapi.json for what there is",
        pointer=f"?{name}",
        status=400,
    )


@web.middleware
async def _answered(request: web.Request, handler: Next) -> web.StreamResponse:
    """Give the request its id, and the answer too, whatever went wrong."""
    request_id = request[REQUEST_ID] = problem.new_id()
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
        if CLOSES in request:
            response.force_close()
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


def _own_host(hosts: frozenset[str]) -> Middleware:
    @web.middleware
    async def own_host(request: web.Request, handler: Next) -> web.StreamResponse:
        """Refuse a request for another host than those that are named."""
        asked = host(request).lower()
        if hosts and asked not in hosts and _PORT.sub("", asked) not in hosts:
            raise InvalidError(
                "this daemon does not answer for that host",
                code="host-unknown",
                hint="use its own name; the operator sets server.hosts",
                status=421,
            )
        return await handler(request)

    return own_host


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
