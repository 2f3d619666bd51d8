"""
The writing half of the catalogue, for the one process that holds the repository's lock.

Content is registered first, each segment with its blobs in one commit.  Entries and
branch rows are staged in one transaction that validation can look at and that `publish`
commits: whoever is killed before that leaves the old generation answering.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from cidxd.errors import FaultError
from cidxd.indexer import seal
from cidxd.indexer.catalog import Blob, CatalogReader
from cidxd.indexer.catalog_faults import translated
from cidxd.indexer.schema import SCHEMA
from cidxd.indexer.segment import Written

_SETUP: Final = (
    "PRAGMA busy_timeout = 5000",
    "PRAGMA synchronous = FULL",
    "PRAGMA cache_size = -65536",  # KiB: staging a large first build stays in memory
)
_READERS_MS: Final = 200  # to wait for searches that still read an older generation
_PUT_BLOB: Final = """
INSERT INTO blob (oid, segment, document, size, skip) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (oid) DO UPDATE SET segment = excluded.segment, document = excluded.document,
  size = excluded.size, skip = excluded.skip WHERE blob.segment IS NULL"""
_PUT_BRANCH: Final = """
INSERT INTO branch (name, "commit", tree, generation, job_id, is_default, committed_at, files)
VALUES (:name, :commit, :tree, :generation, :job_id, :is_default, :committed_at, :files)
ON CONFLICT (name) DO UPDATE SET "commit" = excluded."commit", tree = excluded.tree,
  generation = iif(branch."commit" = excluded."commit", branch.generation, excluded.generation),
  job_id = excluded.job_id, is_default = excluded.is_default,
  committed_at = excluded.committed_at, files = excluded.files
RETURNING branch_id"""


class NewEntry(NamedTuple):
    """A path to put into a branch's tree."""

    path_class: int
    path: bytes
    mode: int
    blob_id: int


