"""
What a sync that was ended early leaves in its repository's folder, and how that is removed.

The caller holds the repository's lock, so nobody else writes there: nothing is too young to
be swept away.  What is whole is kept, for the next sync goes on with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final

from cidxd.work import grace, shield
from cidxd.work.folders import RepositoryFolder

# Of a git that was ended, in a bare repository, as globs.
_OF_GIT: Final = (
    "*.lock",
    "refs/**/*.lock",
    "logs/**/*.lock",
    "objects/pack/tmp_*",
    "objects/pack/*.lock",
    "objects/info/*.lock",
    "objects/tmp_*",
    "objects/??/tmp_obj_*",
)


@contextlib.asynccontextmanager
async def removed(
    folder: RepositoryFolder, sweep_index: Callable[[Path], Awaitable[None]]
) -> AsyncIterator[None]:
    """
    Remove what is left in *folder* if the context ends with an exception, a cancellation included.

    Args:
        folder: Of the repository; its children have ended by then.
        sweep_index: Does it for the index, where a child that had no time to do it itself wrote.
    """

    async def remove() -> None:
        await in_thread(lambda: clear_mirror(folder.mirror))
        if grace.current().has_killed:
            await sweep_index(folder.index)

    try:
        yield
    except BaseException:
        await shield.uninterrupted(remove())
        raise


def clear_mirror(mirror: Path) -> None:
    """Remove what a git that was ended has left in *mirror* and beside it; blocks while it does."""
    shutil.rmtree(draft_of(mirror), ignore_errors=True)
    found: Iterable[Path] = (path for glob in _OF_GIT for path in mirror.glob(glob))
    for path in found:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def draft_of(mirror: Path) -> Path:
    """Return the folder that becomes *mirror* once it is whole."""
    return mirror.with_name(mirror.name + ".new")


async def in_thread(work: Callable[[], object]) -> None:
    """
    Do *work* in a thread, to its end even if the caller is cancelled meanwhile.

    A thread cannot be stopped: left alone, it would go on under the next holder of the lock.
    """

    async def done() -> None:
        await asyncio.to_thread(work)

    await shield.uninterrupted(done())
