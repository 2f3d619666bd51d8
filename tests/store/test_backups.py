"""A copy of the database is of one moment, and keeps nobody waiting."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from ledgers import Store

from cidxd.errors import CidxdError, SchemaError
from cidxd.model import audit
from cidxd.model.audit import By
from cidxd.store import backups
from cidxd.store.database import StoreError

TOLD = audit.entry(By("operator:ada", at=1.0), "backup.restored", "", {})


async def test_a_copy_is_made_amid_a_transaction_and_has_what_is_committed(
    store: Store, tmp_path: Path
) -> None:
    await store.repository("there")
    await store.connection.execute("BEGIN IMMEDIATE")
    await store.connection.execute("INSERT INTO setting (name, value) VALUES ('half', 'done')")
    target = tmp_path / "snapshot.db"
    target.write_bytes(b"half of an older one")
    schema = await backups.snapshot(store.path, target)
    await store.connection.execute("COMMIT")
    assert target.stat().st_mode & 0o777 == 0o600
    await backups.adopt(target, schema, TOLD)
    copy = sqlite3.connect(target)
    assert copy.execute("SELECT name FROM repository").fetchall() == [("there",)]
    assert copy.execute("SELECT count(*) FROM setting WHERE name = 'half'").fetchone() == (0,)
    newest = "SELECT actor, action FROM audit ORDER BY id DESC LIMIT 1"
    assert copy.execute(newest).fetchone() == ("operator:ada", "backup.restored")
    copy.close()


async def test_a_copy_that_is_damaged_or_newer_or_not_what_it_claims_is_refused(
    store: Store, tmp_path: Path
) -> None:
    target = tmp_path / "snapshot.db"
    schema = await backups.snapshot(store.path, target)
    with pytest.raises(SchemaError, match="this program knows"):
        await backups.adopt(target, schema + 1, TOLD)
    with pytest.raises(CidxdError, match="tells of schema"):
        await backups.adopt(target, schema - 1, TOLD)
    whole = target.read_bytes()
    target.write_bytes(whole[:8192] + b"\xff" * 4096 + whole[12288:])
    with pytest.raises(StoreError):
        await backups.adopt(target, schema, TOLD)
