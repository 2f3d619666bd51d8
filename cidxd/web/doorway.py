"""aiohttp's runner and server, whose connections are ours: within a gate's limits, and over TLS."""

from __future__ import annotations

import asyncio
import ssl
from typing import cast

from aiohttp import web

from cidxd.web.connection import Connection
from cidxd.web.gate import Gate
from cidxd.web.lobby import Lobby


class _Doorway(web.Server):
    """Makes our connections in place of aiohttp's."""

    def __init__(self, made: web.Server, gate: Gate, secured: ssl.SSLContext | None) -> None:
        super().__init__(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            **made._kwargs,  # noqa: SLF001 - what the runner gave it for its connections
        )
        self._gate = gate
        self._secured = secured

    def __call__(self) -> web.RequestHandler:
        connection = Connection(self, self._gate, loop=self._loop, **self._kwargs)
        if self._secured is None:
            return connection
        lobby: asyncio.Protocol = Lobby(connection, self._secured, self._gate.terms.header_seconds)
        return cast("web.RequestHandler", lobby)  # asyncio wants any protocol


class Runner(web.AppRunner):
    """An application's runner whose connections keep to a gate's limits."""

    def __init__(
        self, app: web.Application, gate: Gate, secured: ssl.SSLContext | None = None
    ) -> None:
        terms = gate.terms
        super().__init__(
            app,
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=2.0,
            keepalive_timeout=terms.idle_seconds,
            max_line_size=terms.url_bytes,
            # The parser names but the limit that was passed, by which the two are told apart.
            max_field_size=terms.header_line_bytes + (terms.header_line_bytes == terms.url_bytes),
            max_headers=terms.headers,
            lingering_time=min(10.0, terms.body_seconds),
        )
        self._gate = gate
        self._secured = secured

    async def _make_server(self) -> web.Server:
        return _Doorway(await super()._make_server(), self._gate, self._secured)
