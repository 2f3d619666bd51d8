"""
Records to rows and back, and the SQL that writes them.

One statement per table adds and replaces alike, so nothing can be encoded on
insert and forgotten on update.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import orjson
from pydantic import TypeAdapter

from cidxd.model.account import Role, User
from cidxd.model.facts import IdempotencyKey, Pause
from cidxd.model.incident import Incident
from cidxd.model.job import Event, Job, Kind, Status
from cidxd.model.registry import State
from cidxd.model.repository import Repository
from cidxd.store import access_rows, audit_rows, credential_rows, trigger_rows
from cidxd.store.session_rows import PUT_SESSION, session_row

Row = tuple[Any, ...]
Statements = list[tuple[str, list[Row]]]

_JOB: Final = TypeAdapter(Job)
_REPOSITORY: Final = TypeAdapter(Repository)
_PAUSE: Final = TypeAdapter(Pause)
_INCIDENT: Final = TypeAdapter(Incident)

_PUT_JOB: Final = """
    INSERT INTO job (job_id, repository_id, repository, requested_by, status, outcome, returned,
                     created_at, started_at, finished_at, files_indexed, bytes_indexed,
                     estimate_ratio, seq, message, body)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (job_id) DO UPDATE SET
        repository = excluded.repository, requested_by = excluded.requested_by,
        status = excluded.status, outcome = excluded.outcome, returned = excluded.returned,
        started_at = excluded.started_at, finished_at = excluded.finished_at,
        files_indexed = excluded.files_indexed, bytes_indexed = excluded.bytes_indexed,
        estimate_ratio = excluded.estimate_ratio,
        seq = excluded.seq, message = excluded.message, body = excluded.body
"""
_PUT_EVENT: Final = """
    INSERT INTO event (cursor, job_id, repository_id, repository, seq, at, kind, data)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_PUT_REPOSITORY: Final = """
    INSERT INTO repository (repository_id, name, key, body) VALUES (?, ?, ?, ?)
    ON CONFLICT (repository_id) DO UPDATE SET
        name = excluded.name, key = excluded.key, body = excluded.body
"""
_PUT_USER: Final = """
    INSERT INTO user (name, password_hash, role, created_at, is_disabled) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET
        password_hash = excluded.password_hash, role = excluded.role,
        is_disabled = excluded.is_disabled
"""
_PUT_KEY: Final = """
    INSERT INTO idempotency_key (user, key, body_hash, job_id, created_at, joined)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (user, key) DO UPDATE SET
        body_hash = excluded.body_hash, job_id = excluded.job_id,
        created_at = excluded.created_at, joined = excluded.joined
"""
_PUT_SETTING: Final = """
    INSERT INTO setting (name, value) VALUES (?, ?)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
_PUT_INCIDENT: Final = """
    INSERT INTO incident (host, body) VALUES (?, ?)
    ON CONFLICT (host) DO UPDATE SET body = excluded.body
"""
# Kept for ever: no cursor is given twice, and who saw less than this may have missed something.
_NOTE_PRUNED: Final = """
    INSERT INTO setting (name, value)
    SELECT 'pruned_cursor', max(cursor) FROM event WHERE job_id = ? GROUP BY job_id
    ON CONFLICT (name) DO UPDATE SET value = excluded.value
    WHERE CAST(excluded.value AS INTEGER) > CAST(setting.value AS INTEGER)
