"""The queue as a whole: how it stands, and that it is paused and resumed."""

from __future__ import annotations

from typing import Final

import structlog
from aiohttp import web

from cidxd.errors import ForbiddenError
from cidxd.model.account import Principal
from cidxd.web.queue_documents import QueueDocument, queue_document
from cidxd.web.requests import PauseBody
from cidxd.web.route import Call, Route, answer
from cidxd.web.services import Services

_log = structlog.get_logger()

_ADMINS: Final = {403: "only an administrator may do this"}


class Pausing:
    """Handlers of the queue."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> list[Route]:
        """Return the routes under /api/queue."""
        return [
            Route(
                "GET", "/api/queue", self.show,
                "Whether the queue is paused, who is held back, and how many jobs run and wait",
                answer=QueueDocument,
            ),
            Route(
                "POST", "/api/queue/pause", self.pause,
                "Claim no job until the queue is resumed; those that run go on",
                body=PauseBody, answer=QueueDocument, faults=_ADMINS,
            ),
            Route(
                "POST", "/api/queue/resume", self.resume, "Claim jobs again",
                answer=QueueDocument, faults=_ADMINS,
            ),
        ]  # fmt: skip

    async def show(self, call: Call) -> web.Response:
        """`GET /api/queue`."""
        return answer(self._document(call))

    async def pause(self, call: Call) -> web.Response:
        """`POST /api/queue/pause`."""
        _check_admin(call.caller)
        reason = call.sent(PauseBody).reason
        await self._services.ledger.pause(call.caller, reason=reason)
        _log.info("queue_paused", user=call.caller.name, reason=reason)
        return answer(self._document(call))

    async def resume(self, call: Call) -> web.Response:
        """`POST /api/queue/resume`."""
        _check_admin(call.caller)
        await self._services.ledger.resume()
        self._services.look_again()
        _log.info("queue_resumed", user=call.caller.name)
        return answer(self._document(call))

    def _document(self, call: Call) -> QueueDocument:
        services, sight = self._services, self._services.sight(call.caller)
        return queue_document(services.state, sight, services.ledger.limits, services.clock())


def _check_admin(who: Principal) -> None:
    if not who.is_admin:
        raise ForbiddenError(
            "only an administrator pauses and resumes the queue",
            hint="ask one; on the daemon's machine `cidxd user list` says who they are",
        )
