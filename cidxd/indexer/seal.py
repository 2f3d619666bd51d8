"""
Whether the files of an epoch are the ones that were written.

The seal of an epoch: size, time and checksum of the catalogue's file as the last writer left it.

SQLite notices a broken structure, not a flipped bit in a path; the seal notices both.  It is
broken before the first write, and made when everything written is in the file itself and
not in its write-ahead log.  An epoch without a seal is one that a writer is busy with, or
one that a writer was killed in: it says nothing about the file.
"""

from __future__ import annotations

import os
import zlib
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from cidxd.errors import FaultError
from cidxd.indexer.segment import TEMPORARY, SegmentReader, damaged, sync_folder

CATALOG: Final = "catalog.db"
_SEAL: Final = "catalog.seal"
_CHUNK: Final = 1 << 20


class Seal(NamedTuple):
    """What the catalogue's file was: bytes, nanoseconds since 1970, crc32."""

    size: int
    mtime_ns: int
    checksum: int


def break_seal(epoch: Path) -> None:
    """Take the seal away, durably: what follows may change the file."""
    path = epoch / _SEAL
    if path.exists():
        path.unlink(missing_ok=True)
        sync_folder(epoch)


def put_seal(epoch: Path) -> None:
    """Seal the catalogue as it is; nobody may be writing."""
    status = (epoch / CATALOG).stat()
    seal = Seal(status.st_size, status.st_mtime_ns, _checksum(epoch / CATALOG))
    temporary = epoch / (_SEAL + TEMPORARY)
    temporary.write_text(" ".join(map(str, seal)) + "\n", "ascii")
    temporary.rename(epoch / _SEAL)


def read_seal(epoch: Path) -> Seal | None:
    """Return the seal, None where there is none or it cannot be read."""
    try:
        size, mtime_ns, checksum = (epoch / _SEAL).read_text("ascii").split()
        return Seal(int(size), int(mtime_ns), int(checksum))
    except (OSError, ValueError):
        return None


def check_catalog(epoch: Path, *, thoroughly: bool) -> bool:
    """
    Return whether a seal vouches for the catalogue.

    Args:
        epoch: Its folder.
        thoroughly: Read the file even if size and time say that nobody touched it.

    Raises:
        FaultError: `index-damaged`: it is not what was sealed.
    """
    seal = read_seal(epoch)
    if seal is None:
        return False
    try:
        status = (epoch / CATALOG).stat()
        is_touched = (status.st_size, status.st_mtime_ns) != seal[:2]
        fits = not (thoroughly or is_touched) or _checksum(epoch / CATALOG) == seal.checksum
    except OSError as err:
        raise FaultError("index-damaged", f"catalogue: {err}") from err
    if fits:
        return True
    if read_seal(epoch) != seal:
        return False  # a writer began meanwhile
    raise FaultError("index-damaged", "the catalogue does not fit its checksum")


class Registered(Protocol):
    """What the catalogue knows of a segment's file."""

    @property
    def checksum(self) -> int:
        """The footer's crc32."""

    @property
    def bytes(self) -> int:
        """The file's size."""

    @property
    def mtime_ns(self) -> int:
        """When it was written, in nanoseconds since 1970."""


def check_segment(path: Path, row: Registered) -> tuple[int, int]:
    """
    Look whether a segment's file is the registered one, and return its size and time now.

    A file that nobody touched since it was written is not read.

    Raises:
        FaultError: `index-damaged`.
    """
    try:
        status = path.stat()
        found = status.st_size, status.st_mtime_ns
        if found != (row.bytes, row.mtime_ns):
            with closing(SegmentReader(path)) as reader:
                reader.check_content()
                if reader.checksum != row.checksum:
                    raise damaged(path, "another one than was registered")
    except OSError as err:
        raise damaged(path, str(err)) from err
    return found


def _checksum(path: Path) -> int:
    checksum = 0
    with path.open("rb", buffering=0) as file:
        # What is in memory needs no second copy in a buffer of Python's.
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
        while chunk := file.read(_CHUNK):
            checksum = zlib.crc32(chunk, checksum)
    return checksum
