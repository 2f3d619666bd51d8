"""
The folders of one repository's index: CURRENT names the epoch, which holds what is indexed.

It knows names and marks on disk, not what a catalogue or a segment says.  Only the
holder of the repository's lock calls what writes; `mark_damaged` is for everyone.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from cidxd.errors import FaultError
from cidxd.indexer.seal import CATALOG
from cidxd.indexer.segment import TEMPORARY, sync_folder

CURRENT: Final = "CURRENT"
SEGMENTS: Final = "segments"
_DAMAGED: Final = "DAMAGED"
_NAME: Final = re.compile(r"epoch-[0-9a-f]{16}")


def current_epoch(index: Path) -> Path | None:
    """
    Return the folder that CURRENT names, or None if nothing was ever published.

    Raises:
        FaultError: `index-damaged`: CURRENT or the folder is broken.
    """
    try:
        name = (index / CURRENT).read_text("ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as err:
        raise FaultError("index-damaged", f"CURRENT cannot be read: {err}") from err
    if not _NAME.fullmatch(name):
        raise FaultError("index-damaged", f"CURRENT names no epoch: {name[:40]!r}")
    epoch = index / name
    if not (epoch / CATALOG).is_file():
        raise FaultError("index-damaged", f"the epoch has no catalogue: {name}")
    return epoch


def segment_path(epoch: Path, segment_id: str) -> Path:
    """Return where a segment's file lies."""
    return epoch / SEGMENTS / f"{segment_id}.seg"


def is_marked_damaged(epoch: Path) -> bool:
    """Whether somebody who read the epoch found it damaged."""
    return (epoch / _DAMAGED).exists()


def damage(epoch: Path) -> str | None:
    """Return what somebody found damaged in the epoch, None if nobody did."""
    try:
        return (epoch / _DAMAGED).read_text("utf-8", "replace").strip() or "found damaged before"
    except FileNotFoundError:
        return None


def mark_damaged(epoch: Path, why: str) -> None:
    """Make the next build replace the epoch; a mark that cannot be written is given up."""
    try:
        (epoch / _DAMAGED).write_text(why + "\n", "utf-8")
    except OSError:
        # A full disk or a vanished folder: the reader's own fault is on its way already.
        return


def create_epoch(index: Path) -> Path:
    """Make an empty epoch that nobody sees yet, and return its folder."""
    # A name is never used twice: a search child may still hold files of an old one.
    epoch = index / f"epoch-{os.urandom(8).hex()}"
    (epoch / SEGMENTS).mkdir(parents=True)
    return epoch


def switch_epoch(index: Path, epoch: Path) -> None:
    """Let CURRENT name *epoch*, durably and in one step."""
    sync_folder(epoch)
    temporary = index / (CURRENT + TEMPORARY)
    with temporary.open("w", encoding="ascii") as file:
        file.write(epoch.name + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(index / CURRENT)
    sync_folder(index)


def sweep_index(index: Path, keep: Path | None) -> None:
    """Remove what an interrupted build left behind: temporary files and every epoch but *keep*."""
    import shutil  # noqa: PLC0415 - an ordinary sync has nothing to sweep

    for path in index.glob("epoch-*"):
        if path != keep:
            shutil.rmtree(path, ignore_errors=True)
    for path in index.glob("*" + TEMPORARY):
        path.unlink(missing_ok=True)


def sweep_segments(epoch: Path, known: set[str]) -> None:
    """Remove the files beside the segments that the catalogue knows."""
    for path in (epoch / SEGMENTS).iterdir():
        if path.suffix != ".seg" or path.stem not in known:
            path.unlink(missing_ok=True)
