"""
Segments: immutable files that hold documents (blob contents) and their trigram index.

Layout, little-endian, every section at the offset that the footer names::

    MAGIC                    8 bytes, the version included
    content                  all documents, one after the other, cut in groups of 64 KiB,
                             each group one zstd frame
    groups                   per group: where its frame ends within content u64, its crc32 u32
    oids                     blob ids, binary, one per document
    offsets                  where each document starts in the text, and where the last ends: u64
    keys, ends, lists        see `trigram.Postings`
    footer                   oid bytes u32, documents u32;
                             per section: offset u64, length u64, crc32 u32
    footer length u32, crc32 of the footer u32, MAGIC

One input has one encoding.  A file appears under its final name complete and on disk, or
not at all.  Which files count is the catalogue's business.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
import zlib
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

import zstandard

from cidxd.errors import FaultError
from cidxd.indexer import trigram
from cidxd.indexer.condition import Condition

MAGIC: Final = b"cidxseg\x01"
TEMPORARY: Final = ".tmp"  # suffix of files that are being written
GROUP_BYTES: Final = 64 * 1024
TEXT_BYTES: Final = 64 * 1024 * 1024  # a segment is closed before its text passes this
_LEVEL: Final = 3
_SECTIONS: Final = ("content", "groups", "oids", "offsets", "keys", "ends", "lists")
_HEAD: Final = struct.Struct("<II")
_SECTION: Final = struct.Struct("<QQI")
_GROUP: Final = struct.Struct("<QI")
_TAIL: Final = struct.Struct("<II8s")
_CACHED_GROUPS: Final = 32


class Written(NamedTuple):
    """A segment that is complete and on disk, with size and time of its file."""

    segment_id: str
    checksum: int
    documents: int
    bytes: int
    mtime_ns: int


def write_segment(
    folder: Path, documents: Iterable[tuple[bytes, bytes]], *, pure_bytes: int = trigram.PURE_BYTES
) -> Written:
    """
    Write the (blob id, content) pairs as one segment in *folder*.

    Raises:
        OSError: The disk refused.
    """
    writer = SegmentWriter(folder, pure_bytes=pure_bytes)
    for oid, content in documents:
        writer.add(oid, content)
    return writer.finish()


class SegmentWriter:
    """Writes one segment, document by document, in the order they are added."""

    def __init__(self, folder: Path, *, pure_bytes: int = trigram.PURE_BYTES) -> None:
        self._folder = folder
        self._path = folder / f"{os.getpid()}-{os.urandom(4).hex()}{TEMPORARY}"
        self._file = self._path.open("xb")
        self._file.write(MAGIC)
        self._trigrams = trigram.Collector(pure_bytes=pure_bytes)
        self._compress = zstandard.ZstdCompressor(level=_LEVEL).compress
        self._pending = bytearray()
        self._groups = bytearray()
        self._content_crc = 0
        self._oids: list[bytes] = []
        self._offsets = [0]

    @property
    def documents(self) -> int:
        """How many documents were added."""
        return len(self._oids)

    @property
    def text_bytes(self) -> int:
        """How many bytes of content were added."""
        return self._offsets[-1]

    def add(self, oid: bytes, content: bytes) -> int:
        """Add a document and return its number."""
        self._oids.append(oid)
        self._offsets.append(self._offsets[-1] + len(content))
        self._trigrams.add(content)
        self._pending += content
        if len(self._pending) >= GROUP_BYTES:
            whole = len(self._pending) // GROUP_BYTES * GROUP_BYTES
            for start in range(0, whole, GROUP_BYTES):
                self._put_group(bytes(self._pending[start : start + GROUP_BYTES]))
            del self._pending[:whole]
        return len(self._oids) - 1

    def finish(self) -> Written:
        """Complete the file, bring it to disk, give it its name."""
        if self._pending:
            self._put_group(bytes(self._pending))
        oids = b"".join(self._oids)
        content_end = self._file.tell()
        sections = [_SECTION.pack(len(MAGIC), content_end - len(MAGIC), self._content_crc)]
        offsets = struct.pack(f"<{len(self._offsets)}Q", *self._offsets)
        for data in (bytes(self._groups), oids, offsets, *self._trigrams.finish()):
            sections.append(_SECTION.pack(self._file.tell(), len(data), zlib.crc32(data)))
            self._file.write(data)
        oid_bytes = len(self._oids[0]) if self._oids else 0
        footer = _HEAD.pack(oid_bytes, self.documents) + b"".join(sections)
        checksum = zlib.crc32(footer)
        self._file.write(footer + _TAIL.pack(len(footer), checksum, MAGIC))
        segment_id = hashlib.blake2b(oids, digest_size=8).hexdigest()
        status = self._settle(segment_id)
        return Written(segment_id, checksum, self.documents, status.st_size, status.st_mtime_ns)

    def abandon(self) -> None:
        """Leave nothing behind."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _settle(self, segment_id: str) -> os.stat_result:
        self._file.flush()
        os.fsync(self._file.fileno())
        status = os.fstat(self._file.fileno())
        self._file.close()
        self._path.rename(self._folder / f"{segment_id}.seg")
        sync_folder(self._folder)
        return status

    def _put_group(self, text: bytes) -> None:
        frame = self._compress(text)
        self._file.write(frame)
        self._content_crc = zlib.crc32(frame, self._content_crc)
        self._groups += _GROUP.pack(self._file.tell() - len(MAGIC), zlib.crc32(frame))


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to disk, so that a rename survives a power loss."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def damaged(path: Path, what: str) -> FaultError:
    """Return the fault of a segment that is not what was written."""
    return FaultError("index-damaged", f"segment {path.name}: {what}")


