"""Reading what is committed: older jobs, lists of jobs, and events; never a write."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection
from typing import Any, Final

import aiosqlite  # noqa: TID251 - store/ is where SQL lives

from cidxd.model.intake import Known
from cidxd.model.job import Event, Job, Status
from cidxd.model.retention import Ended
from cidxd.store import rows
from cidxd.store.audits import Audits
from cidxd.store.database import StoreError

_ENDED: Final = """
    SELECT job_id, status, finished_at FROM job
    WHERE repository_id = ? AND finished_at < ? AND (finished_at, job_id) > (?, ?)
    ORDER BY finished_at, job_id LIMIT ?
"""
_NEWEST_ENDED: Final = """
    SELECT job_id FROM job WHERE repository_id = ? AND finished_at IS NOT NULL
    ORDER BY finished_at DESC, job_id DESC LIMIT ?
"""
_NOT_HIDDEN: Final = "repository_id NOT IN (SELECT value FROM json_each(?))"
_EVENT_COLUMNS: Final = """
    cursor, job_id, repository_id,
    coalesce(
        (SELECT name FROM repository AS now WHERE now.repository_id = event.repository_id),
        repository
    ),
    seq, at, kind, data
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """
    Which jobs, newest first.  None or empty means any.

    Attributes:
        since, until: Bounds on when the job was asked for, POSIX seconds, until excluded.
        words: Text within the job id, the message or the error's title.
        before: Only jobs older than this job id (the page's cursor).
        hidden: No jobs of the repositories of these ids.
    """

    status: str | None = None
    outcome: str | None = None
    repository: str | None = None
    user: str | None = None
    since: float | None = None
    until: float | None = None
    words: str | None = None
    before: str | None = None
    hidden: Collection[int] = ()


