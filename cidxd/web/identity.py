"""
Who asks: from a request's Authorization or cookie to a principal, and the tokens behind it.

An access token (`access_tokens`) speaks for a session, which is looked up in memory at
each request, so a logout works at once.  A refresh token
is `<session id>.<256 random bits>`, kept as SHA-256.  The embedded daemon has one
token for its one user.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import hmac
import secrets
from collections.abc import Callable

import argon2
from aiohttp import web

from cidxd.errors import InvalidError, UnauthenticatedError
from cidxd.model.account import Principal, Role, Session, User
from cidxd.store.ledger import Ledger
from cidxd.web.access_tokens import LOGIN, AccessTokens
from cidxd.web.browsers import Browsers


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """
    How tokens are made here.

    Attributes:
        signing_key: Of access tokens, hex.
        instance: Names this daemon; a token of another one is refused.
        own_token: The embedded daemon's token for `own_user`; None on a server.
        public_url: What browsers are told to use, if that is not the daemon's own address.
    """

    signing_key: str
    instance: str
    access_s: float
    refresh_days: int
    own_token: str | None = None
    own_user: str = ""
    public_url: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Tokens:
    """What a login hands out."""

    access: str
    refresh: str
    expires_in_s: int
    user: User


class Identity:
    """
    Makes, rotates and checks tokens.

    Attributes:
        browsers: Those of browsers, which have a cookie instead.
    """

    def __init__(self, ledger: Ledger, terms: Terms, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._terms = terms
        self._clock = clock
        self._hasher = argon2.PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_hex(8))
        self._access_tokens = AccessTokens(terms.signing_key, terms.instance, terms.access_s, clock)
        self.browsers = Browsers(
            ledger,
            clock,
            instance=terms.instance,
            days=terms.refresh_days,
            public_url=terms.public_url,
        )

    def caller(self, request: web.Request) -> Principal:
        """
        Return who a request speaks for: the one place where that is found out.

        Raises:
            UnauthenticatedError: Nobody.
            InvalidError: It says so twice, by header and by cookie.
            ForbiddenError: Another site's page uses the browser's cookie.
        """
        authorization = request.headers.get("Authorization")
        cookie = self.browsers.cookie(request)
        if cookie is None:
            return self.principal(authorization)
        if authorization is not None:
            raise InvalidError(
                "both a cookie and an Authorization header say who asks",
                code="credentials-twice",
                hint="send one of them",
                status=400,
            )
        self.browsers.check_origin(request)
        return self.of_session(self.browsers.session_id(cookie))

    def principal(self, authorization: str | None) -> Principal:
        """
        Return who an Authorization header speaks for.

        Raises:
            UnauthenticatedError: Nobody; code `token-expired` when only time has run out.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise UnauthenticatedError("a bearer token is needed", hint=LOGIN)
        own = self._terms.own_token
        if own is not None and token.isascii() and hmac.compare_digest(own, token):
            return Principal(self._terms.own_user, Role.ADMIN)
        return self.of_session(self._access_tokens.session_id(token))

    def of_session(self, session_id: str) -> Principal:
        """Return whose session it is; raises UnauthenticatedError once it ended."""
        user = self.check_session(session_id)
        return Principal(user.name, user.role, session_id)

    def check_session(self, session_id: str) -> User:
        """Return its user; raises UnauthenticatedError once it ended."""
        session = self._ledger.state.sessions.get(session_id)
        user = self._ledger.state.users.get(session.user) if session else None
        if session is None or user is None or user.is_disabled:
            raise UnauthenticatedError("the session has ended", code="session-ended", hint=LOGIN)
        if session.expires_at <= self._clock():
            raise UnauthenticatedError("the session has ended", code="session-ended", hint=LOGIN)
        return user

    async def checked(self, name: str, password: str) -> User:
        """
        Return the user of that name and password.

        Raises:
            UnauthenticatedError: Name or password is wrong; it does not say which.
        """
        user = self._ledger.state.users.get(name)
        stored = user.password_hash if user and not user.is_disabled else self._nobody
        is_right = await asyncio.to_thread(self._matches, stored, password)
        if not is_right or user is None or user.is_disabled:
            raise UnauthenticatedError(
                "wrong user name or password", code="login-refused", hint="try again: cidx login"
            )
        return user

    async def log_in(self, name: str, password: str) -> Tokens:
        """Open a session; raises what `checked` raises."""
        user = await self.checked(name, password)
        now, secret = self._clock(), secrets.token_urlsafe(32)
        session = Session(
            session_id=secrets.token_hex(12),
            user=name,
            refresh_hash=_sha256(secret),
            created_at=now,
            expires_at=now + self._terms.refresh_days * 86_400,
        )
        await self._ledger.open_session(session)
        return self._tokens(user, session, secret)

    async def refresh(self, refresh_token: str) -> Tokens:
        """
        Swap a refresh token for a new pair.

        Raises:
            UnauthenticatedError: It is not good any more.
        """
        session_id, _, used = refresh_token.partition(".")
        secret = secrets.token_urlsafe(32)
        session = await self._ledger.rotate(
            session_id, _sha256(used), _sha256(secret), days=self._terms.refresh_days
        )
        user = self._ledger.state.users.get(session.user) if session else None
        if session is None or user is None or user.is_disabled:
            raise UnauthenticatedError("the session has ended", code="session-ended", hint=LOGIN)
        return self._tokens(user, session, secret)

    async def log_out(self, who: Principal) -> None:
        """End the caller's session; nothing to do for the embedded daemon's user."""
        if who.session_id is not None:
            await self._ledger.end_session(who.session_id)

    async def set_password(self, who: Principal, password: str) -> None:
        """Set the caller's own password, and end every other session of theirs."""
        await self._ledger.set_password(who, await self.hashed(password))

    async def hashed(self, password: str) -> str:
        """Return argon2id's encoding of *password*; takes tens of milliseconds in a thread."""
        return await asyncio.to_thread(self._hasher.hash, password)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False  # the second: the embedded daemon's user has no password

    def _tokens(self, user: User, session: Session, secret: str) -> Tokens:
        access = self._access_tokens.make(user.name, session.session_id)
        refresh = f"{session.session_id}.{secret}"
        return Tokens(access, refresh, int(self._terms.access_s), user)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
