"""
Who asks: from a request's Authorization or cookie to a principal, and the tokens behind it.

An access token (`access_tokens`) speaks for a session, which is looked up in memory at
each request, so a logout works at once.  A refresh token
is `<session id>.<256 random bits>`, kept as SHA-256.  The embedded daemon has one
token for its one user.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Final

from aiohttp import web

from cidxd.errors import InvalidError
from cidxd.model import account, accounts, signing
from cidxd.model import password as password_rules
from cidxd.model.account import Principal, Role, Session, User
from cidxd.model.login_limits import LoginLimits
from cidxd.model.signing_key import SigningKey
from cidxd.store import audit_rows
from cidxd.store.ledger import Ledger
from cidxd.web.access_tokens import AccessTokens
from cidxd.web.browsers import Browsers
from cidxd.web.logins import Logins
from cidxd.web.passwords import Passwords
from cidxd.web.personal_tokens import PREFIX, PersonalTokens
from cidxd.web.presence import Presence
from cidxd.web.whence import Whence

_REMEMBERED: Final = 10_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """
    How tokens are made here.

    Attributes:
        instance: Names this daemon; a token of another one is refused.
        own_token: The embedded daemon's token for `own_user`; None on a server.
        public_url: What browsers are told to use, if that is not the daemon's own address.
    """

    instance: str
    access_s: float
    refresh_days: int
    own_token: str | None = None
    own_user: str = ""
    public_url: str | None = None
    login_limits: LoginLimits = dataclasses.field(default_factory=LoginLimits)


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
        logins: Name and password to a user.
        note_use: Keeps that a caller's personal token is used.
        passwords: Makes and compares hashes.
        presence: What goes on only as long as its session.
    """

    def __init__(self, ledger: Ledger, terms: Terms, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._terms = terms
        self._clock = clock
        self._used: dict[str, float] = {}
        self.presence = Presence(lambda known: accounts.is_present(ledger.state, known))
        ledger.tell_ended_sessions(self.presence.end)
        self.passwords = Passwords()
        self.logins = Logins(ledger, self.passwords, terms.login_limits, clock)
        self._access_tokens = AccessTokens(ledger.state, terms.instance, terms.access_s, clock)
        self._personal_tokens = PersonalTokens(ledger, clock)
        self.note_use = self._personal_tokens.note_use
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
        given = request.headers.getall("Authorization", [])
        if len(given) > 1:  # which one is meant, a proxy may see otherwise
            raise account.refused()
        authorization = given[0] if given else None
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
        """Return who an Authorization header speaks for; raises UnauthenticatedError for nobody."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise account.refused()
        own = self._terms.own_token
        if own is not None and token.isascii() and hmac.compare_digest(own, token):
            return Principal(self._terms.own_user, Role.ADMIN)
        if token.startswith(PREFIX):
            return self._personal_tokens.principal(token)
        return self.of_session(self._access_tokens.session_id(token))

    def again(self, who: Principal) -> Principal:
        """Return *who* as of now; raises UnauthenticatedError once the session or token ended."""
        if who.token is not None:
            return self._personal_tokens.again(who)
        return who if who.session_id is None else self.of_session(who.session_id)

    def of_session(self, session_id: str) -> Principal:
        """Return whose session it is; raises UnauthenticatedError once it ended."""
        user = self.check_session(session_id)
        return Principal(user.name, user.role, session_id)

    def check_session(self, session_id: str) -> User:
        """Return its user; raises UnauthenticatedError once it ended."""
        session = self._ledger.state.sessions.get(session_id)
        user = self._ledger.state.users.get(session.user) if session else None
        if session is None or user is None or user.is_disabled:
            raise account.refused()
        now = self._clock()
        if session.expires_at <= now:
            raise account.refused()
        if len(self._used) >= _REMEMBERED:  # of sessions that ended, most of them
            self._used.clear()
        self._used[session_id] = now
        return user

    async def log_in(self, name: str, password: str, whence: Whence) -> Tokens:
        """Open a session; raises what `Logins.checked` raises."""
        user = await self.logins.checked(name, password, whence.address)
        now, secret = self._clock(), secrets.token_urlsafe(32)
        session = Session(
            session_id=secrets.token_hex(12),
            user=name,
            refresh_hash=_sha256(secret),
            created_at=now,
            expires_at=now + self._terms.refresh_days * 86_400,
            address=whence.address,
            agent=whence.agent,
        )
        await self._ledger.open_session(session, user.password_hash)
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
            raise account.ended()
        return self._tokens(user, session, secret)

    async def log_out(self, who: Principal) -> None:
        """End the caller's session; nothing to do for the embedded daemon's user."""
        if who.session_id is not None:
            await self._ledger.end_session(who.session_id)

    async def rotate_keys(self, *, at_once: bool) -> tuple[SigningKey, float]:
        """Sign with a new key; return it, and how many seconds those before it verify yet."""
        now, kept_s = self._clock(), 0.0 if at_once else self._terms.access_s
        fresh = audit_rows.fresh_key(now)
        return await self._ledger.decide(signing.rotate, fresh, kept_s=kept_s, now=now), kept_s

    async def set_password(self, who: Principal, password: str) -> None:
        """Set the caller's own password, and end every other session of theirs."""
        hashed = await self.hashed(password, who.name, pointer="/new_password")
        await self._ledger.set_password(who, hashed)

    async def hashed(self, password: str, user: str, *, pointer: str) -> str:
        """Return the hash of a new password of *user*; raises InvalidError for one too weak."""
        password_rules.check(password, user, pointer=pointer)
        return await self.passwords.hashed(password)

    def used_at(self, session: Session) -> float:
        """Return when *session* was used last."""
        return max(session.used_at, session.created_at, self._used.get(session.session_id, 0.0))

    def is_alive(self, session: Session) -> bool:
        """Whether *session* is good still."""
        return session.expires_at > self._clock()

    def _tokens(self, user: User, session: Session, secret: str) -> Tokens:
        access = self._access_tokens.make(user.name, session.session_id)
        refresh = f"{session.session_id}.{secret}"
        return Tokens(access, refresh, int(self._terms.access_s), user)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
