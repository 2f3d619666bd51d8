"""
The writing half of the symbols in a catalogue, and what is still to be made.

A blob with content and a language is in `unparsed` from the commit that registers it, or
has its definitions in that commit already: so none is ever forgotten.  All of these work
within the transaction that the caller has begun.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from cidxd.indexer.catalog import CatalogReader
from cidxd.indexer.catalog_writer import CatalogWriter
from cidxd.indexer.definition import Definition


class Unparsed(NamedTuple):
    """A blob that waits: what it is parsed as, and where its content is."""

    blob_id: int
    oid: bytes
    grammar: str
    size: int
    segment_number: int
    document: int


def mark_unparsed(writer: CatalogWriter, grammars: Iterable[tuple[bytes, str]]) -> None:
    """Let blobs wait, given as (oid, what they are parsed as); those without content do not."""
    writer.many(
        "INSERT OR REPLACE INTO unparsed (blob_id, language)"
        " SELECT blob_id, ? FROM blob WHERE oid = ? AND segment IS NOT NULL",
        ((grammar, oid) for oid, grammar in grammars),
    )


def put_symbols(writer: CatalogWriter, found: Mapping[bytes, Sequence[Definition]]) -> None:
    """Write the definitions of blobs, given by oid; they wait no longer."""
    rows = writer.blob_rows(list(found))
    known = [(rows[oid][0], definitions) for oid, definitions in found.items() if oid in rows]
    drop_symbols(writer, [blob_id for blob_id, _ in known])
    writer.many(
        "INSERT INTO symbol (blob_id, number, name, kind, line, scope) VALUES (?, ?, ?, ?, ?, ?)",
        (
            (blob_id, number, *definition)
            for blob_id, definitions in sorted(known)
            for number, definition in enumerate(definitions)
        ),
    )


def drop_symbols(writer: CatalogWriter, blob_ids: Iterable[int]) -> None:
    """Take the definitions of blobs out, those that wait included."""
    values = [(blob_id,) for blob_id in blob_ids]
    writer.many("DELETE FROM symbol WHERE blob_id = ?", values)
    writer.many("DELETE FROM unparsed WHERE blob_id = ?", values)


def take_unparsed(reader: CatalogReader, limit: int) -> list[Unparsed]:
    """Return the first blobs that wait, those of one segment together."""
    sql = (
        "SELECT blob_id, oid, language, size, segment, document FROM unparsed"
        " JOIN blob USING (blob_id) WHERE segment IS NOT NULL ORDER BY blob_id LIMIT ?"
    )
    return [Unparsed(*row) for row in reader.rows(sql, (limit,))]


def forget_lost(writer: CatalogWriter) -> None:
    """Let nothing wait that has no content."""
    writer.many(
        "DELETE FROM unparsed WHERE blob_id NOT IN"
        " (SELECT blob_id FROM blob WHERE segment IS NOT NULL)",
        [()],
    )
