"""
The one connection that writes, the ones that read, and the schema's way up.

SQLite before 3.51.3 can corrupt a WAL when two connections write or checkpoint at
once, so everything that writes goes through one connection; readers are `mode=ro`.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.resources
from collections.abc import Iterator
from pathlib import Path

import aiosqlite  # noqa: TID251 - store/ is where SQL lives

from cidxd.errors import CidxdError, SchemaError

_LOCKED_S = 2.0  # how long a commit waits for a lock that another program holds
_MIGRATIONS = importlib.resources.files("cidxd.store") / "migrations"


class StoreError(CidxdError):
    """The database refuses: full, locked, unreadable.  What was asked did not happen."""

    code = "store-unavailable"


def migrations() -> list[tuple[int, str]]:
    """Return every migration as (number, SQL), in order, from 1."""
    files = sorted(entry.name for entry in _MIGRATIONS.iterdir() if entry.name.endswith(".sql"))
    return [(int(name[:4]), (_MIGRATIONS / name).read_text("utf-8")) for name in files]


async def open_writer(path: Path) -> aiosqlite.Connection:
    """
    Open the database for writing, bring its schema up to date and return the connection.

    Commits are durable over power loss (synchronous=FULL).  The file holds the signing key
    and is its owner's only.  The caller closes the connection.

    Raises:
        SchemaError: A newer program wrote it; it was not touched.
        StoreError: It cannot be opened.
    """
    try:
        await asyncio.to_thread(_keep_private, path)
        connection = await aiosqlite.connect(path, timeout=_LOCKED_S, isolation_level=None)
    except (aiosqlite.Error, OSError) as err:
        raise StoreError(f"cannot open the database: {path}: {err}") from err
    try:
        await _migrate(connection)
    except BaseException as err:
        await connection.close()
        if isinstance(err, aiosqlite.Error):
            raise StoreError(f"cannot use the database: {path}: {err}") from err
        raise
    return connection


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise StoreError for whatever SQLite raises within."""
    try:
        yield
    except aiosqlite.Error as err:
        raise StoreError(
            f"the database refuses: {err}", hint="is another program using it, or the disk full?"
        ) from err


async def open_reader(path: Path) -> aiosqlite.Connection:
    """Open the database for reading only and return the connection; the caller closes it."""
    connection = await aiosqlite.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    await connection.execute_fetchall("PRAGMA busy_timeout = 5000")  # no statement stays open
    return connection


async def check_database(connection: aiosqlite.Connection) -> None:
    """
    Let SQLite look at every page.

    Raises:
        StoreError: It found something.
    """
    try:
        rows = list(await connection.execute_fetchall("PRAGMA integrity_check(1)"))
    except aiosqlite.Error as err:
        raise StoreError(f"the database cannot be read: {err}") from err
    if rows[0][0] != "ok":
        raise StoreError(f"the database is damaged: {rows[0][0]}")


async def schema_of(connection: aiosqlite.Connection) -> int:
    """Return the number of the newest migration that the database has seen."""
    async with connection.execute("PRAGMA user_version") as rows:
        row = await rows.fetchone()
    return int(row[0]) if row else 0


def _keep_private(path: Path) -> None:
    # SQLite gives the files beside the database the mode of the database.
    path.touch(mode=0o600)
    path.chmod(0o600)


async def _migrate(connection: aiosqlite.Connection) -> None:
    known = migrations()
    version = await schema_of(connection)
    if version > known[-1][0]:
        raise SchemaError(
            f"the database has schema {version}, this program knows {known[-1][0]}",
            hint="run the newer cidxd that wrote it, or restore a backup",
        )
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        await connection.execute(f"PRAGMA {pragma}")
    for number, sql in known:
        if number > version:
            await connection.executescript(
                f"BEGIN IMMEDIATE;\n{sql}\nPRAGMA user_version = {number};\nCOMMIT;"
            )
