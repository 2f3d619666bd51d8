"""A copy of the database for a backup, and a copy from a backup made fit to be used."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import aiosqlite  # noqa: TID251 - store/ is where SQL lives

from cidxd.errors import CidxdError, SchemaError
from cidxd.model.audit import Entry
from cidxd.store import audit_rows
from cidxd.store.database import (
    check_database,
    migrations,
    open_reader,
    open_writer,
    schema_of,
    translated,
)

# What a repository's row tells of its index, which is in no backup.
_FORGET_INDEXES = "UPDATE repository SET body = json_set(body, '$.branches', json('[]'))"


async def snapshot(database: Path, target: Path) -> int:
    """
    Write *database* as it is committed now to *target*, 0600, and return its schema's number.

    It goes through a connection that only reads: it sees one moment, and nobody waits for it.
    What was at *target* is replaced.  Cancelled, half a file may be left there.

    Raises:
        StoreError: It cannot be read, or the copy not be written.
    """
    await asyncio.to_thread(_emptied, target)
    with translated():
        async with _reading(database) as connection:
            await connection.execute("VACUUM INTO ?", (str(target),))
            return await schema_of(connection)


async def adopt(database: Path, schema: int, told: Entry) -> None:
    """
    Check a copy from a backup, bring its schema up to date, and forget what it says of indexes.

    Its audit log goes back with it, so that it was restored is *told* there.

    Raises:
        SchemaError: A newer program wrote it.
        StoreError: It is damaged.
        CidxdError: `backup-damaged`: it is not of the *schema* that the backup tells of.
    """
    newest = migrations()[-1][0]
    if schema > newest:
        raise SchemaError(
            f"the backup has schema {schema}, this program knows {newest}",
            hint="restore it with the newer cidxd that wrote it",
        )
    with translated():
        async with _reading(database) as connection:
            await check_database(connection)
            found = await schema_of(connection)
        if found != schema:
            raise CidxdError(
                f"the backup tells of schema {schema}, and its database has {found}",
                code="backup-damaged",
                hint="use another backup",
            )
        writer = await open_writer(database)
        try:
            await writer.execute(_FORGET_INDEXES)
            await audit_rows.add(writer, told)
        finally:
            await writer.close()


@contextlib.asynccontextmanager
async def _reading(path: Path) -> AsyncIterator[aiosqlite.Connection]:
    connection = await open_reader(path)
    try:
        yield connection
    finally:
        await connection.close()


def _emptied(target: Path) -> None:
    # SQLite writes into an empty file, and keeps its mode.
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
