"""Login, refresh, logout, and who one is."""

from __future__ import annotations

from aiohttp import web

from cidxd.errors import ForbiddenError, InvalidError, UnauthenticatedError
from cidxd.model.account import Principal
from cidxd.web import account_documents as doc
from cidxd.web.browsers import CODE_S
from cidxd.web.client_address import client_address
from cidxd.web.identity import Identity, Tokens
from cidxd.web.requests import BrowserLogin, Login, NewPassword, RefreshToken
from cidxd.web.route import Call, Route, answer
from cidxd.web.whence import whence as whence_of


class Auth:
    """Handlers of accounts."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def routes(self) -> list[Route]:
        """Return the routes under /api/auth."""
        refused = {401: "the credentials are not good"}
        limited = {**refused, 429: "too many failed logins", 503: "too many log in at once"}
        wrong = {**limited, 403: "the old password is wrong"}
        return [
            Route(
                "POST", "/api/auth/login", self.log_in, "Log in with name and password",
                body=Login, answer=doc.TokenPair, faults=limited, is_open=True,
            ),
            Route(
                "POST", "/api/auth/refresh", self.refresh,
                "Swap a refresh token for a new pair of tokens",
                body=RefreshToken, answer=doc.TokenPair, faults=refused, is_open=True,
            ),
            Route(
                "POST", "/api/auth/session", self.open_session,
                "Let a browser in, by name and password or by a code: sets a cookie",
                body=BrowserLogin, answer=doc.MeDocument, is_open=True,
                faults={**limited, 403: "another site's page asks"},
            ),
            Route(
                "GET", "/api/auth/session", self.session,
                "Who the browser speaks for, null for nobody; it stays logged in",
                answer=doc.SessionDocument, is_open=True,
            ),
            Route(
                "POST", "/api/auth/code", self.invite,
                "A code that lets a browser in, once and within a minute", answer=doc.CodeDocument,
            ),
            Route("POST", "/api/auth/logout", self.log_out, "End this session", status=204),
            Route(
                "POST", "/api/auth/password", self.set_password,
                "Set one's own password; ends one's other sessions",
                body=NewPassword, status=204, faults=wrong,
            ),
            Route("GET", "/api/auth/me", self.me, "Who the caller is", answer=doc.MeDocument),
        ]  # fmt: skip

    async def log_in(self, call: Call) -> web.Response:
        """`POST /api/auth/login`."""
        sent = call.sent(Login)
        whence = whence_of(call.request)
        return answer(_pair(await self._identity.log_in(sent.username, sent.password, whence)))

    async def refresh(self, call: Call) -> web.Response:
        """`POST /api/auth/refresh`."""
        return answer(_pair(await self._identity.refresh(call.sent(RefreshToken).refresh_token)))

    async def open_session(self, call: Call) -> web.Response:
        """`POST /api/auth/session`."""
        browsers, sent = self._identity.browsers, call.sent(BrowserLogin)
        browsers.check_own_page(call.request)
        proof = None
        if sent.code is not None:
            who = self._identity.again(browsers.accept(sent.code))
        elif sent.username is not None and sent.password is not None:
            address = client_address(call.request)
            user = await self._identity.logins.checked(sent.username, sent.password, address)
            who, proof = Principal(user.name, user.role), user.password_hash
        else:
            raise InvalidError(
                "give username and password, or a code", code="body-invalid", pointer="/username"
            )
        response = answer(doc.MeDocument({**_me(who), "kind": "session"}))
        await browsers.let_in(who, call.request, response, proof)
        return response

    async def invite(self, call: Call) -> web.Response:
        """`POST /api/auth/code`."""
        code = self._identity.browsers.invite(call.caller)
        document: doc.CodeDocument = {"code": code, "expires_in": int(CODE_S)}
        return answer(document, headers={"Cache-Control": "no-store"})

    async def log_out(self, call: Call) -> web.Response:
        """`POST /api/auth/logout`."""
        await self._identity.log_out(call.caller)
        response = web.Response(status=204)
        if self._identity.browsers.cookie(call.request) is not None:
            self._identity.browsers.forget(call.request, response)
        return response

    async def set_password(self, call: Call) -> web.Response:
        """`POST /api/auth/password`."""
        sent, who = call.sent(NewPassword), call.caller
        try:
            address = client_address(call.request)
            await self._identity.logins.checked(who.name, sent.old_password, address)
        except UnauthenticatedError:
            raise ForbiddenError(
                "the old password is wrong", code="password-wrong", hint="try again"
            ) from None
        await self._identity.set_password(who, sent.new_password)
        return web.Response(status=204)

    async def session(self, call: Call) -> web.Response:
        """`GET /api/auth/session`: what a page asks first, and it is no fault to be nobody."""
        browsers, request = self._identity.browsers, call.request
        cookie = browsers.cookie(request)
        try:
            user = _me(self._identity.caller(request))
        except UnauthenticatedError:
            return answer(doc.SessionDocument(user=None))
        response = answer(doc.SessionDocument(user=user))
        if cookie is not None:
            await browsers.renew(cookie, request, response)
        return response

    async def me(self, call: Call) -> web.Response:
        """`GET /api/auth/me`."""
        return answer(_me(call.caller))


def _me(who: Principal) -> doc.MeDocument:
    kind = "embedded" if who.session_id is None else "session"
    if who.token is not None:
        kind = "token"
    return {"name": who.name, "role": who.role, "kind": kind, "scope": who.scope}


def _pair(tokens: Tokens) -> doc.TokenPair:
    return {
        "access_token": tokens.access,
        "refresh_token": tokens.refresh,
        "token_type": "Bearer",
        "expires_in": tokens.expires_in_s,
        "user": {"name": tokens.user.name, "role": tokens.user.role},
    }
