"""
Personal access tokens as they come with requests: what they look like, and whom they speak for.

A token is 256 random bits behind a prefix that secret scanners can look for.  Only its
SHA-256 is kept, and what is not among those is refused in the same words whatever it is:
made up, revoked, run out, or its user's no more.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Callable
from typing import Final

from cidxd.model import account, personal
from cidxd.model.account import PersonalToken, Principal
from cidxd.store.database import StoreError
from cidxd.store.ledger import Ledger

PREFIX: Final = "cidx_pat_"
_RANDOM_BYTES: Final = 32


def made_up() -> str:
    """Return a new token."""
    return PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def hash_of(token: str) -> str:
    """Return what is kept of *token*."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


class PersonalTokens:
    """Tells whom a personal token speaks for, and notes that it was used."""

    def __init__(self, ledger: Ledger, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._clock = clock

    def principal(self, token: str) -> Principal:
        """Return whom *token*, which has the prefix, speaks for; raises UnauthenticatedError."""
        return self._principal(self._ledger.state.tokens.get(hash_of(token)))

    def again(self, who: Principal) -> Principal:
        """Return *who*, who came with a token, as of now; raises UnauthenticatedError."""
        return self._principal(self._kept(who))

    async def note_use(self, who: Principal) -> None:
        """Keep that the token of *who* is used, if what is kept is older than some minutes."""
        token = self._kept(who)
        if token is not None and personal.is_use_news(token, self._clock()):
            with contextlib.suppress(StoreError):  # who only reads is answered all the same
                await self._ledger.note_use(token.token_hash)

    def _principal(self, token: PersonalToken | None) -> Principal:
        user = None if token is None else self._ledger.state.users.get(token.user)
        if token is None or user is None or user.is_disabled or token.expires_at <= self._clock():
            raise account.refused()
        return Principal(user.name, user.role, None, token)

    def _kept(self, who: Principal) -> PersonalToken | None:
        return None if who.token is None else self._ledger.state.tokens.get(who.token.token_hash)
