"""A mirror is given its own settings again, and loses what git would obey beside them."""

from __future__ import annotations

import contextlib
import errno
import shutil
from pathlib import Path
from typing import Final

import structlog

from cidxd.errors import FaultError
from cidxd.git import belongings

_log = structlog.get_logger()

_CODES: Final = {
    errno.ENOSPC: "disk-full",
    errno.EDQUOT: "disk-full",
    errno.EACCES: "disk-unwritable",
    errno.EPERM: "disk-unwritable",
    errno.EROFS: "disk-unwritable",
}


def restore(mirror: Path) -> list[str]:
    """
    See to it that *mirror* has our settings and nothing of others; blocks while it does.

    A mirror that is not there stays so.

    Returns:
        What was not ours, relative to the mirror.

    Raises:
        FaultError: `disk-full`, `disk-unwritable` or `disk-failed`.
    """
    try:
        foreign = _restored(mirror) if mirror.is_dir() else []
    except OSError as err:
        raise FaultError(_CODES.get(err.errno or 0, "disk-failed"), str(err)) from err
    if foreign:
        _log.warning("mirror_restored", mirror=str(mirror), foreign=foreign)
    return foreign


def _restored(mirror: Path) -> list[str]:
    config = mirror / "config"
    foreign = [name for name in belongings.FOREIGN if _is_there(mirror / name)]
    for name in foreign:
        _remove(mirror / name)
    if config.is_symlink() or _content(config) != belongings.CONFIG:
        foreign.append("config")
        _replace(config, belongings.CONFIG)
    return foreign


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _content(path: Path) -> bytes | None:
    with contextlib.suppress(FileNotFoundError, IsADirectoryError):
        return path.read_bytes()
    return None


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(path.name + ".new")
    for each in (path, draft):
        if _is_there(each):
            _remove(each)
    draft.write_bytes(content)
    draft.replace(path)
