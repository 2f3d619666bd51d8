"""Rows of webhooks, of what they delivered, and of removals that are not finished."""

from __future__ import annotations

from typing import Any, Final

import aiosqlite  # noqa: TID251 - store/ is where SQL lives

from cidxd.model.credential import WEBHOOK, Credential, CredentialKind
from cidxd.model.facts import Delivery, Removal
from cidxd.model.registry import State

_PUT_HOOK: Final = """
    INSERT INTO hook (repository_id, set_at, set_by, key_id, sealed) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (repository_id) DO UPDATE SET
        set_at = excluded.set_at, set_by = excluded.set_by, key_id = excluded.key_id,
        sealed = excluded.sealed
"""
_PUT_DELIVERY: Final = """
    INSERT INTO delivery (mark, repository_id, received_at, job_id) VALUES (?, ?, ?, ?)
    ON CONFLICT (mark) DO UPDATE SET
        received_at = excluded.received_at, job_id = excluded.job_id
"""
_PUT_REMOVAL: Final = """
    INSERT INTO removal (repository_id, name, user, at) VALUES (?, ?, ?, ?)
    ON CONFLICT (repository_id) DO NOTHING
"""


def statements(draft: State) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """Return the SQL and the rows that store what *draft* changed."""
    hooks, deliveries, removals = draft.hooks, draft.deliveries, draft.removals
    return [
        (_PUT_HOOK, [_hook_row(row) for row in hooks.changed.values() if row]),
        (_PUT_DELIVERY, [_delivery_row(row) for row in deliveries.changed.values() if row]),
        (_PUT_REMOVAL, [_removal_row(row) for row in removals.changed.values() if row]),
        ("DELETE FROM hook WHERE repository_id = ?", _dropped(hooks.changed)),
        ("DELETE FROM delivery WHERE mark = ?", _dropped(deliveries.changed)),
        ("DELETE FROM removal WHERE repository_id = ?", _dropped(removals.changed)),
    ]


async def load(connection: aiosqlite.Connection, state: State) -> None:
    """Read everything back into *state*."""
    for row in await connection.execute_fetchall("SELECT * FROM hook"):
        state.hooks.put(row[0], _hook_from(*row))
    sql = "SELECT mark, repository_id, received_at, job_id FROM delivery ORDER BY received_at"
    for mark, number, at, job_id in await connection.execute_fetchall(sql):
        made = Delivery(mark=mark, repository_id=number, received_at=at, job_id=job_id)
        state.deliveries.put(mark, made)
    for number, name, user, at in await connection.execute_fetchall("SELECT * FROM removal"):
        state.removals.put(number, Removal(number, name, user, at))
    state.last_repository_id = max([state.last_repository_id, *state.removals.changed])


def _hook_from(
    repository_id: int, set_at: float, set_by: str, key_id: str, sealed: bytes
) -> Credential:
    return Credential(
        repository_id=repository_id,
        kind=CredentialKind.TOKEN,
        authority=WEBHOOK,
        set_at=set_at,
        set_by=set_by,
        fingerprint=None,
        key_id=key_id,
        sealed=sealed,
    )


def _hook_row(row: Credential) -> tuple[Any, ...]:
    return (row.repository_id, row.set_at, row.set_by, row.key_id, row.sealed)


def _delivery_row(row: Delivery) -> tuple[Any, ...]:
    return (row.mark, row.repository_id, row.received_at, row.job_id)


def _removal_row(row: Removal) -> tuple[Any, ...]:
    return (row.repository_id, row.name, row.user, row.at)


def _dropped(changed: dict[Any, Any]) -> list[tuple[Any, ...]]:
    return [(key,) for key, row in changed.items() if row is None]
