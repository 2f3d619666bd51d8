"""Login, refresh, logout, and who one is."""

from __future__ import annotations

from aiohttp import web

from cidxd.web import documents as doc
from cidxd.web.identity import Identity, Tokens
from cidxd.web.requests import Login, RefreshToken
from cidxd.web.route import Call, Route, answer


class Auth:
    """Handlers of accounts."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def routes(self) -> list[Route]:
        """Return the routes under /api/auth."""
        refused = {401: "the credentials are not good"}
        return [
            Route(
                "POST", "/api/auth/login", self.log_in, "Log in with name and password",
                body=Login, answer=doc.TokenPair, faults=refused, is_open=True,
            ),
            Route(
                "POST", "/api/auth/refresh", self.refresh,
                "Swap a refresh token for a new pair of tokens",
                body=RefreshToken, answer=doc.TokenPair, faults=refused, is_open=True,
            ),
            Route("POST", "/api/auth/logout", self.log_out, "End this session", status=204),
            Route("GET", "/api/auth/me", self.me, "Who the caller is", answer=doc.MeDocument),
        ]  # fmt: skip

    async def log_in(self, call: Call) -> web.Response:
        """`POST /api/auth/login`."""
        sent = call.sent(Login)
        return answer(_pair(await self._identity.log_in(sent.username, sent.password)))

    async def refresh(self, call: Call) -> web.Response:
        """`POST /api/auth/refresh`."""
        return answer(_pair(await self._identity.refresh(call.sent(RefreshToken).refresh_token)))

    async def log_out(self, call: Call) -> web.Response:
        """`POST /api/auth/logout`."""
        await self._identity.log_out(call.caller)
        return web.Response(status=204)

    async def me(self, call: Call) -> web.Response:
        """`GET /api/auth/me`."""
        who = call.caller
        kind = "embedded" if who.session_id is None else "session"
        document: doc.MeDocument = {"name": who.name, "role": who.role, "kind": kind}
        return answer(document)


def _pair(tokens: Tokens) -> doc.TokenPair:
    return {
        "access_token": tokens.access,
        "refresh_token": tokens.refresh,
        "token_type": "Bearer",
        "expires_in": tokens.expires_in_s,
        "user": {"name": tokens.user.name, "role": tokens.user.role},
    }
