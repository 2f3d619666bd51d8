"""The audit log and the signing keys as rows, and back."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any, Final

import aiosqlite  # noqa: TID251 - store/ is where SQL lives
import orjson

from cidxd.model.audit import Entry
from cidxd.model.registry import State
from cidxd.model.signing_key import SigningKey

Row = tuple[Any, ...]

PRUNED_AT_ONCE: Final = 500  # entries in one commit: who commits meanwhile waits for no more

_ADD_ENTRY: Final = """
    INSERT INTO audit (at, actor, action, target, address, request_id, detail)
    VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_KEEP_SINCE: Final = """
    INSERT INTO setting (name, value) VALUES ('audit_kept_since', ?)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
_PRUNE: Final = "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ? LIMIT ?)"
_PUT_KEY: Final = """
    INSERT INTO signing_key (key_id, secret, made_at, good_until) VALUES (?, ?, ?, ?)
    ON CONFLICT (key_id) DO UPDATE SET good_until = excluded.good_until
"""


def statements(draft: State) -> list[tuple[str, list[Row]]]:
    """Return the SQL and the rows that store what *draft* noted, and its keys."""
    since = draft.audit_kept_since
    keys = draft.signing_keys.changed
    # One key signs at a time: the one that did leaves its place first.
    put = sorted((key for key in keys.values() if key), key=lambda key: key.good_until is None)
    return [
        (_ADD_ENTRY, [_entry_row(entry) for entry in draft.notes]),
        (_KEEP_SINCE, [] if since is None else [(str(since),)]),
        (_PRUNE, [] if since is None else [(since, PRUNED_AT_ONCE)]),
        (
            "DELETE FROM signing_key WHERE key_id = ?",
            [(key_id,) for key_id, key in keys.items() if key is None],
        ),
        (_PUT_KEY, [(key.key_id, key.secret, key.made_at, key.good_until) for key in put]),
    ]


async def add(connection: aiosqlite.Connection, entry: Entry) -> None:
    """Add an entry to a database that no daemon serves."""
    await connection.execute(_ADD_ENTRY, _entry_row(entry))


def fresh_key(now: float) -> SigningKey:
    """Return a new key that signs; its id and its secret are random."""
    return SigningKey(key_id=secrets.token_hex(8), secret=secrets.token_hex(32), made_at=now)


async def load_keys(connection: aiosqlite.Connection, state: State, now: float) -> None:
    """Read the signing keys into *state*; the first one is made here."""
    found: list[Any] = list(await connection.execute_fetchall("SELECT * FROM signing_key"))
    if not found:
        key = fresh_key(now)
        found = [(key.key_id, key.secret, key.made_at, key.good_until)]
        await connection.execute(_PUT_KEY, found[0])
    for key_id, secret, made_at, good_until in found:
        key = SigningKey(key_id=key_id, secret=secret, made_at=made_at, good_until=good_until)
        state.signing_keys.put(key_id, key)


def entry_from(row: Iterable[Any]) -> tuple[int, Entry]:
    """Return id and entry of a row, its columns in the table's order."""
    number, at, actor, action, target, address, request_id, detail = row
    made = Entry(
        at=at,
        actor=actor,
        action=action,
        target=target,
        address=address,
        request_id=request_id,
        detail=orjson.loads(detail),
    )
    return number, made


def _entry_row(entry: Entry) -> Row:
    return (
        entry.at,
        entry.actor,
        entry.action,
        entry.target,
        entry.address,
        entry.request_id,
        orjson.dumps(entry.detail).decode(),
    )