def _footer(end: bytes | memoryview, path: Path) -> bytes:
    if len(end) < _TAIL.size:
        raise damaged(path, "cut short")
    length, checksum, magic = _TAIL.unpack(end[-_TAIL.size :])
    footer = bytes(end[-_TAIL.size - length : -_TAIL.size])
    whole = _HEAD.size + len(_SECTIONS) * _SECTION.size
    if magic != MAGIC or length != whole or zlib.crc32(footer) != checksum:
        raise damaged(path, "its footer does not fit")
    return footer


class SegmentReader:
    """
    One segment, mapped into memory.

    All sections but the content are verified when it is opened, a group of content when it
    is read.  It is not safe to use from several threads at once.

    Attributes:
        documents: How many there are; their numbers start at 0.
        checksum: The footer's crc32, which the catalogue knows too.
        oid_bytes: Length of a blob id: 20 for sha1, 32 for sha256.

    Raises:
        FileNotFoundError: The file is gone.
        FaultError: `index-damaged`: what is read is not what was written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            try:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError as err:  # an empty file cannot be mapped
                raise damaged(path, "empty") from err
        self._views: list[memoryview] = []
        self._cache: OrderedDict[int, bytes] = OrderedDict()
        self._decompress = zstandard.ZstdDecompressor().decompress
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        if self._map[: len(MAGIC)] != MAGIC:
            raise damaged(self._path, "it does not begin as one")
        footer = _footer(self._map[-4096:], self._path)
        self.checksum = zlib.crc32(footer)
        self.oid_bytes, self.documents = _HEAD.unpack_from(footer)
        self._views.append(whole := memoryview(self._map))
        parts = dict(zip(_SECTIONS, _SECTION.iter_unpack(footer[_HEAD.size :]), strict=True))
        views = {name: whole[at : at + length] for name, (at, length, _) in parts.items()}
        self._views += views.values()
        for name, view in views.items():
            if name != "content" and zlib.crc32(view) != parts[name][2]:
                raise damaged(self._path, f"{name} do not fit their checksum")
        self._content, self._lists, self._oids = views["content"], views["lists"], views["oids"]
        self._content_checksum = parts["content"][2]
        self._groups = list(_GROUP.iter_unpack(views["groups"]))
        self._offsets = struct.unpack(f"<{self.documents + 1}Q", views["offsets"])
        # Sections are searched where they lie; the casts take the machine for little-endian.
        self._keys, self._ends = views["keys"].cast("I"), views["ends"].cast("Q")
        self._views += [self._keys, self._ends]

    def oid(self, document: int) -> bytes:
        """Return the blob id of *document*, binary."""
        return bytes(self._oids[document * self.oid_bytes : (document + 1) * self.oid_bytes])

    def size(self, document: int) -> int:
        """Return the length of *document* in bytes."""
        return int(self._offsets[document + 1] - self._offsets[document])

    def content(self, document: int) -> bytes:
        """Return the content of *document*; only the groups it lies in are read."""
        start, end = self._offsets[document], self._offsets[document + 1]
        if start == end:
            return b""
        first, last = start // GROUP_BYTES, (end - 1) // GROUP_BYTES
        base = first * GROUP_BYTES
        if first == last:
            return self._group(first)[start - base : end - base]
        text = b"".join(self._group(number) for number in range(first, last + 1))
        return text[start - base : end - base]

    def candidates(self, condition: Condition) -> list[int] | None:
        """Return which documents can match, ascending; None if that is every document."""
        return trigram.candidates(condition, self._list)

    def check_content(self) -> None:
        """Read all content; `index-damaged` if it does not fit its checksum."""
        if zlib.crc32(self._content) != self._content_checksum:
            raise damaged(self._path, "content does not fit its checksum")

    def close(self) -> None:
        """Unmap the file."""
        for view in reversed(self._views):
            view.release()
        self._views.clear()
        self._map.close()

    def _list(self, key: int) -> bytes:
        at = bisect_left(self._keys, key)
        if at == len(self._keys) or self._keys[at] != key:
            return b""
        return bytes(self._lists[self._ends[at - 1] if at else 0 : self._ends[at]])

    def _group(self, number: int) -> bytes:
        if number in self._cache:
            self._cache.move_to_end(number)
            return self._cache[number]
        end, checksum = self._groups[number]
        frame = bytes(self._content[self._groups[number - 1][0] if number else 0 : end])
        if zlib.crc32(frame) != checksum:
            raise damaged(self._path, f"group {number} does not fit its checksum")
        text = self._decompress(frame, max_output_size=GROUP_BYTES)
        self._cache[number] = text
        if len(self._cache) > _CACHED_GROUPS:
            self._cache.popitem(last=False)
        return text