"""
PRUNED_CURSOR: Final = "SELECT CAST(value AS INTEGER) FROM setting WHERE name = 'pruned_cursor'"


def statements(draft: State, first_cursor: int) -> Statements:
    """
    Return the SQL and the rows that store what *draft* changed; a final job's event comes last.

    Args:
        draft: What was decided.
        first_cursor: The cursor of the draft's first event.
    """
    numbered = enumerate(draft.events, first_cursor)
    written: Statements = [
        (_PUT_REPOSITORY, _changed(draft.repositories.changed.values(), _repository_row)),
        # A job leaves the one running or the one fresh slot before another takes it.
        (_PUT_JOB, _changed(_slot_order(draft), _job_row)),
        (_PUT_EVENT, [_event_row(cursor, event) for cursor, event in numbered]),
        (_PUT_USER, _changed(draft.users.changed.values(), _user_row)),
        (PUT_SESSION, _changed(draft.sessions.changed.values(), session_row)),
        *access_rows.statements(draft, repository_body),
        (_PUT_KEY, _changed(draft.keys.changed.values(), _key_row)),
        (_PUT_SETTING, [_pause_row(n, row) for n, row in draft.pauses.changed.items() if row]),
        (_PUT_INCIDENT, _changed(draft.incidents.changed.values(), _incident_row)),
        *credential_rows.statements(draft),
        (_NOTE_PRUNED, _dropped(draft.jobs.changed)),
        ("DELETE FROM event WHERE job_id = ?", _dropped(draft.jobs.changed)),
        ("DELETE FROM job WHERE job_id = ?", _dropped(draft.jobs.changed)),
        ("DELETE FROM repository WHERE repository_id = ?", _dropped(draft.repositories.changed)),
        ("DELETE FROM session WHERE session_id = ?", _dropped(draft.sessions.changed)),
        ("DELETE FROM setting WHERE name = ?", _dropped(draft.pauses.changed)),
        ("DELETE FROM incident WHERE host = ?", _dropped(draft.incidents.changed)),
        ("DELETE FROM idempotency_key WHERE user = ? AND key = ?", _dropped_pairs(draft)),
        *audit_rows.statements(draft),
        *trigger_rows.statements(draft),
    ]
    return [(sql, rows) for sql, rows in written if rows]


def job_from(body: str | bytes) -> Job:
    """Return the job of a stored body."""
    return _JOB.validate_json(body)


def repository_from(body: str | bytes) -> Repository:
    """Return the repository of a stored body."""
    return _REPOSITORY.validate_json(body)


def user_from(row: Iterable[Any]) -> User:
    """Return the user of a row `name, password_hash, role, created_at, is_disabled`."""
    name, password_hash, role, created_at, is_disabled = row
    return User(
        name=name,
        password_hash=password_hash,
        role=Role(role),
        created_at=created_at,
        is_disabled=bool(is_disabled),
    )


def key_from(row: Iterable[Any]) -> IdempotencyKey:
    """Return the idempotency key of a row, its columns in the table's order."""
    user, key, body_hash, job_id, created_at, joined = row
    return IdempotencyKey(
        user=user,
        key=key,
        body_hash=body_hash,
        job_id=job_id,
        created_at=created_at,
        joined=bool(joined),
    )


def pause_from(value: str) -> Pause:
    """Return the pause of a setting's value."""
    return _PAUSE.validate_json(value)


def incident_from(body: str | bytes) -> Incident:
    """Return what is known of a host, of a stored body."""
    return _INCIDENT.validate_json(body)


def event_from(row: Iterable[Any]) -> Event:
    """Return the event of a row, its columns in the table's order."""
    cursor, job_id, repository_id, repository, seq, at, kind, data = row
    return Event(
        job_id=job_id,
        repository_id=repository_id,
        repository=repository,
        seq=seq,
        at=at,
        kind=Kind(kind),
        data=orjson.loads(data),
        cursor=cursor,
    )


def _slot_order(draft: State) -> list[Job]:
    """Return the changed jobs: ended, put back, running, fresh; each frees what the next take."""

    def rank(job: Job) -> int:
        if job.is_final:
            return 0
        if job.status is Status.RUNNING:
            return 2
        return 1 if job.returned else 3

    return sorted((job for job in draft.jobs.changed.values() if job is not None), key=rank)


def _changed(records: Iterable[Any], row_of: Callable[[Any], Row]) -> list[Row]:
    return [row_of(record) for record in records if record is not None]


def _dropped(changed: dict[Any, Any]) -> list[Row]:
    return [(key,) for key, record in changed.items() if record is None]


def _dropped_pairs(draft: State) -> list[Row]:
    return [pair for pair, record in draft.keys.changed.items() if record is None]


def _job_row(job: Job) -> Row:
    summary = job.summary or {}
    return (
        job.job_id,
        job.repository_id,
        job.repository,
        job.requested_by,
        job.status.value,  # sqlite3 takes long to find that a str of a kind of its own is a str
        None if job.outcome is None else job.outcome.value,
        int(job.returned),
        job.created_at,
        job.started_at,
        job.finished_at,
        summary.get("files_indexed"),
        summary.get("bytes_indexed"),
        job.estimate_ratio,
        job.seq,
        job.message,
        # The same as _JOB's, in a quarter of the time.
        orjson.dumps(job, option=orjson.OPT_NON_STR_KEYS).decode(),
    )


def _event_row(cursor: int, event: Event) -> Row:
    return (
        cursor,
        event.job_id,
        event.repository_id,
        event.repository,
        event.seq,
        event.at,
        event.kind.value,
        orjson.dumps(event.data).decode(),
    )


def repository_body(repository: Repository) -> str:
    """Return what is stored of *repository*; `repository_from` reads it."""
    return _REPOSITORY.dump_json(repository).decode()


def _repository_row(repository: Repository) -> Row:
    body = repository_body(repository)
    return (repository.repository_id, repository.name, repository.key, body)


def _user_row(user: User) -> Row:
    return (user.name, user.password_hash, user.role, user.created_at, user.is_disabled)


def _key_row(key: IdempotencyKey) -> Row:
    return (key.user, key.key, key.body_hash, key.job_id, key.created_at, key.joined)


def _pause_row(name: str, pause: Pause) -> Row:
    return (name, _PAUSE.dump_json(pause).decode())


def _incident_row(incident: Incident) -> Row:
    return (incident.host, _INCIDENT.dump_json(incident).decode())
