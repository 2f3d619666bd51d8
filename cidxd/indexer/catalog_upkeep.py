"""
What upkeep asks of a catalogue and changes in it.

A blob is dead if no entry of any branch has it.  Which segment holds a blob may change, its
blob id never does, for entries refer to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from cidxd.indexer.catalog_writer import CatalogWriter
from cidxd.indexer.merging import DOCUMENT_BYTES, Extent
from cidxd.indexer.segment import Written

# A cross join is taken as it stands; else SQLite may walk all entries for each blob.
_LIVE: Final = (
    "EXISTS (SELECT 1 FROM branch r CROSS JOIN entry e"
    " WHERE e.branch_id = r.branch_id AND e.blob_id = b.blob_id)"
)
_WEIGHT: Final = f"(b.size + {DOCUMENT_BYTES})"
_EXTENTS: Final = f"""
SELECT s.number, total({_WEIGHT} * {_LIVE}), total({_WEIGHT})
FROM segment s LEFT JOIN blob b ON b.segment = s.number GROUP BY s.number ORDER BY s.number
"""  # noqa: S608 - constants only
_LIVING: Final = f"""
SELECT b.blob_id, b.oid, b.document FROM blob b
WHERE b.segment = ? AND {_LIVE} ORDER BY b.document"""  # noqa: S608 - likewise
_DEAD_SKIPS: Final = f"b.skip IS NOT NULL AND NOT {_LIVE}"
_MOVE: Final = "UPDATE blob SET segment = ?, document = ? WHERE blob_id = ?"


class Living(NamedTuple):
    """A document that some entry refers to."""

    blob_id: int
    oid: bytes
    document: int


class UpkeepCatalog(CatalogWriter):
    """A catalogue whose content can be moved and dropped."""

    def extents(self) -> list[Extent]:
        """Return how much text of each segment lives, by number."""
        rows = self.rows(_EXTENTS)
        return [Extent(number, int(live), int(every - live)) for number, live, every in rows]

    def living(self, segment_number: int) -> list[Living]:
        """Return the documents of a segment that are not dead, ascending."""
        return [Living(*row) for row in self.rows(_LIVING, (segment_number,))]

    def replace_segments(
        self, numbers: Sequence[int], written: Written | None, blob_ids: Sequence[int]
    ) -> int | None:
        """
        Put one segment in the place of others, in one commit; return its number.

        Args:
            numbers: The segments that go, and with them every blob that is not moved.
            written: The one that comes, None if nothing is moved.
            blob_ids: The blobs that move into it, in the order of its documents.
        """
        number: int | None = None
        self.begin()
        if written is not None:
            number = self.add_segment(written)
            moves = ((number, document, blob_id) for document, blob_id in enumerate(blob_ids))
            self.many(_MOVE, moves)
        of_one = "(SELECT blob_id FROM blob WHERE segment = ?)"
        self._drop(of_one, [(number,) for number in numbers])
        self.many("DELETE FROM segment WHERE number = ?", [(number,) for number in numbers])
        self._execute("COMMIT")
        return number

    def count_dead_skips(self) -> int:
        """Return how many dead blobs never had their content indexed."""
        return int(self.row(f"SELECT count(*) FROM blob b WHERE {_DEAD_SKIPS}")[0])  # noqa: S608

    def drop_dead_skips(self) -> None:
        """Forget the dead blobs that never had their content indexed."""
        self.begin()
        self._drop(f"(SELECT blob_id FROM blob b WHERE {_DEAD_SKIPS})", [()])  # noqa: S608
        self._execute("COMMIT")

    def _drop(self, blob_ids: str, values: Iterable[Sequence[int]]) -> None:
        """Delete blobs and everything that is known of them."""
        rows = list(values)
        # The blobs last: the others ask for them.
        for table in ("symbol", "unparsed", "blob"):
            self.many(f"DELETE FROM {table} WHERE blob_id IN {blob_ids}", rows)  # noqa: S608
