"""
Segments: immutable files that hold documents (blob contents) and their trigram index.

Layout, little-endian, every section at the offset that the footer names::

    MAGIC                    8 bytes, the version included
    content                  all documents, one after the other, cut in groups of 128 KiB,
                             each group one zstd frame
    groups                   per group: where its frame ends within content u64, its crc32 u32
    oids                     blob ids, binary, one per document
    offsets                  where each document starts in the text, and where the last ends: u64
    blocks, keys, lists      see `postings`
    footer                   oid bytes u32, documents u32;
                             per section: offset u64, length u64, crc32 u32 (0 for content,
                             whose groups have their own)
    footer length u32, crc32 of the footer u32, MAGIC

`segment_writer` makes them.  Which files count is the catalogue's business.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import zstandard

from cidxd.errors import FaultError
from cidxd.indexer.postings import Postings
from cidxd.indexer.trigram import kernel

if TYPE_CHECKING:
    from cidxd.indexer.condition import Condition

MAGIC: Final = b"cidxseg\x02"
TEMPORARY: Final = ".tmp"  # suffix of files that are being written
GROUP_BYTES: Final = 128 * 1024
TEXT_BYTES: Final = 64 * 1024 * 1024  # a segment is closed before its text passes this
_SECTIONS: Final = ("content", "groups", "oids", "offsets", "blocks", "keys", "lists")
HEAD: Final = struct.Struct("<II")
SECTION: Final = struct.Struct("<QQI")
GROUP: Final = struct.Struct("<QI")
TAIL: Final = struct.Struct("<II8s")
_CACHED_GROUPS: Final = 32  # of a reader that shares no cache


class Written(NamedTuple):
    """A segment that is complete and on disk, with size and time of its file."""

    segment_id: str
    checksum: int
    documents: int
    bytes: int
    mtime_ns: int


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
    if len(end) < TAIL.size:
        raise damaged(path, "cut short")
    length, checksum, magic = TAIL.unpack(end[-TAIL.size :])
    footer = bytes(end[-TAIL.size - length : -TAIL.size])
    whole = HEAD.size + len(_SECTIONS) * SECTION.size
    if magic != MAGIC or length != whole or zlib.crc32(footer) != checksum:
        raise damaged(path, "its footer does not fit")
    return footer


class GroupCache:
    """Decompressed groups of content, those used last, for any number of readers."""

    def __init__(self, groups: int = _CACHED_GROUPS) -> None:
        self._most = groups
        self._groups: OrderedDict[tuple[int, int], bytes] = OrderedDict()

    def get(self, key: tuple[int, int]) -> bytes | None:
        """Return a group that is there."""
        if (group := self._groups.get(key)) is not None:
            self._groups.move_to_end(key)
        return group

    def put(self, key: tuple[int, int], group: bytes) -> None:
        """Keep a group, in place of the one that was used least lately."""
        self._groups[key] = group
        if len(self._groups) > self._most:
            self._groups.popitem(last=False)

    def forget(self, reader: int) -> None:
        """Let go of what a reader has put here."""
        for key in [key for key in self._groups if key[0] == reader]:
            del self._groups[key]


class SegmentReader:
    """
    One segment, mapped into memory.

    All sections but the content are verified when it is opened, a group of content when it
    is read.  It is not safe to use from several threads at once.  Opened without postings it
    gives content only, and its larger sections are left unread.

    Attributes:
        documents: How many there are; their numbers start at 0.
        checksum: The footer's crc32, which the catalogue knows too.
        oid_bytes: Length of a blob id: 20 for sha1, 32 for sha256.

    Raises:
        FileNotFoundError: The file is gone.
        FaultError: `index-damaged`: what is read is not what was written.
    """

    def __init__(
        self, path: Path, *, with_postings: bool = True, cache: GroupCache | None = None
    ) -> None:
        self._path = path
        self._cache = cache or GroupCache()
        self._unread = {"content"} if with_postings else {"content", *Postings._fields}
        with path.open("rb") as file:
            try:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError as err:  # an empty file cannot be mapped
                raise damaged(path, "empty") from err
        self._views: list[memoryview] = []
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
        self.oid_bytes, self.documents = HEAD.unpack_from(footer)
        self._views.append(whole := memoryview(self._map))
        parts = dict(zip(_SECTIONS, SECTION.iter_unpack(footer[HEAD.size :]), strict=True))
        views = {name: whole[at : at + length] for name, (at, length, _) in parts.items()}
        self._views += views.values()
        for name, view in views.items():
            if name not in self._unread and zlib.crc32(view) != parts[name][2]:
                raise damaged(self._path, f"{name} do not fit their checksum")
        self._content, self._oids = views["content"], views["oids"]
        self._postings = Postings(views["blocks"], views["keys"], views["lists"])
        try:
            self._groups = list(GROUP.iter_unpack(views["groups"]))
            self._offsets = struct.unpack(f"<{self.documents + 1}Q", views["offsets"])
        except struct.error as err:
            raise damaged(self._path, f"its sections do not fit: {err}") from err

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
        if first == last:
            base = first * GROUP_BYTES
            return self._group(first)[start - base : end - base]
        parts = [self._group(number) for number in range(first, last + 1)]
        parts[0] = parts[0][start - first * GROUP_BYTES :]
        parts[-1] = parts[-1][: end - last * GROUP_BYTES]
        return b"".join(parts)

    def candidates(self, condition: Condition) -> list[int] | None:
        """Return which documents can match, ascending; None if that is every document."""
        from cidxd.indexer.condition import ANYTHING  # noqa: PLC0415 - builds ask no conditions

        if condition == ANYTHING:
            return None
        if "lists" in self._unread:
            raise ValueError("the segment was opened without its postings")
        try:
            return kernel.candidates(condition, self._postings, self.documents)
        except ValueError as err:
            raise damaged(self._path, str(err)) from err

    def check_content(self) -> None:
        """Read all content; `index-damaged` if a group does not fit its checksum."""
        for number in range(len(self._groups)):
            self._frame(number)
        if len(self._content) != (self._groups[-1][0] if self._groups else 0):
            raise damaged(self._path, "its groups are not all its content")

    def close(self) -> None:
        """Unmap the file."""
        self._cache.forget(id(self))
        for view in reversed(self._views):
            view.release()
        self._views.clear()
        self._map.close()

    def _group(self, number: int) -> bytes:
        group = self._cache.get((id(self), number))
        if group is None:
            group = self._decompress(self._frame(number), max_output_size=GROUP_BYTES)
            self._cache.put((id(self), number), group)
        return group

    def _frame(self, number: int) -> bytes:
        end, checksum = self._groups[number]
        frame = bytes(self._content[self._groups[number - 1][0] if number else 0 : end])
        if zlib.crc32(frame) != checksum:
            raise damaged(self._path, f"group {number} does not fit its checksum")
        return frame
