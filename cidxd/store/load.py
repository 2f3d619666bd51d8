"""What the daemon reads back into memory at start: live and recent jobs, the small tables."""

from __future__ import annotations

import secrets
from typing import Final

import aiosqlite  # noqa: TID251 - store/ is where SQL lives

from cidxd.model.registry import QUEUE_PAUSE, RECENT_JOBS, State
from cidxd.store import access_rows, credential_rows, rows, trigger_rows
from cidxd.store.session_rows import session_from

_ACTIVE: Final = "SELECT body FROM job WHERE status IN ('queued', 'running') ORDER BY job_id"
_RECENT: Final = f"""
    SELECT body FROM (SELECT job_id, status, body FROM job ORDER BY job_id DESC LIMIT {RECENT_JOBS})
    WHERE status NOT IN ('queued', 'running') ORDER BY job_id
"""  # noqa: S608 - the number is ours
_HIGHEST_REPOSITORY: Final = """
    SELECT max(
        coalesce((SELECT max(repository_id) FROM repository), 0),
        coalesce((SELECT max(repository_id) FROM job), 0),
        coalesce((SELECT max(repository_id) FROM removed_repository), 0)
    )
"""


async def load_state(connection: aiosqlite.Connection) -> State:
    """Return the committed state, with every active job and the newest ended ones."""
    state = State()
    for sql in (_RECENT, _ACTIVE):
        for (body,) in await connection.execute_fetchall(sql):
            job = rows.job_from(body)
            state.jobs.put(job.job_id, job)
    await _load_small_tables(connection, state)
    state.cursor = max(
        await _number(connection, "SELECT max(cursor) FROM event"),
        await _number(connection, f"SELECT coalesce(({rows.PRUNED_CURSOR}), 0)"),
    )
    state.last_repository_id = await _number(connection, _HIGHEST_REPOSITORY)
    await trigger_rows.load(connection, state)
    return state


async def newest_at(connection: aiosqlite.Connection) -> float | None:
    """Return when the newest event was recorded, POSIX seconds; None without one."""
    sql = "SELECT at FROM event ORDER BY cursor DESC LIMIT 1"
    return next((float(at) for (at,) in await connection.execute_fetchall(sql)), None)


async def setting(connection: aiosqlite.Connection, name: str) -> str:
    """Return the random value kept under *name*, made when first asked for (64 hex digits)."""
    sql = "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING"
    await connection.execute(sql, (name, secrets.token_hex(32)))
    found = await connection.execute_fetchall("SELECT value FROM setting WHERE name = ?", (name,))
    return str(next(iter(found))[0])


async def _load_small_tables(connection: aiosqlite.Connection, state: State) -> None:
    for (body,) in await connection.execute_fetchall("SELECT body FROM repository"):
        repository = rows.repository_from(body)
        state.repositories.put(repository.repository_id, repository)
    for row in await connection.execute_fetchall("SELECT * FROM user"):
        user = rows.user_from(row)
        state.users.put(user.name, user)
    for row in await connection.execute_fetchall("SELECT * FROM session"):
        session = session_from(row)
        state.sessions.put(session.session_id, session)
    for (body,) in await connection.execute_fetchall("SELECT body FROM incident"):
        incident = rows.incident_from(body)
        state.incidents.put(incident.host, incident)
    await credential_rows.load(connection, state)
    await access_rows.load(connection, state, rows.repository_from)
    sql = "SELECT value FROM setting WHERE name = ?"
    for (value,) in await connection.execute_fetchall(sql, (QUEUE_PAUSE,)):
        state.pauses.put(QUEUE_PAUSE, rows.pause_from(value))


async def _number(connection: aiosqlite.Connection, sql: str) -> int:
    (row,) = await connection.execute_fetchall(sql)
    return int(row[0] or 0)
