"""
Whether the daemon can work: the database takes writes, and the disk has room.

It looks without being asked, so that a fault which is over is not told for ever, and each
look that the loop and the writer come back from is a heartbeat: a fault is no hang.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import math
import os
from collections.abc import AsyncIterator, Callable
from typing import Final

from cidxd.model import wording
from cidxd.store.ledger import Ledger
from cidxd.work.folders import DataFolder

LOOK_S: Final = 5.0
LOOK_AGAIN_S: Final = 1.0  # while something is wrong
ROOM_BYTES: Final = 4 << 20  # with less, neither a sync nor the database gets far
ROOM_FILES: Final = 32
HANGS_AFTER_S: Final = 15.0  # a database that is locked answers long before


@dataclasses.dataclass(frozen=True, slots=True)
class Beat:
    """Who wants to know that the daemon lives: told at least every `every_s`, with a few words."""

    every_s: float
    told: Callable[[str], None]


UNHEARD: Final = Beat(math.inf, lambda _words: None)


class Vitals:
    """
    Looks after the store and its disk.

    Args:
        ledger: Asked whether it can write.
        data: Where the room is needed.
        beat: Told after each look.
        is_stopping: The daemon ends: a job asked for now would wait for its next start.
    """

    def __init__(
        self, ledger: Ledger, data: DataFolder, beat: Beat, is_stopping: Callable[[], bool]
    ) -> None:
        self._ledger = ledger
        self._data = data
        self._beat = beat
        self.is_stopping = is_stopping
        self._disk_fault: str | None = None
        self._asked_at: float | None = None

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Look now and then for the length of the context."""
        looking = asyncio.create_task(self._look(), name="vitals")
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.wait([looking])

    def reasons(self) -> list[str]:
        """Return why the daemon is not ready, in words; empty when it is."""
        found: list[str] = []
        if self.is_stopping():
            found.append("the daemon is stopping")
        if self._ledger.fault is not None:
            found.append(f"the database refuses: {self._ledger.fault}")
        if self._asked_at is not None:
            silent_s = asyncio.get_running_loop().time() - self._asked_at
            if silent_s > HANGS_AFTER_S:
                found.append(f"the database has not answered for {silent_s:.0f} s")
        if self._disk_fault is not None:
            found.append(self._disk_fault)
        return found

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._asked_at = started_at = loop.time()
            await self._ledger.probe()
            self._asked_at = None
            self._disk_fault = await asyncio.to_thread(_disk_fault, self._data)
            self._beat.told(self._words())
            is_well = self._ledger.fault is None and self._disk_fault is None
            pause_s = min(self._beat.every_s, LOOK_S if is_well else LOOK_AGAIN_S)
            await asyncio.sleep(started_at + pause_s - loop.time())

    def _words(self) -> str:
        jobs = self._ledger.state.jobs
        active, queued = len(jobs.active()), jobs.queued_total()
        return "; ".join([f"{active - queued} jobs running, {queued} queued", *self.reasons()])


def _disk_fault(data: DataFolder) -> str | None:
    """Return what is wrong with the disk; the repositories may have one of their own."""
    for folder in (data.repositories, data.root):
        try:
            disk = os.statvfs(folder)
        except FileNotFoundError:  # nothing was ever synced
            continue
        except OSError as err:
            return f"the disk cannot be looked at: {folder}: {err.strerror}"
        free = disk.f_bavail * disk.f_frsize
        if free < ROOM_BYTES:
            return f"the disk is full: {wording.size(free)} left for {folder}"
        if disk.f_files and disk.f_favail < ROOM_FILES:  # no f_files: it does not count them
            return f"the disk is full: {disk.f_favail} files left for {folder}"
    return None
