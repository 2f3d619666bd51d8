"""
The index phase: new blobs are read from git once, judged, and written into segments.

A segment is registered in the catalogue with its blobs as soon as it is on disk, so
that an interrupted build loses at most the segment it was writing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from cidxd.errors import FaultError
from cidxd.indexer import git_pipe
from cidxd.indexer.catalog import Blob
from cidxd.indexer.catalog_writer import CatalogWriter
from cidxd.indexer.parsing import SymbolIntake
from cidxd.indexer.segment import Written
from cidxd.indexer.segment_writer import SegmentWriter

BINARY_PREFIX_BYTES: Final = 8000  # git's own rule (buffer_is_binary in xdiff-interface.c)
_SKIPS_AT_ONCE: Final = 10_000


def skip_reason(found: git_pipe.Object, max_file_bytes: int) -> str | None:
    """Return why a blob's content is not searched, or None if it is."""
    if found.kind == "missing":
        return "missing"
    if found.size > max_file_bytes or found.content is None:
        return "too-large"
    if found.content.find(b"\0", 0, BINARY_PREFIX_BYTES) >= 0:
        return "binary"
    return None


class Intake:
    """
    Puts blobs into a catalogue.

    Attributes:
        indexed: Blobs that went into segments.
        skipped: Blobs that were read and are not searched.
        indexed_bytes: Content that went into segments.
        read_bytes: Content that was handled, skipped content included.
        segments: What was written, in order.
        symbols: Where the content goes too.
    """

    def __init__(
        self,
        catalog: CatalogWriter,
        folder: Path,
        max_file_bytes: int,
        symbols: SymbolIntake,
    ) -> None:
        self.indexed = 0
        self.skipped = 0
        self.indexed_bytes = 0
        self.read_bytes = 0
        self.segments: list[Written] = []
        self._catalog = catalog
        self._folder = folder
        self._max_file_bytes = max_file_bytes
        self.symbols = symbols
        self._writer: SegmentWriter | None = None
        self._blobs: list[Blob] = []
        # The segment before, whose threads complete it while the next one is being filled.
        self._ending: tuple[SegmentWriter | None, list[Blob]] = (None, [])

    def take_all(
        self, mirror: Path, oids: Sequence[bytes], progress: Callable[[int, int], None]
    ) -> None:
        """
        Read and index the blobs in this order.

        *progress* hears (blobs, bytes) after each, and again during a long one and at the end.

        Raises:
            FaultError: git or the catalogue failed.
            OSError: The disk refused.
        """
        names, taken = [oid.hex() for oid in oids], 0

        def go_on() -> None:
            progress(taken, self.read_bytes)

        try:
            limit_bytes = self._max_file_bytes
            found = git_pipe.objects(mirror, names, limit_bytes=limit_bytes, on_skip=go_on)
            for blob in found:
                self._take(blob)
                taken += 1
                go_on()
            self._flush()
            self.symbols.finish(go_on)
            self._settle()
        finally:
            self.symbols.abandon()
            for writer in (self._ending[0], self._writer):
                if writer is not None:
                    writer.abandon()

    def note(self, oids: Iterable[bytes], reason: str) -> None:
        """Register objects that are never read: targets of symlinks, commits of submodules."""
        self._catalog.register(None, [Blob(oid, 0, None, reason) for oid in oids])

    def _take(self, found: git_pipe.Object) -> None:
        oid = bytes.fromhex(found.name)
        if found.kind not in {"blob", "missing"}:
            raise FaultError("mirror-damaged", f"a tree names a {found.kind} as file: {found.name}")
        reason = skip_reason(found, self._max_file_bytes)
        self.read_bytes += found.size
        if reason is not None or found.content is None:
            self.skipped += 1
            self._blobs.append(Blob(oid, found.size, None, reason))
            if self._writer is None and len(self._blobs) >= _SKIPS_AT_ONCE:
                self._flush()
            return
        if self._writer is not None and not self._writer.has_room(found.size):
            self._flush()
        if self._writer is None:
            self._writer = SegmentWriter(self._folder)
        document = self._writer.add(oid, found.content)
        self._blobs.append(Blob(oid, found.size, document, None))
        self.symbols.offer(oid, found.content)
        self.indexed += 1
        self.indexed_bytes += found.size

    def _flush(self) -> None:
        self._settle()
        self._ending = (self._writer, self._blobs)
        self._writer, self._blobs = None, []
        if self._ending[0] is not None:
            self._ending[0].end()

    def _settle(self) -> None:
        writer, blobs = self._ending
        written = None if writer is None else writer.finish()
        self._ending = (None, [])
        if written is not None:
            self.segments.append(written)
        if blobs:
            oids = [blob.oid for blob in blobs]
            self._catalog.register(written, blobs, lambda: self.symbols.store(oids))
