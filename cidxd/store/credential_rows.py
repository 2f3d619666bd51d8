"""Sealed credentials to rows and back."""

from __future__ import annotations

from typing import Any, Final

import aiosqlite  # noqa: TID251 - store/ is where SQL lives

from cidxd.model.credential import Credential, CredentialKind
from cidxd.model.registry import State

_PUT: Final = """
    INSERT INTO credential (repository_id, kind, authority, set_at, set_by, fingerprint, key_id,
                            sealed)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (repository_id) DO UPDATE SET
        kind = excluded.kind, authority = excluded.authority, set_at = excluded.set_at,
        set_by = excluded.set_by, fingerprint = excluded.fingerprint, key_id = excluded.key_id,
        sealed = excluded.sealed
"""
_DROP: Final = "DELETE FROM credential WHERE repository_id = ?"


def statements(draft: State) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """Return the SQL and the rows that store what *draft* changed; repositories come before."""
    changed = draft.credentials.changed
    return [
        (_PUT, [_row(credential) for credential in changed.values() if credential is not None]),
        (_DROP, [(key,) for key, credential in changed.items() if credential is None]),
    ]


async def load(connection: aiosqlite.Connection, state: State) -> None:
    """Read every credential into *state*, sealed as it is."""
    for row in await connection.execute_fetchall("SELECT * FROM credential"):
        repository_id, kind, authority, set_at, set_by, fingerprint, key_id, sealed = row
        credential = Credential(
            repository_id=repository_id,
            kind=CredentialKind(kind),
            authority=authority,
            set_at=set_at,
            set_by=set_by,
            fingerprint=fingerprint,
            key_id=key_id,
            sealed=sealed,
        )
        state.credentials.put(repository_id, credential)


def _row(made: Credential) -> tuple[Any, ...]:
    return (
        made.repository_id,
        made.kind.value,
        made.authority,
        made.set_at,
        made.set_by,
        made.fingerprint,
        made.key_id,
        made.sealed,
    )
