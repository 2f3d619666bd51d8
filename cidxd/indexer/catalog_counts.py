"""What there is how many of in a catalogue."""

from __future__ import annotations

from cidxd.indexer.catalog import KIND, SUBMODULE, SYMLINK, CatalogReader


def count_files_upto(catalog: CatalogReader, branch_id: int, path_class: int, path: bytes) -> int:
    """Return how many files and symlinks of a branch come up to a path, itself included."""
    sql = (
        f"SELECT count(*) FROM entry WHERE branch_id = ? AND mode < {SUBMODULE}"  # noqa: S608
        " AND (class, path) <= (?, ?)"
    )
    return int(catalog.row(sql, (branch_id, path_class, path))[0])


def count_skipped(catalog: CatalogReader) -> dict[str, int]:
    """Return how many entries of all branches are not searched by content, by reason."""
    sql = f"""
        SELECT CASE mode & {KIND} WHEN {SYMLINK} THEN 'symlink' ELSE 'submodule' END, count(*)
        FROM entry INDEXED BY entry_special WHERE mode >= {SYMLINK}
          AND branch_id IN (SELECT branch_id FROM branch) GROUP BY 1
        UNION ALL
        SELECT b.skip, count(*) FROM blob b, branch r, entry e
        WHERE b.skip IS NOT NULL AND e.branch_id = r.branch_id AND e.blob_id = b.blob_id
          AND e.mode < {SYMLINK} GROUP BY 1"""  # noqa: S608 - constants only
    return dict(catalog.rows(sql))


def count_lost(catalog: CatalogReader) -> int:
    """Return how many entries name a blob that has no row, or whose segment has none."""
    return int(
        catalog.row(
            "SELECT count(*) FROM entry e LEFT JOIN blob b USING (blob_id)"
            " LEFT JOIN segment s ON s.number = b.segment"
            " WHERE b.blob_id IS NULL OR (b.segment IS NOT NULL AND s.number IS NULL)"
        )[0]
    )
