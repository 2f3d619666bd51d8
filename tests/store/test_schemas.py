"""A database of every schema there was is brought up to date, and one of a newer is left alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import schemas

from cidxd.errors import SchemaError
from cidxd.store import load
from cidxd.store.database import open_writer

KEYS_MOVED = 11


@pytest.mark.parametrize("schema", schemas.EVERY)
async def test_a_database_of_each_schema_is_brought_up_with_every_row(
    tmp_path: Path, schema: int
) -> None:
    path = tmp_path / "cidxd.db"
    schemas.create(path, schema)
    before = schemas.counts(path)
    if schema < KEYS_MOVED:  # the signing key was a setting
        before["setting"] -= 1
    connection = await open_writer(path)
    try:
        state = await load.load_state(connection)
    finally:
        await connection.close()
    after = schemas.counts(path)
    assert {table: after.get(table) for table in before} == before
    assert {user.name: user.role for user in state.users.values()} == {
        "ada": "admin",
        "bob": "member",
    }
    assert {session.user for session in state.sessions.values()} >= {"ada", "bob"}
    names = {row.repository_id: row.name for row in state.repositories.values()}
    assert sorted(names.values()) == ["gone", "site", "slow", "tools"]
    jobs = state.jobs.values()
    assert sorted((job.status, names[job.repository_id]) for job in jobs) == sorted(
        (status, name) for status, named in schemas.STATUSES.items() for name in named
    )


@pytest.mark.parametrize("schema", schemas.EVERY)
async def test_a_database_that_grew_up_has_the_structure_of_a_new_one(
    tmp_path: Path, schema: int
) -> None:
    schemas.create(tmp_path / "old.db", schema)
    for name in ("old.db", "new.db"):
        await (await open_writer(tmp_path / name)).close()
    assert schemas.structure(tmp_path / "old.db") == schemas.structure(tmp_path / "new.db")


async def test_a_database_of_a_newer_schema_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "cidxd.db"
    schemas.create(path, schemas.EVERY[-1])
    newer = sqlite3.connect(path)
    newer.execute(f"PRAGMA user_version = {schemas.EVERY[-1] + 1}")
    newer.close()
    before = path.read_bytes()
    with pytest.raises(SchemaError, match="this program knows"):
        await (await open_writer(path)).close()
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["cidxd.db"]
