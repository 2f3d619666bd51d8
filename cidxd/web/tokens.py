"""Personal access tokens: listed, made, revoked, by who logged in."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final

from aiohttp import web

from cidxd.errors import ForbiddenError, InvalidError
from cidxd.model import personal
from cidxd.model.access import Need
from cidxd.model.account import PersonalToken, Scope
from cidxd.store.ledger import Ledger
from cidxd.web import access_documents as doc
from cidxd.web import personal_tokens
from cidxd.web.access_documents import token_document
from cidxd.web.route import Call, Route, answer

_DAY_S: Final = 86_400.0


class Tokens:
    """
    Handlers of personal tokens.

    Args:
        ledger: Where they are kept.
        clock: The time in POSIX seconds.
        most_days: No token is made for longer.
    """

    def __init__(self, ledger: Ledger, clock: Callable[[], float], most_days: int) -> None:
        self._ledger = ledger
        self._clock = clock
        self._most_days = most_days

    def routes(self) -> list[Route]:
        """Return the routes; a personal token does not do for them."""
        return [
            Route(
                "GET", "/api/tokens", self.list, "One's personal tokens, the oldest first",
                query=doc.TokenQuery, answer=doc.TokenList, need=Need.LOGIN,
            ),
            Route(
                "POST", "/api/tokens", self.make,
                "Make a personal token; its secret is in this answer, and nowhere else",
                body=doc.TokenBody, answer=doc.NewTokenDocument, status=201, need=Need.LOGIN,
                faults={409: "one has as many as one may have"},
            ),
            Route(
                "DELETE", "/api/tokens/{id}", self.revoke,
                "Revoke a token; who uses it is out at once", status=204, need=Need.LOGIN,
            ),
        ]  # fmt: skip

    async def list(self, call: Call) -> web.Response:
        """`GET /api/tokens`."""
        user = call.asked(doc.TokenQuery).user or call.caller.name
        if user != call.caller.name and not call.caller.is_admin:
            raise ForbiddenError("only an administrator sees others' tokens", hint="ask one")
        found = personal.of_user(self._ledger.state, user)
        return answer(doc.TokenList(tokens=[token_document(token) for token in found]))

    async def make(self, call: Call) -> web.Response:
        """`POST /api/tokens`."""
        sent, now, secret = call.sent(doc.TokenBody), self._clock(), personal_tokens.made_up()
        if sent.days > self._most_days:
            raise InvalidError(
                f"a token lasts {self._most_days} days at most: {sent.days}",
                code="token-too-long",
                hint="make one that ends sooner; the limit is access.token_days",
                pointer="/days",
            )
        token = PersonalToken(
            token_id=secrets.token_hex(6),
            token_hash=personal_tokens.hash_of(secret),
            user=call.caller.name,
            name=sent.name,
            scopes=tuple(scope for scope in Scope if scope in sent.scopes),
            created_at=now,
            expires_at=now + sent.days * _DAY_S,
        )
        kept = await self._ledger.decide(personal.make, token, call.caller)
        document: doc.NewTokenDocument = {**token_document(kept), "token": secret}
        location = f"/api/tokens/{kept.token_id}"
        return answer(document, status=201, headers={"Location": location})

    async def revoke(self, call: Call) -> web.Response:
        """`DELETE /api/tokens/{id}`."""
        await self._ledger.decide(personal.revoke, call.caller, call.part("id"))
        return web.Response(status=204)
