"""
A browser's way in: an opaque cookie instead of a token, for pages of our own only.

No token reaches JavaScript.  A request that changes something must name our own
Origin, so there is no CSRF token that could rotate under a page; the cookie is
HttpOnly and SameSite=Strict.  Its session is one like any other, so a logout ends it
at once.  The embedded daemon's user comes in with a code that `cidx open` puts into
the address's fragment, which no server ever sees.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from cidxd.errors import ForbiddenError, UnauthenticatedError
from cidxd.model import account, accounts
from cidxd.model.account import Principal, Session
from cidxd.store.ledger import Ledger
from cidxd.web.client_address import host, is_secure
from cidxd.web.whence import whence as whence_of

CODE_S: Final = 60.0  # a code of `cidx open` is good for so long, and once
_DAY_S: Final = 86_400.0
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# Of Sec-Fetch-Site (W3C Fetch Metadata): our own page, or what somebody typed.
_OWN_SITE: Final = frozenset({"same-origin", "none"})


@dataclasses.dataclass(frozen=True, slots=True)
class _Invitation:
    who: Principal
    good_until: float


class Browsers:
    """
    Makes and checks the cookies of browsers.

    Args:
        ledger: Where sessions are.
        clock: The time in POSIX seconds.
        instance: Names this daemon, so that two on one host do not overwrite each other's cookie.
        days: A session lives so long after it was last used.
        public_url: What browsers are told to use; None where they use the daemon's own address.
    """

    def __init__(
        self,
        ledger: Ledger,
        clock: Callable[[], float],
        *,
        instance: str,
        days: int,
        public_url: str | None,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._days = days
        self._origin = None if public_url is None else _origin(public_url)
        self._is_secure = public_url is not None and public_url.startswith("https:")
        mark = hashlib.sha256(instance.encode()).hexdigest()[:8]
        self._name = f"cidx-{mark}"
        self._invitations: dict[str, _Invitation] = {}

    def cookie(self, request: web.Request) -> str | None:
        """Return the session's cookie that *request* carries, if it does."""
        if "Cookie" not in request.headers:  # who has a token has none, and asks most
            return None
        return request.cookies.get(self._cookie_name(request))

    def session_id(self, cookie: str) -> str:
        """Return which session *cookie* opens; raises UnauthenticatedError for none."""
        session_id, _, secret = cookie.partition(".")
        session = self._ledger.state.sessions.get(session_id) if cookie.isascii() else None
        if session is None or not hmac.compare_digest(session.refresh_hash, _hash(secret)):
            raise account.refused()
        return session_id

    def check_origin(self, request: web.Request) -> None:
        """
        Refuse what another site's page asks for in a browser's name.

        Raises:
            ForbiddenError: `origin-refused`.
        """
        is_upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
        is_foreign = request.headers.get("Sec-Fetch-Site", "none") not in _OWN_SITE
        # A browser that says where a page is from is believed when it is from elsewhere.
        if "Origin" in request.headers or is_foreign or request.method not in _SAFE or is_upgrade:
            self.check_own_page(request)

    def check_own_page(self, request: web.Request) -> None:
        """Raise ForbiddenError unless *request* comes from one of our own pages."""
        origin = request.headers.get("Origin", "")
        is_foreign = request.headers.get("Sec-Fetch-Site", "none") not in _OWN_SITE
        if is_foreign or origin not in self._own(request):
            raise ForbiddenError(
                f"this does not come from a page of this daemon: {origin or 'no Origin'}",
                code="origin-refused",
                hint="use its own address; behind a proxy, server.public_url must name it",
            )

    def _own(self, request: web.Request) -> set[str]:
        """Return the origins of our own pages, as the browser that asks sees them."""
        if self._origin is not None:
            return {self._origin}
        schemes = ("https",) if is_secure(request) else _WEB  # a proxy may keep it to itself
        return {f"{scheme}://{host(request)}" for scheme in schemes}

    def invite(self, who: Principal) -> str:
        """Return a code that lets a browser in as *who*, once and within a minute."""
        now = self._clock()
        rest = {key: kept for key, kept in self._invitations.items() if kept.good_until > now}
        code = secrets.token_urlsafe(32)
        self._invitations = {**rest, _hash(code): _Invitation(who, now + CODE_S)}
        return code

    def accept(self, code: str) -> Principal:
        """Return who was given *code*, which is spent; raises UnauthenticatedError for another."""
        known = self._invitations.pop(_hash(code), None)
        if known is None or known.good_until <= self._clock():
            raise UnauthenticatedError(
                "the code is spent, or older than a minute",
                code="login-refused",
                hint="run cidx open again",
            )
        return known.who

    async def let_in(
        self,
        who: Principal,
        request: web.Request,
        response: web.Response,
        proof: str | None = None,
    ) -> None:
        """Open a session for *who*, and have *response* set its cookie; *proof*: `open_session`."""
        now, secret, whence = self._clock(), secrets.token_urlsafe(32), whence_of(request)
        session = Session(
            session_id=secrets.token_hex(12),
            user=who.name,
            refresh_hash=_hash(secret),
            created_at=now,
            expires_at=now + self._days * _DAY_S,
            address=whence.address,
            agent=whence.agent,
        )
        opened = accounts.open_browser_session
        await self._ledger.decide(opened, session, who.role, proof=proof)
        self._set(request, response, f"{session.session_id}.{secret}")

    async def renew(self, cookie: str, request: web.Request, response: web.Response) -> None:
        """Let the session live on from now, at most once a day."""
        session_id, now = self.session_id(cookie), self._clock()
        session = self._ledger.state.sessions.get(session_id)
        until = now + self._days * _DAY_S
        if session is not None and until - session.expires_at >= _DAY_S:
            await self._ledger.extend_session(session_id, until)
            self._set(request, response, cookie)

    def forget(self, request: web.Request, response: web.Response) -> None:
        """Have *response* take the cookie away."""
        response.del_cookie(self._cookie_name(request), path="/")

    def _set(self, request: web.Request, response: web.Response, value: str) -> None:
        response.set_cookie(
            self._cookie_name(request),
            value,
            max_age=int(self._days * _DAY_S),
            path="/",
            secure=self._secure(request),
            httponly=True,
            samesite="Strict",
        )

    def _secure(self, request: web.Request) -> bool:
        return self._is_secure or is_secure(request)

    def _cookie_name(self, request: web.Request) -> str:
        return f"__Host-{self._name}" if self._secure(request) else self._name


_WEB: Final = ("http", "https")


def _hash(secret: str) -> str:
    """Return what is kept of a cookie's secret; no refresh token has the same."""
    return hashlib.sha256(b"browser\0" + secret.encode()).hexdigest()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
