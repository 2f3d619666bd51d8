"""
The catalogue of one epoch: which blobs make up each branch's tree, and where they lie.

All SQL of the index stands here.  One writer at a time (the holder of the repository's
lock), many readers, each in one read transaction per question: a publish is one COMMIT,
so a reader sees one generation and never a mixture.  Paths and blob ids are bytes.
"""

from __future__ import annotations

import json
import sqlite3  # noqa: TID251 - this is the one module of the indexer that may
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from cidxd.errors import FaultError
from cidxd.indexer.casing import fold
from cidxd.indexer.catalog_faults import translated
from cidxd.indexer.schema import FORMAT
from cidxd.indexer.seal import CATALOG

SYMLINK: Final = 0o120000
SUBMODULE: Final = 0o160000
KIND: Final = 0o170000
_UNREAD: Final = {SYMLINK: "symlink", SUBMODULE: "submodule"}
_AT_ONCE: Final = 500  # values in one IN (…)
Values = Sequence[Any] | dict[str, Any]
Places = Mapping[int | None, Collection[int]]  # documents by segment number

_BRANCH: Final = (
    'SELECT name, "commit", tree, generation, job_id, is_default, committed_at, files, branch_id'
    " FROM branch ORDER BY is_default DESC, name"
)
_ENTRY: Final = (
    "SELECT e.class, e.path, e.mode, e.blob_id, b.segment, b.document, b.skip"
    " FROM entry e JOIN blob b USING (blob_id) WHERE e.branch_id = ?"
)


class Branch(NamedTuple):
    """A branch as indexed; `files` counts its file and symlink entries."""

    name: str
    commit: str
    tree: str
    generation: int
    job_id: str
    is_default: bool
    committed_at: str | None
    files: int
    branch_id: int


class SegmentRow(NamedTuple):
    """A segment that counts."""

    number: int
    segment_id: str
    checksum: int
    documents: int
    bytes: int
    mtime_ns: int


class Entry(NamedTuple):
    """One path of a branch's tree: either its content's place is there, or why it was skipped."""

    path_class: int
    path: bytes
    mode: int
    blob_id: int
    segment_number: int | None
    document: int | None
    skip: str | None


class Blob(NamedTuple):
    """A blob to register: its number in the segment registered with it, or why it was skipped."""

    oid: bytes
    size: int
    document: int | None
    skip: str | None


