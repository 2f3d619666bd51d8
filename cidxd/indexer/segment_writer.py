"""
Writing segments; `segment` has the layout.

One input has one encoding.  A file appears under its final name complete and on disk, or
not at all.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import zstandard

from cidxd.indexer.lane import Lane
from cidxd.indexer.postings import MAX_DOCUMENTS, Postings
from cidxd.indexer.segment import (
    GROUP,
    GROUP_BYTES,
    HEAD,
    MAGIC,
    SECTION,
    TAIL,
    TEMPORARY,
    TEXT_BYTES,
    Written,
    sync_folder,
)
from cidxd.indexer.trigram import kernel

_LEVEL: Final = 3
_BATCH_BYTES: Final = 1024 * 1024  # handed on at a time, so that the threads seldom meet


def write_segment(folder: Path, documents: Iterable[tuple[bytes, bytes]]) -> Written:
    """
    Write the (blob id, content) pairs as one segment in *folder*.

    Raises:
        OSError: The disk refused.
        OverflowError: They are more than a segment can hold.
    """
    writer = SegmentWriter(folder)
    try:
        for oid, content in documents:
            writer.add(oid, content)
        return writer.finish()
    except BaseException:
        writer.abandon()
        raise


class SegmentWriter:
    """
    Writes one segment, document by document, in the order they are added.

    From the second MiB on two threads work beside the caller: one finds trigrams, the other
    compresses and writes.  What fails in them is raised by a later call.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / f"{os.getpid()}-{os.urandom(4).hex()}{TEMPORARY}"
        self._file = self._path.open("xb")
        self._file.write(MAGIC)
        self._collector = kernel.Collector()
        self._postings = Postings(b"", b"", b"")
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self._batch: list[bytes] = []
        self._batch_bytes = 0
        self._rest = b""  # text that does not fill a group yet
        self._groups = bytearray()
        self._oids: list[bytes] = []
        self._offsets = [0]
        self._lanes: tuple[Lane, Lane] | None = None
        self._is_ended = False
        self._written: Written | None = None

    @property
    def documents(self) -> int:
        """How many documents were added."""
        return len(self._oids)

    @property
    def text_bytes(self) -> int:
        """How many bytes of content were added."""
        return self._offsets[-1]

    def has_room(self, size_bytes: int) -> bool:
        """Whether a document of this size belongs into this segment; the first always does."""
        fits = self.text_bytes + size_bytes <= TEXT_BYTES and self.documents < MAX_DOCUMENTS
        return fits or not self._oids

    def add(self, oid: bytes, content: bytes) -> int:
        """Add a document and return its number."""
        if self._batch_bytes >= _BATCH_BYTES:
            self._hand_on()
        self._oids.append(oid)
        self._offsets.append(self._offsets[-1] + len(content))
        self._batch.append(content)
        self._batch_bytes += len(content)
        return len(self._oids) - 1

    def end(self) -> None:
        """Let the threads, if there are any, begin to complete the file."""
        if self._lanes is None or self._is_ended:
            return
        self._hand_on()
        self._is_ended = True
        trigrams, content = self._lanes
        trigrams.put(self._collect)
        content.put(partial(self._complete, trigrams))

    def finish(self) -> Written:
        """
        Complete the file, bring it to disk, give it its name.

        Raises:
            OSError: The disk refused.
            OverflowError: There are more documents than a segment can hold.
        """
        self.end()
        if self._lanes is not None:
            self._lanes[1].finish()
        elif self._written is None:
            self._collector.add(self._batch)
            self._collect()
            self._put_content(self._batch)
            self._complete(None)
        if self._written is None:
            raise RuntimeError("the segment was abandoned")
        return self._written

    def abandon(self) -> None:
        """Leave no temporary file behind."""
        for lane in self._lanes or ():
            lane.drop()
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _hand_on(self) -> None:
        if self._lanes is None:
            self._lanes = (Lane("trigrams"), Lane("content"))
        trigrams, content = self._lanes
        trigrams.put(partial(self._collector.add, self._batch))
        content.put(partial(self._put_content, self._batch))
        self._batch, self._batch_bytes = [], 0

    def _collect(self) -> None:
        self._postings = self._collector.finish()

    def _put_content(self, contents: Sequence[bytes]) -> None:
        text = b"".join((self._rest, *contents))
        whole = len(text) // GROUP_BYTES * GROUP_BYTES
        self._rest = text[whole:]
        view = memoryview(text)
        self._put_groups([view[at : at + GROUP_BYTES] for at in range(0, whole, GROUP_BYTES)])

    def _put_groups(self, groups: list[bytes | bytearray | memoryview]) -> None:
        if not groups:
            return
        end = self._file.tell() - len(MAGIC)
        # One call for all, since each waits for the lock of the interpreter when it is done.
        found = self._compressor.multi_compress_to_buffer(groups)
        frames = [found[number].tobytes() for number in range(len(found))]
        for frame in frames:
            end += len(frame)
            self._groups += GROUP.pack(end, zlib.crc32(frame))
        self._file.write(b"".join(frames))

    def _complete(self, trigrams: Lane | None) -> None:
        self._put_groups([self._rest] if self._rest else [])
        if trigrams is not None:
            trigrams.finish()
        oids = b"".join(self._oids)
        offsets = struct.pack(f"<{len(self._offsets)}Q", *self._offsets)
        sections = [SECTION.pack(len(MAGIC), self._file.tell() - len(MAGIC), 0)]
        for data in (self._groups, oids, offsets, *self._postings):
            sections.append(SECTION.pack(self._file.tell(), len(data), zlib.crc32(data)))
            self._file.write(data)
        footer = HEAD.pack(len(oids) // max(1, self.documents), self.documents)
        footer += b"".join(sections)
        checksum = zlib.crc32(footer)
        self._file.write(footer + TAIL.pack(len(footer), checksum, MAGIC))
        segment_id = hashlib.blake2b(oids, digest_size=8).hexdigest()
        status = self._settle(segment_id)
        self._postings = Postings(b"", b"", b"")
        size, time_ns = status.st_size, status.st_mtime_ns
        self._written = Written(segment_id, checksum, self.documents, size, time_ns)

    def _settle(self, segment_id: str) -> os.stat_result:
        self._file.flush()
        os.fsync(self._file.fileno())
        status = os.fstat(self._file.fileno())
        self._file.close()
        self._path.rename(self._folder / f"{segment_id}.seg")
        sync_folder(self._folder)
        return status
