"""An index that is filled without git, quickly: one call is what a sync would have published."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from cidxd.indexer import epoch as epochs
from cidxd.indexer import order
from cidxd.indexer.catalog import Blob, CatalogReader
from cidxd.indexer.catalog_writer import NewEntry
from cidxd.indexer.schema import FORMAT
from cidxd.indexer.search import answer
from cidxd.indexer.segment_writer import write_segment
from cidxd.indexer.shelf import Shelf
from cidxd.indexer.target import Target, open_target

LIMIT = 1 << 20
FILE = 0o100644
Files = Mapping[str, bytes | None]


def blob_oid(content: bytes) -> bytes:
    name = b"blob %d\0" % len(content)
    return hashlib.sha1(name + content, usedforsecurity=False).digest()


class Filled:
    """The index in a folder; `files` is what its one branch has."""

    def __init__(self, index: Path, files: Files | None = None) -> None:
        self.index = index
        self.files: dict[str, bytes] = {}
        if files is not None:
            self.sync(files)

    @property
    def epoch(self) -> Path:
        found = epochs.current_epoch(self.index)
        assert found is not None
        return found

    def sync(self, files: Files) -> None:
        """Publish changed files; None deletes one.  Content with a NUL is skipped as binary."""
        target = open_target(self.index, {"format": FORMAT, "max_file_bytes": LIMIT}, full=False)
        self.files.update({path: content for path, content in files.items() if content is not None})
        for path in [path for path, content in files.items() if content is None]:
            del self.files[path]
        self._take_content(target)
        self._publish(target, files)
        if target.is_new:
            epochs.switch_epoch(self.index, target.epoch)
        target.close()

    def ask(self, q: str, shelf: Shelf | None = None) -> tuple[int, dict[str, Any]]:
        places = [{"name": "it", "index": str(self.index), "mirror": "/", "branch": None}]
        request = {"id": 1, "op": "search", "repositories": places, "q": q, "limit": 10_000}
        with closing(shelf or Shelf()) as used:
            _, status, body = answer(used, json.dumps(request).encode())
        return status, json.loads(body)

    def lines(self, q: str, shelf: Shelf | None = None) -> list[tuple[str, int]]:
        status, body = self.ask(q, shelf)
        assert status == 200, body
        return [(match["path"], match["line"]) for match in body["matches"]]

    def expected(self, q: str) -> list[tuple[str, int]]:
        """What `lines` has to find."""
        found = [
            (order.path_class(path.encode()), path, number)
            for path, content in self.files.items()
            if b"\0" not in content
            for number, line in enumerate(content.split(b"\n"), 1)
            if q.encode() in line
        ]
        return [(path, line) for _, path, line in sorted(found)]

    def rows(self, sql: str) -> list[Any]:
        with closing(CatalogReader(self.epoch)) as reader:
            return reader.rows(sql)

    def segment_ids(self) -> list[str]:
        return [row[0] for row in self.rows("SELECT segment_id FROM segment ORDER BY number")]

    def segment_files(self) -> list[str]:
        return sorted(path.name for path in (self.epoch / epochs.SEGMENTS).iterdir())

    def has_orphans(self) -> bool:
        return self.segment_files() != sorted(f"{name}.seg" for name in self.segment_ids())

    def _take_content(self, target: Target) -> None:
        contents = {blob_oid(content): content for content in self.files.values()}
        known = target.catalog.blob_rows(list(contents))
        new = {oid: content for oid, content in contents.items() if oid not in known}
        text = [(oid, content) for oid, content in new.items() if b"\0" not in content]
        blobs = [Blob(oid, len(c), number, None) for number, (oid, c) in enumerate(text)]
        blobs += [Blob(oid, len(c), None, "binary") for oid, c in new.items() if b"\0" in c]
        folder = target.epoch / epochs.SEGMENTS
        target.catalog.register(write_segment(folder, text) if text else None, blobs)

    def _publish(self, target: Target, files: Files) -> None:
        catalog = target.catalog
        generation = catalog.stage()
        branch_id = catalog.put_branch(
            name="main", commit=f"{generation:040x}", tree=f"{generation:040x}",
            generation=generation, job_id="job", is_default=1, committed_at=None,
            files=len(self.files),
        )  # fmt: skip
        catalog.delete_entries(branch_id, [path.encode() for path in files])
        changed = {
            path: blob_oid(content) for path, content in files.items() if content is not None
        }
        rows = catalog.blob_rows(list(set(changed.values())))
        entries = [
            NewEntry(order.path_class(path.encode()), path.encode(), FILE, rows[oid][0])
            for path, oid in changed.items()
        ]
        catalog.put_entries(branch_id, sorted(entries))
        catalog.publish()