def _groups(values: Sequence[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
    for start in range(0, len(values), _AT_ONCE):
        part = values[start : start + _AT_ONCE]
        yield f"({','.join('?' * len(part))})", part


def _entry(row: Any) -> Entry:  # noqa: ANN401 - sqlite3 has no other word for a row
    kind = row[2] & KIND
    if kind in _UNREAD:
        # The same blob may be content elsewhere; at this path it is none.
        return Entry(*row)._replace(segment_number=None, document=None, skip=_UNREAD[kind])
    return Entry(*row)


class CatalogReader:
    """
    Reads a catalogue; usable across publishes.  As a context manager it holds one read transaction.

    Raises:
        FaultError: `index-damaged`, from any method: SQLite cannot make sense of the file.
    """

    _uri_mode = "ro"

    def __init__(self, epoch: Path) -> None:
        if self._uri_mode != "rwc" and not (epoch / CATALOG).is_file():
            raise FaultError("index-damaged", f"catalogue: no file: {epoch / CATALOG}")
        with translated():
            self._db = sqlite3.connect(
                f"{(epoch / CATALOG).resolve().as_uri()}?mode={self._uri_mode}",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
            )
            self._db.create_function("fold", 1, fold, deterministic=True)

    def __enter__(self) -> Self:
        self._execute("BEGIN")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._db.in_transaction:
            self._execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection; what was not committed is gone."""
        self._db.close()

    def settings(self) -> dict[str, Any]:
        """Return what the epoch was made with: `format`, `max_file_bytes`."""
        rows = dict(self.rows("SELECT name, value FROM meta WHERE name <> 'generation'"))
        try:
            return {name: json.loads(value) for name, value in rows.items()}
        except (TypeError, ValueError) as err:
            raise FaultError("index-damaged", f"catalogue: settings: {err}") from err

    def check_format(self) -> None:
        """Raise `index-outdated` for a catalogue that has other tables than this program's."""
        if (found := self.settings().get("format")) != FORMAT:
            raise FaultError("index-outdated", f"it has format {found}, which is not {FORMAT}")

    def generation(self) -> int:
        """Return how often this epoch was published; 0 before the first time."""
        return int(self.row("SELECT value FROM meta WHERE name = 'generation'")[0])

    def branches(self) -> list[Branch]:
        """Return the indexed branches, the default one first, then by name."""
        return [Branch(*r)._replace(is_default=bool(r[5])) for r in self.rows(_BRANCH)]

    def segments(self) -> list[SegmentRow]:
        """Return the segments that count, by number."""
        columns = "number, segment_id, checksum, documents, bytes, mtime_ns"
        sql = f"SELECT {columns} FROM segment ORDER BY number"  # noqa: S608 - a constant
        return [SegmentRow(*row) for row in self.rows(sql)]

    def blobs_of(self, segment_number: int, documents: Sequence[int]) -> dict[int, int]:
        """Return the blob id of each of a segment's documents that a blob lives in."""
        found: dict[int, int] = {}
        for marks, part in _groups(documents):
            found.update(
                self.rows(
                    "SELECT document, blob_id FROM blob"  # noqa: S608 - question marks only
                    f" WHERE segment = ? AND document IN {marks}",
                    (segment_number, *part),
                )
            )
        return found

    def entries_of_blobs(self, branch_id: int, blob_ids: Sequence[int]) -> Iterator[Entry]:
        """Yield the regular files of a branch that have one of these contents, in any order."""
        for marks, part in _groups(blob_ids):
            sql = f"{_ENTRY} AND e.blob_id IN {marks} AND e.mode < {SYMLINK}"
            yield from map(_entry, self.rows(sql, (branch_id, *part)))

    def entries_in_order(
        self, branch_id: int, after: tuple[int, bytes] | None, places: Places | None = None
    ) -> Iterator[Entry]:
        """Yield a branch's entries by (class, path), strictly after *after*, at *places* if any."""
        sql, values = _ENTRY, [branch_id, *(after or ())]
        if after is not None:
            sql += " AND (e.class, e.path) > (?, ?)"
        rows = self.stream(sql + " ORDER BY e.class, e.path", values)
        if places is not None:
            nowhere: Collection[int] = ()
            rows = (row for row in rows if row[5] in places.get(row[4], nowhere))
        yield from map(_entry, rows)

    def entry_at(self, branch_id: int, path: bytes) -> Entry | None:
        """Return the entry at *path*, or None if the branch has none there."""
        # The class follows from the path, but is asked for: its rules may have changed since.
        rows = self.rows(_ENTRY + " AND e.class IN (0, 1, 2) AND e.path = ?", (branch_id, path))
        return _entry(rows[0]) if rows else None

    def leaves(self, branch_id: int) -> dict[bytes, tuple[int, bytes]]:
        """Return mode and object id of every path of a branch."""
        sql = "SELECT path, mode, oid FROM entry JOIN blob USING (blob_id) WHERE branch_id = ?"
        return {path: (mode, oid) for path, mode, oid in self.rows(sql, (branch_id,))}

    def blob_rows(self, oids: Sequence[bytes]) -> dict[bytes, tuple[int, str | None]]:
        """Return the blob id and the skip reason of those of *oids* that are known."""
        found: dict[bytes, tuple[int, str | None]] = {}
        for marks, part in _groups(oids):
            sql = f"SELECT oid, blob_id, skip FROM blob WHERE oid IN {marks}"  # noqa: S608
            found.update((oid, (blob_id, skip)) for oid, blob_id, skip in self.rows(sql, part))
        return found

    def count_entries(self, branch_id: int) -> int:
        """Return how many entries a branch has, submodules included."""
        return int(self.row("SELECT count(*) FROM entry WHERE branch_id = ?", (branch_id,))[0])

    def skipped_in_order(
        self, branch_id: int, after: tuple[int, bytes] | None
    ) -> Iterator[tuple[Entry, int]]:
        """Yield a branch's entries without searched content, in order, each with its size."""
        sql = (
            _ENTRY.replace(" FROM", ", b.size FROM")
            + f" AND (b.skip IS NOT NULL OR e.mode >= {SYMLINK})"
            + " AND (e.class, e.path) > (?, ?) ORDER BY e.class, e.path"
        )
        for *entry, size in self.stream(sql, (branch_id, *(after or (-1, b"")))):
            yield _entry(entry), size

    def sample_places(self, first_blob_id: int, count: int) -> list[tuple[bytes, int, int]]:
        """Return (oid, segment number, document) of some blobs with content, from an id on."""
        sql = (
            "SELECT oid, segment, document FROM blob WHERE segment IS NOT NULL"
            " AND blob_id >= ? ORDER BY blob_id LIMIT ?"
        )
        return self.rows(sql, (first_blob_id, count))

    def check_structure(self) -> None:
        """Let SQLite look at every page; `index-damaged` if it finds something."""
        found = self.row("PRAGMA quick_check(1)")[0]
        if found != "ok":
            raise FaultError("index-damaged", f"catalogue: {found}")

    def last_blob_id(self) -> int:
        """Return the largest blob id; 0 if there is none."""
        return int(self.row("SELECT coalesce(max(blob_id), 0) FROM blob")[0])

    def _execute(self, sql: str, values: Values = ()) -> sqlite3.Cursor:
        with translated():
            return self._db.execute(sql, values)

    def rows(self, sql: str, values: Values = ()) -> list[Any]:
        """Return the rows of one question of the modules named `catalog_*`."""
        with translated():
            return self._db.execute(sql, values).fetchall()

    def stream(self, sql: str, values: Values = ()) -> Iterator[Any]:
        """Yield rows while SQLite still looks for more."""
        with translated():
            yield from self._db.execute(sql, values)

    def row(self, sql: str, values: Values = ()) -> Any:  # noqa: ANN401 - a row
        """Return the first row; `index-damaged` if there is none."""
        rows = self.rows(sql, values)
        if not rows:
            raise FaultError("index-damaged", f"catalogue: no row for: {sql}")
        return rows[0]
