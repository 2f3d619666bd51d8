"""
A repository's lock file: held by the daemon and inherited by the children that write.

flock belongs to the open file, so while any child lives it stays held, and a daemon
restarted after kill -9 cannot touch a mirror that an orphan still uses.  In the file stands
which children were given it since it was last taken (`work/orphans.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from cidxd.errors import FaultError

_AGAIN_S: Final = 0.05  # flock cannot be awaited


@contextlib.asynccontextmanager
async def held(path: Path, wait_s: float) -> AsyncIterator[int]:
    """
    Hold the lock at *path* and yield its descriptor, for children to inherit.

    Raises:
        FaultError: `mirror-locked`: somebody else held it for *wait_s* seconds.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        await _taken(descriptor, path, wait_s)
        os.ftruncate(descriptor, 0)  # who is noted there has ended, or the lock were not free
        yield descriptor
    finally:
        os.close(descriptor)


async def _taken(descriptor: int, path: Path, wait_s: float) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if loop.time() >= until:
                raise FaultError("mirror-locked", f"waited {wait_s:.0f} s for {path}") from None
            await asyncio.sleep(_AGAIN_S)
        else:
            return
