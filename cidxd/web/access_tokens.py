"""
Access tokens: JWTs of fixed algorithm, issuer, audience, type and key, and what they say.

One is believed only if it is, byte for byte, what this daemon makes of the claims in it: so
there is one spelling of each, and nothing in it that this daemon did not write.  It knows
nothing of sessions or users: whoever reads a token checks that its session lives.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
from collections.abc import Callable
from typing import Any, Final

import jwt

from cidxd.model import account, signing
from cidxd.model.registry import State
from cidxd.model.signing_key import SigningKey

_ALGORITHM: Final = "HS256"
_TYPE: Final = "at+jwt"  # RFC 9068
_AUDIENCE: Final = "cidxd"
_CLAIMS: Final = ["iss", "aud", "sub", "sid", "iat", "nbf", "exp"]
_LONGEST: Final = 2048  # characters; ours have about 400
_CACHED: Final = 10_000
_AHEAD_S: Final = 60.0  # so far the clock may be set back, and what it signed is believed still
# Time is judged by the daemon's one clock, in `session_id`.
_OPTIONS: Final[dict[str, Any]] = {
    "require": _CLAIMS,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


@dataclasses.dataclass(frozen=True, slots=True)
class _Access:
    """What a token says: whose session it speaks for, when, and the key that signed it."""

    session_id: str
    begins_at: int
    ends_at: int
    key_id: str


class AccessTokens:
    """
    Makes access tokens and reads them.

    Attributes:
        lifetime_s: How long a new token is good.
    """

    def __init__(
        self, state: State, instance: str, lifetime_s: float, clock: Callable[[], float]
    ) -> None:
        self._state = state
        self._instance = instance
        self._clock = clock
        self._verified: dict[bytes, _Access] = {}
        self.lifetime_s = lifetime_s

    def make(self, user: str, session_id: str) -> str:
        """Return a new access token of the session."""
        now = int(self._clock())
        claims = {
            "iss": self._instance,
            "aud": _AUDIENCE,
            "sub": user,
            "sid": session_id,
            "iat": now,
            "nbf": now,
            "exp": int(now + self.lifetime_s),
        }
        return _signed(claims, signing.current(self._state))

    def session_id(self, token: str) -> str:
        """
        Return the session that *token* speaks for.

        Raises:
            UnauthenticatedError: None, or not now.
        """
        if len(token) > _LONGEST or not token.isascii():  # nor need it be UTF-8
            raise account.refused()
        access, now = self._access(token), self._clock()
        is_now = access.begins_at - _AHEAD_S <= self._latest(access, now) and now < access.ends_at
        if not is_now or signing.verifying(self._state, access.key_id, now=now) is None:
            raise account.refused()
        return access.session_id

    def _latest(self, access: _Access, now: float) -> float:
        """Return *now*, or when the login last got a token, if the clock was set back since."""
        session = self._state.sessions.get(access.session_id)
        return now if session is None else max(now, session.created_at, session.rotated_at)

    def _access(self, token: str) -> _Access:
        """Return what a token says, verified once (34 µs) and remembered by its hash."""
        digest = hashlib.sha256(token.encode()).digest()
        known = self._verified.get(digest)
        if known is None:
            known = self._verify(token)
            if len(self._verified) >= _CACHED:
                self._verified.clear()
            self._verified[digest] = known
        return known

    def _verify(self, token: str) -> _Access:
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
            key = self._key(key_id)
            claims: dict[str, Any] = jwt.decode(
                token,
                key.secret,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                issuer=self._instance,
                options=_OPTIONS,  # type: ignore[arg-type]
            )
            if not hmac.compare_digest(_signed(claims, key), token):
                raise account.refused()
            issued_at, begins_at, ends_at = (_whole(claims[name]) for name in ("iat", "nbf", "exp"))
            return _Access(str(claims["sid"]), max(issued_at, begins_at), ends_at, key.key_id)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError, OverflowError):
            raise account.refused() from None

    def _key(self, key_id: object) -> SigningKey:
        key = self._state.signing_keys.get(key_id) if isinstance(key_id, str) else None
        if key is None:
            raise account.refused()
        return key


def _whole(value: object) -> int:
    """Return an instant; neither infinity nor a truth is one."""
    if type(value) is not int:
        raise TypeError
    return value


def _signed(claims: dict[str, Any], key: SigningKey) -> str:
    header = {"typ": _TYPE, "kid": key.key_id}
    return jwt.encode(claims, key.secret, algorithm=_ALGORITHM, headers=header)