class CatalogWriter(CatalogReader):
    """Writes a catalogue; everything a reader can ask works too, and sees what is staged."""

    _uri_mode = "rw"

    def __init__(self, epoch: Path) -> None:
        super().__init__(epoch)
        self._epoch = epoch
        self._is_written = False
        for pragma in _SETUP:
            self._execute(pragma)

    @classmethod
    def create(cls, epoch: Path, settings: dict[str, Any], *, generation: int = 0) -> Self:
        """Make an empty catalogue in *epoch* and return it open; *generation* is that before it."""
        with closing(_Creator(epoch)) as new:
            new.fill({"generation": generation, **settings})
        return cls(epoch)

    def begin(self) -> None:
        """Begin a transaction that writes."""
        if not self._is_written:
            self._is_written = True
            seal.break_seal(self._epoch)
        self._execute("BEGIN IMMEDIATE")

    def close(self) -> None:
        """Bring what was committed into the file itself, seal it, and close."""
        is_written, self._is_written = self._is_written, False
        try:
            if is_written:
                self._seal()
        except FaultError:
            # What was committed counts all the same; without a seal the next writer looks closer.
            return
        finally:
            super().close()

    def register(
        self,
        written: Written | None,
        blobs: Iterable[Blob],
        then: Callable[[], None] = lambda: None,
    ) -> None:
        """Commit a segment with its blobs, or skipped blobs alone, and what *then* writes."""
        self.begin()
        number = None if written is None else self.add_segment(written)
        self.many(
            _PUT_BLOB,
            ((b.oid, None if b.skip else number, b.document, b.size, b.skip) for b in blobs),
        )
        then()
        self.commit()

    def add_segment(self, written: Written) -> int:
        """Add a segment to the transaction that was begun, and return its number."""
        row = self.row(
            "INSERT INTO segment (segment_id, checksum, documents, bytes, mtime_ns)"
            " VALUES (?, ?, ?, ?, ?) RETURNING number",
            written,
        )
        return int(row[0])

    def stage(self) -> int:
        """Begin the transaction that `publish` commits; return the generation it will make."""
        self.begin()
        self._execute(
            "UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'generation'"
        )
        return self.generation()

    def put_branch(self, **branch: Any) -> int:  # noqa: ANN401 - the columns of _PUT_BRANCH
        """
        Add or move a branch row (the fields of `Branch`) and return its branch id.

        A branch whose commit stays keeps its generation, and cursors into it stay good.
        """
        return int(self.row(_PUT_BRANCH, branch)[0])

    def forget_branches(self, keep: Sequence[str]) -> None:
        """Take every branch but *keep* out of the index, with its entries."""
        for branch in self.branches():
            if branch.name not in keep:
                self._execute("DELETE FROM entry WHERE branch_id = ?", (branch.branch_id,))
                self._execute("DELETE FROM branch WHERE branch_id = ?", (branch.branch_id,))

    def put_entries(self, branch_id: int, entries: Iterable[NewEntry]) -> None:
        """Add entries to a branch's tree."""
        self.many(
            "INSERT INTO entry (branch_id, class, path, mode, blob_id) VALUES (?, ?, ?, ?, ?)",
            ((branch_id, *entry) for entry in entries),
        )

    def copy_entries(self, from_branch_id: int, branch_id: int) -> None:
        """Give a branch the entries that another one has."""
        self._execute(
            "INSERT INTO entry (branch_id, class, path, mode, blob_id)"
            " SELECT ?, class, path, mode, blob_id FROM entry WHERE branch_id = ?"
            " ORDER BY class, path",
            (branch_id, from_branch_id),
        )

    def delete_entries(self, branch_id: int, paths: Iterable[bytes]) -> None:
        """Take paths out of a branch's tree."""
        # Whatever class a path had: the rules that gave it may be older than this program.
        self.many(
            "DELETE FROM entry WHERE branch_id = ? AND class IN (0, 1, 2) AND path = ?",
            ((branch_id, path) for path in paths),
        )

    def roll_back(self) -> None:
        """Forget what was staged."""
        self._execute("ROLLBACK")

    def commit(self) -> None:
        """Commit what was written since `begin`."""
        self._execute("COMMIT")

    def forget_segments(self, segment_ids: Sequence[str]) -> None:
        """Take segments out again with their blobs, before anything was published of them."""
        self.begin()
        values = [(segment_id,) for segment_id in segment_ids]
        for table in ("symbol", "unparsed"):  # a blob id is given again
            self.many(
                f"DELETE FROM {table} WHERE blob_id IN (SELECT blob_id FROM blob WHERE segment ="  # noqa: S608
                " (SELECT number FROM segment WHERE segment_id = ?))",
                values,
            )
        self.many(
            "DELETE FROM blob WHERE segment = (SELECT number FROM segment WHERE segment_id = ?)",
            values,
        )
        self.many("DELETE FROM segment WHERE segment_id = ?", values)
        self._execute("COMMIT")

    def publish(self) -> None:
        """Commit what was staged: from here on it is what a search answers from."""
        self._execute("COMMIT")

    def _seal(self) -> None:
        if self._db.in_transaction:
            self._execute("ROLLBACK")
        self._execute(f"PRAGMA busy_timeout = {_READERS_MS}")
        is_busy = self.row("PRAGMA wal_checkpoint(TRUNCATE)")[0]
        if not is_busy:
            try:
                seal.put_seal(self._epoch)
            except OSError as err:
                raise FaultError("index-failed", f"no seal could be made: {err}") from err

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement of the modules named `catalog_*` for each of *rows*."""
        with translated():
            self._db.executemany(sql, rows)


class _Creator(CatalogReader):
    """Makes the file; a class of its own because only it may open what is not there."""

    _uri_mode = "rwc"

    def fill(self, rows: dict[str, Any]) -> None:
        self._execute("PRAGMA journal_mode = WAL")
        with translated():
            self._db.executescript(f"BEGIN; {SCHEMA}")
            self._db.executemany(
                "INSERT INTO meta (name, value) VALUES (?, ?)",
                [(name, json.dumps(value)) for name, value in rows.items()],
            )
        self._execute("COMMIT")
