"""One's own logins: which there are, and ending one of them."""

from __future__ import annotations

from aiohttp import web
from typing_extensions import TypedDict

from cidxd.model import accounts, instant
from cidxd.model.access import Need
from cidxd.model.account import Session
from cidxd.store.ledger import Ledger
from cidxd.web.identity import Identity
from cidxd.web.route import Call, Route, answer


class OwnSessionDocument(TypedDict):
    """A login; `used_at` is its last request's, `current` is the one that asks."""

    id: str
    created_at: str
    used_at: str
    expires_at: str
    address: str
    agent: str
    current: bool


class SessionList(TypedDict):
    """One's own logins, the one used last first."""

    sessions: list[OwnSessionDocument]


class Sessions:
    """Handlers of one's own sessions."""

    def __init__(self, ledger: Ledger, identity: Identity) -> None:
        self._ledger = ledger
        self._identity = identity

    def routes(self) -> list[Route]:
        """Return the routes under /api/sessions."""
        return [
            Route(
                "GET", "/api/sessions", self.list, "One's own logins",
                answer=SessionList, need=Need.LOGIN,
            ),
            Route(
                "DELETE", "/api/sessions/{id}", self.end,
                "End one of one's own logins, and every stream that came with it",
                status=204, need=Need.LOGIN, faults={404: "one has no such login"},
            ),
        ]  # fmt: skip

    async def list(self, call: Call) -> web.Response:
        """`GET /api/sessions`."""
        who, used_at = call.caller, self._identity.used_at
        rows = [row for row in self._ledger.state.sessions.values() if row.user == who.name]
        rows = [row for row in rows if self._identity.is_alive(row)]
        rows.sort(key=used_at, reverse=True)
        documents = [_document(row, used_at(row), who.session_id) for row in rows]
        return answer(SessionList(sessions=documents))

    async def end(self, call: Call) -> web.Response:
        """`DELETE /api/sessions/{id}`."""
        await self._ledger.decide(accounts.end_session_of, call.caller.name, call.part("id"))
        return web.Response(status=204)


def _document(row: Session, used_at: float, current: str | None) -> OwnSessionDocument:
    return {
        "id": row.session_id,
        "created_at": instant.to_wire(row.created_at),
        "used_at": instant.to_wire(used_at),
        "expires_at": instant.to_wire(row.expires_at),
        "address": row.address,
        "agent": row.agent,
        "current": row.session_id == current,
    }
