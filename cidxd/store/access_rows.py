"""Personal tokens and removed repositories: records to rows and back, and their SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import aiosqlite  # noqa: TID251 - store/ is where SQL lives
import orjson

from cidxd.model.account import PersonalToken, Scope
from cidxd.model.registry import State
from cidxd.model.repository import Repository

Row = tuple[Any, ...]

_PUT_PERSONAL: Final = """
    INSERT INTO personal_token (token_hash, token_id, user, name, scopes, created_at, expires_at,
                                last_used_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (token_hash) DO UPDATE SET last_used_at = excluded.last_used_at
"""
_PUT_REMOVED: Final = """
    INSERT INTO removed_repository (repository_id, body) VALUES (?, ?)
    ON CONFLICT (repository_id) DO UPDATE SET body = excluded.body
"""
_PERSONAL: Final = """
    SELECT token_hash, token_id, user, name, scopes, created_at, expires_at, last_used_at
    FROM personal_token
"""


def statements(draft: State, body_of: Callable[[Repository], str]) -> list[tuple[str, list[Row]]]:
    """Return the SQL and the rows that store what *draft* changed of these."""
    tokens, removed = draft.tokens.changed, draft.removed.changed
    return [
        (_PUT_PERSONAL, [_token_row(row) for row in tokens.values() if row is not None]),
        (_PUT_REMOVED, [(number, body_of(row)) for number, row in removed.items() if row]),
        (
            "DELETE FROM personal_token WHERE token_hash = ?",
            [(key,) for key, row in tokens.items() if row is None],
        ),
    ]


async def load(
    connection: aiosqlite.Connection, state: State, repository_of: Callable[[str], Repository]
) -> None:
    """Read them into *state*."""
    for row in await connection.execute_fetchall(_PERSONAL):
        token = _token_from(row)
        state.tokens.put(token.token_hash, token)
    for number, body in await connection.execute_fetchall("SELECT * FROM removed_repository"):
        state.removed.put(number, repository_of(body))


def _token_row(token: PersonalToken) -> Row:
    return (
        token.token_hash,
        token.token_id,
        token.user,
        token.name,
        orjson.dumps(token.scopes).decode(),
        token.created_at,
        token.expires_at,
        token.last_used_at,
    )


def _token_from(row: Iterable[Any]) -> PersonalToken:
    token_hash, token_id, user, name, scopes, created_at, expires_at, last_used_at = row
    return PersonalToken(
        token_hash=token_hash,
        token_id=token_id,
        user=user,
        name=name,
        scopes=tuple(Scope(scope) for scope in orjson.loads(scopes)),
        created_at=created_at,
        expires_at=expires_at,
        last_used_at=last_used_at,
    )
