"""
Questions to a catalogue about definitions: by their name, and those of one blob.

A name matches exactly, by its beginning, or by a part of it; each is a rank of its own, and
none repeats what a better one has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from cidxd.indexer.casing import fold
from cidxd.indexer.catalog import CatalogReader, Entry


class Rank(IntEnum):
    """How well a definition's name fits, best first."""

    EXACT = 0
    PREFIX = 1
    PART = 2


class Name(NamedTuple):
    """A name to look for; ignoring case, ASCII letters only."""

    text: str
    ignore_case: bool


class Definition(NamedTuple):
    """A definition within a blob; `number` counts those of the blob, by line."""

    blob_id: int
    number: int
    name: str
    kind: str
    line: int
    scope: str | None


_COLUMNS = "s.blob_id, s.number, s.name, s.kind, s.line, s.scope"
# SQLite's own lower() is the fast one, and knows ASCII only.
_FOLDED = (
    "CASE WHEN length(s.name) = length(CAST(s.name AS BLOB))"
    " THEN lower(s.name) ELSE fold(s.name) END"
)
_LAST = "\U0010ffff"


def count_definitions(catalog: CatalogReader, name: Name, rank: Rank, most: int) -> int:
    """Return how many definitions of that rank there are in all blobs, *most* at most."""
    where, values = _where(name, rank)
    sql = f"SELECT count(*) FROM (SELECT 1 FROM symbol s WHERE {where} LIMIT ?)"  # noqa: S608
    return int(catalog.row(sql, (*values, most))[0])


def definitions(catalog: CatalogReader, name: Name, rank: Rank) -> list[Definition]:
    """Return the definitions of that rank in all blobs, in any order."""
    where, values = _where(name, rank)
    sql = f"SELECT {_COLUMNS} FROM symbol s WHERE {where}"  # noqa: S608 - constants only
    return [Definition(*row) for row in catalog.rows(sql, values)]


def definitions_in_order(
    catalog: CatalogReader, branch_id: int, name: Name, rank: Rank, after: tuple[int, bytes] | None
) -> Iterator[tuple[Entry, Definition]]:
    """Yield those of a branch's files by (class, path, number), from the file *after* on."""
    where, values = _where(name, rank)
    sql = (
        "SELECT e.class, e.path, e.mode, e.blob_id, b.segment, b.document, b.skip,"  # noqa: S608
        f" {_COLUMNS} FROM entry e CROSS JOIN symbol s ON s.blob_id = e.blob_id"
        " CROSS JOIN blob b ON b.blob_id = e.blob_id"
        f" WHERE e.branch_id = ? AND e.mode < 40960 AND (e.class, e.path) >= (?, ?) AND {where}"
        " ORDER BY e.class, e.path, s.number"
    )
    for row in catalog.stream(sql, (branch_id, *(after or (-1, b"")), *values)):
        yield Entry(*row[:7]), Definition(*row[7:])


def definitions_of(catalog: CatalogReader, blob_id: int) -> list[Definition]:
    """Return the definitions of one blob, by line."""
    sql = f"SELECT {_COLUMNS} FROM symbol s WHERE blob_id = ? ORDER BY number"  # noqa: S608
    return [Definition(*row) for row in catalog.rows(sql, (blob_id,))]


def count_unparsed(catalog: CatalogReader) -> int:
    """Return how many blobs wait for their definitions."""
    return int(catalog.row("SELECT count(*) FROM unparsed")[0])


def _where(name: Name, rank: Rank) -> tuple[str, Sequence[Any]]:
    text = fold(name.text) if name.ignore_case else name.text
    column = _FOLDED if name.ignore_case else "s.name"
    match rank:
        case Rank.EXACT:
            return f"{column} = ?", (text,)
        case Rank.PREFIX if name.ignore_case:
            where = f"substr({column}, 1, ?) = ? AND {column} <> ?"
            return where, (len(text), text, text)
        case Rank.PREFIX:
            return "s.name > ? AND s.name < ?", (text, text + _LAST)
        case Rank.PART:
            return f"instr({column}, ?) > 1", (text,)
