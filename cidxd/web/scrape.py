"""`/metrics`: what Prometheus asks for."""

from __future__ import annotations

import sqlite3  # noqa: TID251 - its version only

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from cidxd.__about__ import VERSION, WIRE
from cidxd.errors import ForbiddenError
from cidxd.model.account import Role
from cidxd.web.route import Call, Route
from cidxd.web.services import Services
from cidxd.work.metrics import Look


class Scrape:
    """The handler of the metrics; they name repositories, so they are an administrator's."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> list[Route]:
        """Return the route, as it is on the daemon's port and on its admin socket."""
        return [
            Route(
                "GET", "/metrics", self.metrics, "Counts and measures, for Prometheus",
                answer=str, media_type="text/plain", is_open=self._services.metrics.is_open,
                faults={403: "they are for administrators, unless metrics.open is set"},
            ),
        ]  # fmt: skip

    async def metrics(self, call: Call) -> web.Response:
        """`GET /metrics`."""
        if call.who is not None and call.who.role is not Role.ADMIN:  # a token to read with does
            raise ForbiddenError(
                "the metrics are for administrators", hint="use an administrator's token"
            )
        text = await self._services.metrics.text(self._look())
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    def _look(self) -> Look:
        services = self._services
        return Look(
            now=services.clock(),
            is_ready=not services.vitals.reasons(),
            has_store_fault=services.ledger.fault is not None,
            followers=services.bus.followers,
            build={
                "version": VERSION,
                "wire": str(WIRE),
                "sqlite": sqlite3.sqlite_version,
                "kernel": services.searchers.kernel or "",
            },
        )
