"""Sessions as rows, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from cidxd.model.account import Session

PUT_SESSION: Final = """
    INSERT INTO session (session_id, user, refresh_hash, previous_hash, rotated_at, created_at,
                         expires_at, address, agent, used_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (session_id) DO UPDATE SET
        refresh_hash = excluded.refresh_hash, previous_hash = excluded.previous_hash,
        rotated_at = excluded.rotated_at, expires_at = excluded.expires_at,
        used_at = excluded.used_at
"""


def session_from(row: Iterable[Any]) -> Session:
    """Return the session of a row, its columns in the table's order."""
    (
        session_id, user, refresh_hash, previous_hash, rotated_at, created_at, expires_at,
        address, agent, used_at,
    ) = row  # fmt: skip
    return Session(
        session_id=session_id,
        user=user,
        refresh_hash=refresh_hash,
        previous_hash=previous_hash,
        rotated_at=rotated_at,
        created_at=created_at,
        expires_at=expires_at,
        address=address,
        agent=agent,
        used_at=used_at,
    )


def session_row(session: Session) -> tuple[Any, ...]:
    """Return the session as PUT_SESSION takes it."""
    return (
        session.session_id,
        session.user,
        session.refresh_hash,
        session.previous_hash,
        session.rotated_at,
        session.created_at,
        session.expires_at,
        session.address,
        session.agent,
        session.used_at,
    )
