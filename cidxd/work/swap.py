"""
What a restore puts in place of what is there, so that a crash leaves the old or the new.

A restore is prepared in a folder of its own.  Its renaming to READY decides: before, nothing
has changed; after it, whoever next holds the data folder's lock brings it to its end
(`folders.claimed`).  What was there is moved into a folder beside, never removed.

    DRAFT --renamed--> READY     what is there moves aside, name by name
    READY --renamed--> MOVED     what is new moves into its place
    MOVED --removed              done
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from cidxd.errors import CidxdError
from cidxd.work.archive import make_durable

DRAFT: Final = "restore.new"
READY: Final = "restore.ready"
MOVED: Final = "restore.moved"
_ASIDE: Final = "aside"  # the name of the folder for what was there
_NEW: Final = ("cidxd.db", "logs")
_OLD: Final = (*_NEW, "cidxd.db-wal", "cidxd.db-shm", "repositories")


def occupied(root: Path) -> list[str]:
    """Return what a restore would move aside."""
    return [name for name in _OLD if os.path.lexists(root / name)]


def drafted(root: Path) -> Path:
    """
    Return an empty folder to prepare a restore in.

    Raises:
        CidxdError: `restore-failed`: something that would have to be moved cannot be.
    """
    for name in _OLD:
        if (root / name).is_mount():
            raise CidxdError(
                f"a disk is mounted there: {root / name}",
                code="restore-failed",
                hint="unmount it for the restore: what is there is moved aside",
            )
    draft = root / DRAFT
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    return draft


def decide(root: Path, when: str) -> Path:
    """Have what was drafted take the place of what is there; return where that is moved to."""
    aside = root / f"replaced-{when}"
    number = 2
    while aside.exists():
        aside = root / f"replaced-{when}-{number}"
        number += 1
    draft = root / DRAFT
    (draft / _ASIDE).write_text(aside.name, "utf-8")
    for folder in (draft, *draft.glob("**/")):
        make_durable(folder)
    draft.rename(root / READY)
    make_durable(root)
    finish(root)
    return aside


def finish(root: Path) -> None:
    """
    Bring a decided restore to its end, however far it came; without one nothing happens.

    Raises:
        CidxdError: `restore-unfinished`: something cannot be moved; it can be called again.
    """
    ready, moved = root / READY, root / MOVED
    try:
        if ready.exists():
            _move_aside(root, root / (ready / _ASIDE).read_text("utf-8"))
            ready.rename(moved)
            make_durable(root)
        if moved.exists():
            _move_in(moved, root)
            shutil.rmtree(moved)
    except OSError as err:
        raise CidxdError(
            f"a restore cannot be finished: {err.filename}: {err.strerror}",
            code="restore-unfinished",
            hint="mend that; the next start of cidxd, or the next restore, finishes it",
        ) from err


def _move_aside(root: Path, aside: Path) -> None:
    for name in occupied(root):
        aside.mkdir(mode=0o700, exist_ok=True)
        (root / name).rename(aside / name)
    if aside.exists():
        make_durable(aside)
    make_durable(root)


def _move_in(moved: Path, root: Path) -> None:
    for name in _NEW:
        if (moved / name).exists():
            (moved / name).rename(root / name)
    make_durable(root)
