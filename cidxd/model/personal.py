"""Personal access tokens: what is kept of one, made and revoked on a draft."""

from __future__ import annotations

import dataclasses
from typing import Final

from cidxd.errors import ConflictError, NotFoundError
from cidxd.model.account import PersonalToken, Principal, User
from cidxd.model.registry import State

MOST_TOKENS: Final = 100  # of one user
USE_NOTED_S: Final = 300.0  # the last use is no more than so much newer than what is kept


def make(state: State, token: PersonalToken, who: Principal) -> PersonalToken:
    """
    Keep a new token, and forget those of the same user that ran out.

    The embedded daemon's user becomes a user by it, without a password.

    Raises:
        ConflictError: The user has as many as one may have.
    """
    if state.users.get(token.user) is None:
        user = User(name=token.user, password_hash="", role=who.role, created_at=token.created_at)
        state.users.put(user.name, user)
    for old in of_user(state, token.user):
        if old.expires_at <= token.created_at:
            state.tokens.drop(old.token_hash)
    if len(of_user(state, token.user)) >= MOST_TOKENS:
        raise ConflictError(
            f"you have {MOST_TOKENS} tokens already",
            code="too-many-tokens",
            hint="revoke one: cidx auth tokens, cidx auth revoke ID",
        )
    state.tokens.put(token.token_hash, token)
    scopes = [scope.value for scope in token.scopes]
    state.note("token.made", token.token_id, name=token.name, user=token.user, scopes=scopes)
    return token


def revoke(state: State, who: Principal, token_id: str) -> PersonalToken:
    """
    End a token of one's own; an administrator ends anybody's.

    Raises:
        NotFoundError: There is none, or none that *who* may know of.
    """
    found = next((row for row in state.tokens.values() if row.token_id == token_id), None)
    if found is None or not (who.is_admin or found.user == who.name):
        raise NotFoundError(
            f"no such token: {token_id}", code="token-not-found", hint="cidx auth tokens"
        )
    state.tokens.drop(found.token_hash)
    state.note("token.revoked", found.token_id, name=found.name, user=found.user)
    return found


def revoke_all(state: State, user: str) -> None:
    """End every token of *user*."""
    for row in of_user(state, user):
        state.tokens.drop(row.token_hash)


def note_use(state: State, token_hash: str, at: float) -> None:
    """Keep when a token was used last; harmless if it was revoked meanwhile."""
    known = state.tokens.get(token_hash)
    if known is not None:
        state.tokens.put(token_hash, dataclasses.replace(known, last_used_at=at))


def is_use_news(token: PersonalToken, now: float) -> bool:
    """Return whether a use now is worth a write; also when the clock was set back."""
    last = token.last_used_at
    return last is None or not 0 <= now - last < USE_NOTED_S


def of_user(state: State, user: str) -> list[PersonalToken]:
    """Return the tokens of *user*, the oldest first."""
    found = [row for row in state.tokens.values() if row.user == user]
    return sorted(found, key=lambda row: (row.created_at, row.token_id))