class History:
    """
    Reads of the store through its own `mode=ro` connection.

    Attributes:
        audits: Those of the audit log.
    """

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self.audits = Audits(connection)

    async def job(self, job_id: str) -> Job | None:
        """Return one job of any age."""
        found = await self._all("SELECT body FROM job WHERE job_id = ?", (job_id,))
        return rows.job_from(found[0][0]) if found else None

    async def job_ids_like(self, part: str, hidden: Collection[int] = ()) -> list[str]:
        """
        Return up to three ids that begin or end with *part* (letters, digits, dashes).

        Jobs of the repositories of the *hidden* ids are passed over.
        """
        rest = f"{_NOT_HIDDEN} ORDER BY job_id DESC LIMIT 3"
        sql = f"SELECT job_id FROM job WHERE job_id >= ? AND job_id < ? AND {rest}"  # noqa: S608 - ours
        found = await self._all(sql, (part, part + "~", _listed(hidden)))
        if not found:
            sql = f"SELECT job_id FROM job WHERE job_id LIKE ? AND {rest}"  # noqa: S608 - likewise
            found = await self._all(sql, ("%" + part, _listed(hidden)))
        return [row[0] for row in found]

    async def known(self, user: str, key: str) -> Known | None:
        """Return an idempotency key of *user* with its job, None unless both are kept."""
        sql = "SELECT * FROM idempotency_key WHERE user = ? AND key = ?"
        for row in await self._all(sql, (user, key)):
            found = rows.key_from(row)
            job = await self.job(found.job_id)
            return None if job is None else Known(found, job)
        return None

    async def keys_before(self, instant: float, limit: int) -> list[tuple[str, str]]:
        """
        Return up to *limit* idempotency keys of before *instant*, as pairs of user and key.

        Raises:
            StoreError: The database cannot be read.
        """
        sql = "SELECT user, key FROM idempotency_key WHERE created_at < ? LIMIT ?"
        try:
            return [(user, key) for user, key in await self._all(sql, (instant, limit))]
        except aiosqlite.Error as err:
            raise StoreError(f"the database cannot be read: {err}") from err

    async def jobs(self, wanted: JobFilter, limit: int) -> list[Job]:
        """Return up to *limit* jobs, newest first."""
        clauses, parameters = _where(wanted)
        page = f"SELECT job_id FROM job {clauses} ORDER BY job_id DESC LIMIT ?"  # noqa: S608 - clauses are ours
        # The page is found in an index; then only its bodies are read.
        sql = f"SELECT body FROM job WHERE job_id IN ({page}) ORDER BY job_id DESC"  # noqa: S608 - likewise
        return [rows.job_from(row[0]) for row in await self._all(sql, (*parameters, limit))]

    async def events(
        self,
        *,
        after: int,
        limit: int,
        job_id: str | None = None,
        repository_id: int | None = None,
        hidden: Collection[int] = (),
    ) -> list[Event]:
        """
        Return up to *limit* events with a cursor above *after*, oldest first.

        Those of the repositories of the *hidden* ids are passed over.
        """
        clause, parameters = "cursor > ?", [after]
        for column, value in (("job_id", job_id), ("repository_id", repository_id)):
            if value is not None:
                clause += f" AND {column} = ?"
                parameters.append(value)  # type: ignore[arg-type]
        if hidden:
            clause += f" AND {_NOT_HIDDEN}"
            parameters.append(_listed(hidden))  # type: ignore[arg-type]
        sql = f"SELECT {_EVENT_COLUMNS} FROM event WHERE {clause} ORDER BY cursor LIMIT ?"  # noqa: S608 - columns are ours
        return [rows.event_from(row) for row in await self._all(sql, (*parameters, limit))]

    async def pruned_cursor(self) -> int:
        """Return the newest cursor whose event is not kept any more, 0 if all are."""
        found = await self._all(rows.PRUNED_CURSOR, ())
        return int(found[0][0]) if found else 0

    async def ended(
        self, repository_id: int, *, before: float, after: Ended | None, limit: int
    ) -> list[Ended]:
        """
        Return up to *limit* jobs of a repository that ended before *before*, the oldest first.

        Those up to *after* are left out (the page's cursor).

        Raises:
            StoreError: The database cannot be read.
        """
        start = (0.0, "") if after is None else (after.finished_at, after.job_id)
        try:
            found = await self._all(_ENDED, (repository_id, before, *start, limit))
        except aiosqlite.Error as err:
            raise StoreError(f"the database cannot be read: {err}") from err
        return [
            Ended(job_id=job_id, status=Status(status), finished_at=finished_at)
            for job_id, status, finished_at in found
        ]

    async def newest_ended(self, repository_id: int, limit: int) -> list[str]:
        """
        Return the ids of the *limit* jobs of a repository that ended last, the newest first.

        Raises:
            StoreError: The database cannot be read.
        """
        try:
            found = await self._all(_NEWEST_ENDED, (repository_id, limit))
        except aiosqlite.Error as err:
            raise StoreError(f"the database cannot be read: {err}") from err
        return [row[0] for row in found]

    async def _all(self, sql: str, parameters: tuple[Any, ...]) -> list[Any]:
        return list(await self._connection.execute_fetchall(sql, parameters))


def _where(wanted: JobFilter) -> tuple[str, tuple[Any, ...]]:
    like = None if wanted.words is None else f"%{_escaped(wanted.words)}%"
    conditions = (
        ("status = ?", wanted.status),
        ("outcome = ?", wanted.outcome),
        ("repository = ?", wanted.repository),
        ("requested_by = ?", wanted.user),
        ("created_at >= ?", wanted.since),
        ("created_at < ?", wanted.until),
        ("job_id < ?", wanted.before),
        (_NOT_HIDDEN, _listed(wanted.hidden) if wanted.hidden else None),
        (r"(job_id || ' ' || message) LIKE ? ESCAPE '\'", like),
    )
    used = [(clause, value) for clause, value in conditions if value is not None]
    if not used:
        return "", ()
    return "WHERE " + " AND ".join(c for c, _ in used), tuple(value for _, value in used)


def _listed(ids: Collection[int]) -> str:
    return json.dumps(list(ids))


def _escaped(words: str) -> str:
    return words.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
