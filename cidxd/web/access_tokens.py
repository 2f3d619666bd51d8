"""
Access tokens: JWTs of fixed algorithm, issuer, audience and type, and what they say.

It knows nothing of sessions or users: whoever reads a token checks that its session lives.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from typing import Any, Final

import jwt

from cidxd.errors import UnauthenticatedError

_ALGORITHM: Final = "HS256"
_AUDIENCE: Final = "cidxd"
_CLAIMS: Final = ("iss", "aud", "sub", "sid", "typ", "iat", "exp")
_CACHED: Final = 10_000
LOGIN: Final = "log in: cidx login"


@dataclasses.dataclass(frozen=True, slots=True)
class Access:
    """What an access token says: whose session it speaks for, and until when."""

    session_id: str
    expires_at: float


class AccessTokens:
    """
    Makes access tokens and reads them.

    Attributes:
        lifetime_s: How long a new token is good.
    """

    def __init__(
        self, signing_key: str, instance: str, lifetime_s: float, clock: Callable[[], float]
    ) -> None:
        self._signing_key = signing_key
        self._instance = instance
        self._clock = clock
        self._verified: dict[str, Access] = {}
        self.lifetime_s = lifetime_s

    def make(self, user: str, session_id: str) -> str:
        """Return a new access token of the session."""
        now = self._clock()
        claims = {
            "iss": self._instance,
            "aud": _AUDIENCE,
            "sub": user,
            "sid": session_id,
            "typ": "access",
            "iat": int(now),
            "exp": int(now + self.lifetime_s),
        }
        return jwt.encode(claims, self._signing_key, algorithm=_ALGORITHM)

    def session_id(self, token: str) -> str:
        """
        Return the session that *token* speaks for.

        Raises:
            UnauthenticatedError: None; code `token-expired` when only time has run out.
        """
        if not token.isascii():  # nor need it be UTF-8
            raise _not_ours()
        access = self._access(token)
        if access.expires_at <= self._clock():
            raise UnauthenticatedError(
                "the token has expired", code="token-expired", hint="refresh it, or log in again"
            )
        return access.session_id

    def _access(self, token: str) -> Access:
        """Return what a token says, verified once (34 µs) and remembered by its hash."""
        key = hashlib.sha256(token.encode()).hexdigest()
        known = self._verified.get(key)
        if known is None:
            claims = self._verify(token)
            known = Access(str(claims["sid"]), float(claims["exp"]))
            if len(self._verified) >= _CACHED:
                self._verified.clear()
            self._verified[key] = known
        return known

    def _verify(self, token: str) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._signing_key,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                issuer=self._instance,
                # Expiry is judged by the daemon's one clock, in `session_id`.
                options={"require": list(_CLAIMS), "verify_exp": False, "verify_iat": False},
            )
        except jwt.PyJWTError:
            raise _not_ours() from None
        if claims["typ"] != "access":
            raise _not_ours()
        return claims


def _not_ours() -> UnauthenticatedError:
    return UnauthenticatedError("the token is not one of ours", hint=LOGIN)
