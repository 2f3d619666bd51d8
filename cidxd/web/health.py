"""Whether the process lives, whether it can work, and the contract."""

from __future__ import annotations

import sqlite3  # noqa: TID251 - its version only
from collections.abc import Callable

from aiohttp import web

from cidxd.__about__ import VERSION, WIRE
from cidxd.errors import ForbiddenError
from cidxd.model import incidents
from cidxd.web import documents as doc
from cidxd.web.route import Call, Route, answer
from cidxd.web.services import Services


class Health:
    """Handlers that tell of the daemon itself."""

    def __init__(self, services: Services, contract: Callable[[], bytes]) -> None:
        self._services = services
        self._contract = contract

    def routes(self) -> list[Route]:
        """Return the routes of the daemon itself."""
        return [
            Route(
                "GET", "/healthz", self.alive, "The process is alive",
                answer=doc.HealthDocument, is_open=True,
            ),
            Route(
                "GET", "/readyz", self.ready, "Whether the daemon can work, and if not why",
                answer=doc.ReadyDocument, is_open=True,
                faults={503: "not ready; the reasons are in the answer"},
            ),
            Route(
                "GET", "/api/openapi.json", self.contract, "This contract",
                answer=dict[str, object], is_open=True,
            ),
            Route(
                "POST", "/api/shutdown", self.shut_down, "Stop the embedded daemon",
                status=202, faults={403: "a server is stopped by its service manager"},
            ),
        ]  # fmt: skip

    async def alive(self, _call: Call) -> web.Response:
        """`GET /healthz`."""
        document: doc.HealthDocument = {
            "status": "ok",
            "version": VERSION,
            "wire": WIRE,
            "sqlite_version": sqlite3.sqlite_version,
            "index_kernel": self._services.searchers.kernel,
        }
        return answer(document)

    async def ready(self, _call: Call) -> web.Response:
        """`GET /readyz`."""
        reasons = self._services.vitals.reasons()
        # Open to everybody, so without the reason, which may name what is not theirs to know.
        notices = ["the queue is paused"] if self._services.state.pause else []
        if incidents.opened(self._services.state):
            notices.append("jobs wait for a remote host that is in trouble")
        document: doc.ReadyDocument = {
            "ready": not reasons,
            "reasons": reasons,
            "notices": notices,
        }
        return answer(document, status=503 if reasons else 200)

    async def contract(self, _call: Call) -> web.Response:
        """`GET /api/openapi.json`."""
        return web.Response(body=self._contract(), content_type="application/json")

    async def shut_down(self, _call: Call) -> web.Response:
        """`POST /api/shutdown`."""
        if self._services.shut_down is None:
            raise ForbiddenError(
                "this daemon is stopped by its service manager", hint="systemctl stop cidxd"
            )
        self._services.shut_down()
        return web.Response(status=202)
