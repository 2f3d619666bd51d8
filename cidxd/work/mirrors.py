"""
One mirror, and the one that takes its place when it is damaged.

    mirror.git            is read, damaged or not, until another one is whole
    mirror.git.damaged    a mark beside it: the next fetch makes a new one
    mirror.git.new        that one, while it is made; `leftovers.clear_mirror` removes it
    mirror.git.ID.old     what was replaced, until it is removed

The caller holds the repository's lock.  What is no coroutine blocks.
"""

from __future__ import annotations

import contextlib
import shutil
import uuid
from pathlib import Path

from cidxd.work import leftovers


def condemn(mirror: Path) -> None:
    """Have the next fetch make a new mirror; until that is there, *mirror* goes on being read."""
    with contextlib.suppress(OSError):  # on a full disk too the damage is found again
        _mark(mirror).touch()


def is_condemned(mirror: Path) -> bool:
    """Return whether the next fetch is to make a new mirror."""
    return _mark(mirror).exists()


async def settle(mirror: Path, *, is_new: bool, is_damaged: bool) -> None:
    """Draw the consequences of a fetch: into a new mirror, or one that showed to be damaged."""
    if is_new:
        await leftovers.in_thread(lambda: replace(mirror))
    elif is_damaged:
        await leftovers.in_thread(lambda: condemn(mirror))


def replace(mirror: Path) -> None:
    """Put the new mirror, which is whole, in the place of *mirror*, and remove what was there."""
    aside = mirror.with_name(f"{mirror.name}.{uuid.uuid4().hex}.old")
    with contextlib.suppress(FileNotFoundError):
        mirror.rename(aside)
    leftovers.draft_of(mirror).rename(mirror)
    _mark(mirror).unlink(missing_ok=True)
    for leftover in mirror.parent.glob(f"{mirror.name}.*.old"):
        shutil.rmtree(leftover, ignore_errors=True)


def _mark(mirror: Path) -> Path:
    return mirror.with_name(f"{mirror.name}.damaged")
