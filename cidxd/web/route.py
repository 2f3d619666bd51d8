"""
A route as data: what it takes, what it answers, who may call it.

The server dispatches by this table and the OpenAPI document is generated from it,
so the two cannot disagree.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar, cast

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict

from cidxd.model.access import Need
from cidxd.model.account import Principal
from cidxd.web.headers import Header

M = TypeVar("M", bound=BaseModel)

TOLL_FREE: Final = frozenset({"/healthz", "/readyz", "/metrics"})  # who watches is not limited


class Sent(BaseModel):
    """Something a client sends: a field we do not know is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """
    One request, understood.

    Attributes:
        who: Who asks; None on open routes only.
        query, body: Validated, of the types that the route names.
    """

    request: web.Request
    who: Principal | None
    query: Sent | None
    body: Sent | None

    @property
    def caller(self) -> Principal:
        """Who asks, on a route that is not open."""
        return cast("Principal", self.who)

    def part(self, name: str) -> str:
        """Return a part of the path."""
        return self.request.match_info[name]

    def sent(self, _kind: type[M]) -> M:
        """Return the body, which is of the type the route names."""
        return cast("M", self.body)

    def asked(self, _kind: type[M]) -> M:
        """Return the query, which is of the type the route names."""
        return cast("M", self.query)


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclasses.dataclass(frozen=True, slots=True)
class Route:
    """
    One method on one path.

    Attributes:
        answer: What a success answers, a TypedDict or a list of media types' words; None: no body.
        faults: Other status codes it may answer, with their meaning, for the contract.
        takes, sends: Headers that it listens to, and that a success carries.
        is_streamed: It answers as server-sent events too, to who accepts those.
        is_open: Nobody needs a token.
        is_page: For browsers, and not in the contract; its query is the page's own.
        need: What the caller's role and token must allow; None: as `needed` says.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    _: dataclasses.KW_ONLY
    answer: Any = None
    status: int = 200
    query: type[Sent] | None = None
    body: type[Sent] | None = None
    media_type: str = "application/json"
    takes: tuple[Header, ...] = ()
    sends: tuple[Header, ...] = ()
    is_streamed: bool = False
    faults: Mapping[int, str] = dataclasses.field(default_factory=dict)
    is_open: bool = False
    is_page: bool = False
    need: Need | None = None

    @property
    def needed(self) -> Need:
        """What the caller's role and token must allow; what changes something needs all rights."""
        if self.need is not None:
            return self.need
        if self.method in {"GET", "HEAD"}:
            return Need.READ
        return Need.LOGIN if self.path.startswith("/api/auth/") else Need.CHANGE


def answer(
    document: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return *document* as JSON."""
    return web.Response(
        body=orjson.dumps(document),
        status=status,
        headers=headers,
        content_type="application/json",
    )
