"""
A small database of each schema there was, with rows that the daemon of that time wrote.

`tests/store/schemas/NNNN.sql` is its text; `make schema` writes the one of the newest schema.
A schema without a text of its own is made of the one before by its migration.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from cidxd.store.database import migrations

FOLDER: Final = Path(__file__).parent / "store" / "schemas"
EVERY: Final = [number for number, _ in migrations()]
STATUSES: Final = {
    "completed": ["tools", "tools"],
    "failed": ["gone"],
    "cancelled": ["slow"],
    "running": ["site"],
    "queued": ["slow", "tools"],
}


def create(path: Path, schema: int) -> None:
    """Make a database of that schema at *path*."""
    kept = max(number for number in EVERY if number <= schema and text_of(number).exists())
    connection = sqlite3.connect(path)
    try:
        connection.executescript(text_of(kept).read_text("utf-8"))
        for number, sql in migrations():
            if kept < number <= schema:
                connection.executescript(f"{sql}\nPRAGMA user_version = {number};")
    finally:
        connection.close()


def text_of(schema: int) -> Path:
    """Return where the text of a schema's database is kept."""
    return FOLDER / f"{schema:04}.sql"


def counts(path: Path) -> dict[str, int]:
    """Return how many rows each table has."""
    connection = sqlite3.connect(path)
    try:
        tables = [
            n for (n,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
            for table in tables
        }
    finally:
        connection.close()


def structure(path: Path) -> set[tuple[str, str]]:
    """Return the statements that made the database's tables, indexes and triggers."""
    connection = sqlite3.connect(path)
    try:
        sql = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
        return {(name, " ".join(text.split())) for name, text in connection.execute(sql)}
    finally:
        connection.close()
