"""
The file of a backup: a tar of named files, and last its manifest with a checksum of each.

That the manifest comes last makes a file that was cut off tell so.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import os
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from cidxd.errors import CidxdError

MANIFEST: Final = "manifest.json"
_NAME: Final = re.compile(r"cidxd\.db|logs/[\w-]{1,8}/[\w-]{1,64}\.log", re.ASCII)
_MANIFEST_LIMIT: Final = 1 << 30  # bytes; a million logs have some 150 MB
_PIECE: Final = 1 << 20
_COMPRESSION: Final = 4  # a third of the time of the default, and a few per cent larger


class Member(BaseModel):
    """One file of a backup."""

    model_config = ConfigDict(frozen=True)

    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What a backup is, and what is in it; `made_at` in RFC 3339, `files` by their names."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    version: str
    schema_number: int
    made_at: str
    files: dict[str, Member]


def check_target(target: Path, *, is_forced: bool) -> None:
    """
    Look whether a backup can be written to *target*.

    Raises:
        CidxdError: `file-exists`, or `folder-unusable`.
    """
    if target.is_dir() or (target.exists() and not is_forced):
        hint = "name a file" if target.is_dir() else "choose another name, or add --force"
        raise CidxdError(f"it exists already: {target}", code="file-exists", hint=hint)
    if not target.parent.is_dir():
        raise CidxdError(
            f"no such folder: {target.parent}", code="folder-unusable", hint="make it first"
        )
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise CidxdError(
            f"cannot write in the folder: {target.parent}",
            code="folder-unusable",
            hint="make it writable for this user, or choose another",
        )


def pack(target: Path, files: Iterable[tuple[str, Path]], about: Manifest) -> Manifest:
    """
    Write *files*, each with its name in the backup, to *target*, and return the manifest.  Blocks.

    It is written beside its place, made durable, and renamed: at *target* is never half of one.
    A file that has gone is left out.  Compressed, unless the name ends in `.tar`.

    Args:
        target: What is there is replaced.
        files: May be read only while they are written.
        about: The manifest without its files.

    Raises:
        CidxdError: `backup-failed`: it cannot be written; nothing is left behind.
    """
    draft = target.with_name(f".{target.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as raw:
            manifest = _written(raw, files, about, is_plain=target.suffix == ".tar")
            raw.flush()
            os.fsync(raw.fileno())
        draft.replace(target)
        make_durable(target.parent)
    except OSError as err:
        raise CidxdError(
            f"cannot write the backup: {target}: {err.strerror or err}",
            code="backup-failed",
            hint="free some space, or choose another place",
        ) from err
    finally:
        draft.unlink(missing_ok=True)
    return manifest


def unpack(source: Path, folder: Path) -> Manifest:
    """
    Write the files of a backup into *folder*, which is empty, and return the manifest.  Blocks.

    Every file is compared with its checksum and made durable.

    Raises:
        CidxdError: `backup-damaged`: it is none, or not as it was written;
            `restore-failed`: it cannot be read, or the files cannot be written.
    """
    try:
        with source.open("rb") as raw, tarfile.open(fileobj=raw, mode="r|*") as tar:
            found, manifest = _read(tar, folder)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValidationError) as err:
        raise _damaged(f"{source}: {str(err).splitlines()[0]}") from err
    except OSError as err:
        raise CidxdError(
            f"cannot restore from {source}: {err.strerror or err}", code="restore-failed"
        ) from err
    if manifest is None:
        raise _damaged(f"{source}: it is cut off, or no backup at all")
    wrong = sorted(
        name
        for name in found.keys() | manifest.files.keys()
        if found.get(name) != manifest.files.get(name)
    )
    if wrong or "cidxd.db" not in found:
        raise _damaged(f"{source}: {(wrong or ['cidxd.db'])[0]} is not as it was written")
    return manifest


def make_durable(folder: Path) -> None:
    """Have the names in *folder* outlast a power loss.  Blocks."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _Summed(io.RawIOBase):
    """Reads another file, and sums up what it read."""

    def __init__(self, inner: IO[bytes]) -> None:
        self._inner = inner
        self._sum = hashlib.sha256()
        self._bytes = 0

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        data = self._inner.read(size)
        self._sum.update(data)
        self._bytes += len(data)
        return data

    def member(self) -> Member:
        """Return what was read until now."""
        return Member(bytes=self._bytes, sha256=self._sum.hexdigest())


def _written(
    raw: IO[bytes], files: Iterable[tuple[str, Path]], about: Manifest, *, is_plain: bool
) -> Manifest:
    members: dict[str, Member] = {}
    with contextlib.ExitStack() as stack:
        inner: IO[bytes] | gzip.GzipFile = raw
        if not is_plain:
            inner = stack.enter_context(gzip.GzipFile("", "wb", _COMPRESSION, raw))
        tar = stack.enter_context(tarfile.open(fileobj=inner, mode="w", format=tarfile.PAX_FORMAT))
        for name, path in files:
            with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
                stat = os.fstat(file.fileno())
                summed = _Summed(file)  # a log may grow meanwhile: as many bytes as it has now
                tar.addfile(_entry(name, stat.st_size, stat.st_mtime), summed)
                members[name] = summed.member()
        manifest = about.model_copy(update={"files": members})
        content = manifest.model_dump_json(indent=1).encode()
        tar.addfile(_entry(MANIFEST, len(content), 0), io.BytesIO(content))
    return manifest


def _entry(name: str, size: int, mtime: float) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = size, int(mtime), 0o600
    return entry


def _read(tar: tarfile.TarFile, folder: Path) -> tuple[dict[str, Member], Manifest | None]:
    found: dict[str, Member] = {}
    for entry in tar:
        file = tar.extractfile(entry) if entry.isreg() else None
        if file is None:
            raise _damaged(f"{entry.name} does not belong into a backup")
        if entry.name == MANIFEST:
            return found, Manifest.model_validate_json(file.read(_MANIFEST_LIMIT))
        if not _NAME.fullmatch(entry.name) or entry.name in found:
            raise _damaged(f"{entry.name} does not belong into a backup")
        found[entry.name] = _extracted(file, folder / entry.name)
    return found, None


def _extracted(file: IO[bytes], target: Path) -> Member:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    summed = _Summed(file)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.writelines(_pieces(summed))
        out.flush()
        os.fsync(out.fileno())
    return summed.member()


def _pieces(file: _Summed) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece


def _damaged(message: str) -> CidxdError:
    return CidxdError(message, code="backup-damaged", hint="use another backup")
