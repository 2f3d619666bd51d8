"""Reading the audit log."""

from __future__ import annotations

import dataclasses
from typing import Any

import aiosqlite  # noqa: TID251 - store/ is where SQL lives

from cidxd.model.audit import Entry
from cidxd.store import audit_rows
from cidxd.store.database import StoreError


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """
    Which entries, newest first; None means any.

    Attributes:
        since, until: Bounds on when, POSIX seconds, until excluded.
        before: Only entries older than the one of this id (the page's cursor).
    """

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    since: float | None = None
    until: float | None = None
    before: int | None = None


class Audits:
    """Reads through a `mode=ro` connection."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def entries(self, wanted: AuditFilter, limit: int) -> list[tuple[int, Entry]]:
        """Return up to *limit* entries with their ids, newest first."""
        conditions = (
            ("actor = ?", wanted.actor),
            ("action = ?", wanted.action),
            ("target = ?", wanted.target),
            ("at >= ?", wanted.since),
            ("at < ?", wanted.until),
            ("id < ?", wanted.before),
        )
        used = [(clause, value) for clause, value in conditions if value is not None]
        clauses = "".join(f" AND {clause}" for clause, _ in used)
        sql = f"SELECT * FROM audit WHERE 1{clauses} ORDER BY id DESC LIMIT ?"  # noqa: S608 - clauses are ours
        found = await self._all(sql, (*(value for _, value in used), limit))
        return [audit_rows.entry_from(row) for row in found]

    async def has_before(self, instant: float) -> bool:
        """Return whether an entry is older than *instant*."""
        return bool(await self._all("SELECT 1 FROM audit WHERE at < ? LIMIT 1", (instant,)))

    async def _all(self, sql: str, parameters: tuple[Any, ...]) -> list[Any]:
        try:
            return list(await self._connection.execute_fetchall(sql, parameters))
        except aiosqlite.Error as err:
            raise StoreError(f"the database cannot be read: {err}") from err
