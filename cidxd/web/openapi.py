"""The OpenAPI 3.1 document, generated from the table of routes and the handlers' types."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from cidxd.__about__ import VERSION
from cidxd.model.access import Need
from cidxd.web import headers
from cidxd.web.documents import ProblemDocument
from cidxd.web.route import TOLL_FREE, Route, Sent
from cidxd.web.sse import MEDIA_TYPE

_REF: Final = "#/components/schemas/{model}"
_PART: Final = re.compile(r"\{(\w+)\}")
_COMMON_FAULTS: Final = {400: "the request's form is wrong", 401: "nobody, or nobody any more"}

_BODY_FAULTS: Final = {
    408: "the body did not come in time",
    413: "the body is too large",
    422: "a value in the body is wrong",
}


def contract(routes: Sequence[Route]) -> bytes:
    """Return the document of *routes* as JSON."""
    routes = [route for route in routes if not route.is_page]
    schemas = _schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "cidxd",
            "version": VERSION,
            "description": "Syncs repositories, tracks the jobs, searches the index.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }
    return orjson.dumps(document)


def _schemas(routes: Sequence[Route]) -> dict[str, Any]:
    sent = {kind for route in routes for kind in (route.body, route.query) if kind is not None}
    ordered = sorted(sent, key=lambda kind: kind.__name__)
    _, found = models_json_schema([(kind, "validation") for kind in ordered], ref_template=_REF)
    schemas: dict[str, Any] = dict(found.get("$defs", {}))
    for kind in [ProblemDocument, *(route.answer for route in routes if route.answer is not None)]:
        own = TypeAdapter(kind).json_schema(ref_template=_REF, mode="serialization")
        schemas.update(own.pop("$defs", {}))
        if name := _name(kind):
            schemas[name] = own
    return dict(sorted(schemas.items()))


def _name(kind: Any) -> str | None:  # noqa: ANN401 - a TypedDict is no class to the type checker
    return kind.__name__ if hasattr(kind, "__total__") else None


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": _operation_id(route),
        "parameters": [
            *_path_parameters(route),
            *_query_parameters(route, schemas),
            *headers.taken(route.takes),
        ],
        "responses": _responses(route),
    }
    if route.is_open:
        operation["security"] = []
    if route.body is not None:
        is_required = any(field.is_required() for field in route.body.model_fields.values())
        operation["requestBody"] = {
            "required": is_required,
            "content": {"application/json": {"schema": _ref(route.body.__name__)}},
        }
    return operation


def _operation_id(route: Route) -> str:
    words = re.sub(r"[^a-z0-9]+", " ", route.path.lower().removeprefix("/api")).split()
    return "_".join([route.method.lower(), *words])


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PART.findall(route.path)
    ]


def _query_parameters(route: Route, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    properties = schemas[route.query.__name__]["properties"]
    return [
        {
            "name": name,
            "in": "query",
            "required": field.is_required(),
            "schema": properties[name],
        }
        for name, field in _fields(route.query)
    ]


def _fields(kind: type[Sent]) -> list[tuple[str, Any]]:
    return list(kind.model_fields.items())


def _faults(route: Route) -> dict[int, str]:
    """Return what may go wrong, by status; what the route itself says of one wins."""
    has_part = bool(_PART.search(route.path))
    needs_more = not route.is_open and route.needed is not Need.READ
    told: list[tuple[bool, Mapping[int, str]]] = [
        (has_part, {404: "there is no such thing, or none that the caller may see"}),
        (
            headers.IDEMPOTENCY_KEY in route.takes,
            {422: "the Idempotency-Key was used with another body"},
        ),
        (route.body is not None, {400: _COMMON_FAULTS[400], **_BODY_FAULTS}),
        (needs_more, {403: "the caller's role, or the token's scope, does not allow this"}),
        (
            route.path not in TOLL_FREE,
            {429: "too many requests; `Retry-After` says when to ask again"},
        ),
        (
            route.query is not None or has_part,
            {414: "the request's address is too long"},
        ),
        (True, {431: "the request's header is too large"}),
        (not route.is_open, _COMMON_FAULTS),
        (True, route.faults),
    ]
    return {status: meaning for holds, some in told if holds for status, meaning in some.items()}


def _responses(route: Route) -> dict[str, Any]:
    faults = _faults(route)
    responses = {
        str(status): {
            "description": meaning,
            "headers": headers.told(status, (), is_streamed=False),
            "content": {"application/problem+json": {"schema": _ref("ProblemDocument")}},
        }
        for status, meaning in sorted(faults.items())
    }
    sent = headers.told(route.status, route.sends, is_streamed=route.is_streamed)
    success: dict[str, Any] = {"description": route.summary, "headers": sent}
    if route.answer is not None:
        name = _name(route.answer)
        schema = _ref(name) if name else TypeAdapter(route.answer).json_schema()
        success["content"] = {route.media_type: {"schema": schema}}
    if route.is_streamed:
        success["content"][MEDIA_TYPE] = {"schema": {"type": "string"}}
    return {str(route.status): success, **_without_body(route), **responses}


def _without_body(route: Route) -> dict[str, Any]:
    """Return the answers beside the success that are no faults either."""
    found = {}
    if headers.IF_NONE_MATCH in route.takes:
        found[304] = "the caller has this version"
    if route.is_streamed:
        found[204] = "a stream that is resumed after its last event"
    return {
        str(status): {
            "description": meaning,
            "headers": headers.told(status, (), is_streamed=False),
        }
        for status, meaning in found.items()
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
