"""
Deletes what removed repositories leave on disk, once nothing uses it any more.

Each removal is a task; those that an earlier daemon did not come to the end of are begun
again at the start.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import shutil
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from cidxd.errors import CidxdError
from cidxd.model.facts import Removal
from cidxd.model.job import Event
from cidxd.store.ledger import Ledger
from cidxd.work import lock
from cidxd.work.folders import DataFolder

_log = structlog.get_logger()

WAIT_S: Final = 10.0  # for a job to end, before what it runs is killed
AGAIN_S: Final = 5.0  # after a disk, or somebody with the lock, did not let it go


class Removals:
    """
    Finishes removals.

    Args:
        ledger: Where jobs are stopped, and removals noted as done.
        data: Where the files are.
        end_upkeep: Ends the upkeep of a repository, if it runs.
    """

    def __init__(
        self, ledger: Ledger, data: DataFolder, end_upkeep: Callable[[int], Awaitable[None]]
    ) -> None:
        self._ledger = ledger
        self._data = data
        self._end_upkeep = end_upkeep
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._told = asyncio.Event()

    def notice(self, events: list[Event]) -> None:
        """Look again whether the job of a removed repository has ended."""
        if events and self._ledger.state.removals.changed:
            self._told.set()
            self._told = asyncio.Event()

    async def run(self) -> None:
        """Finish what an earlier daemon began, until cancelled; then every removal waits."""
        for removal in list(self._ledger.state.removals.values()):
            _ = self._begin(removal)
        try:
            await asyncio.Event().wait()
        finally:
            for task in self._tasks.values():
                task.cancel()

    async def finish(self, removal: Removal, within_s: float) -> bool:
        """Return whether nothing is left after *within_s* at most; it goes on in any case."""
        done, _ = await asyncio.wait([self._begin(removal)], timeout=within_s)
        return bool(done)

    def _begin(self, removal: Removal) -> asyncio.Task[None]:
        key = removal.repository_id
        if key not in self._tasks:
            # Of the daemon itself: who asked for it may have logged out long before it is done.
            apart = contextvars.Context()
            task = asyncio.create_task(
                self._finished(removal), name=f"removal {key}", context=apart
            )
            task.add_done_callback(lambda _: self._tasks.pop(key, None))
            self._tasks[key] = task
        return self._tasks[key]

    async def _finished(self, removal: Removal) -> None:
        key = removal.repository_id
        while True:
            try:
                await self._until_idle(key)
                await self._deleted(key)
                await self._ledger.removal_done(key)
            except (CidxdError, OSError) as err:
                _log.warning("removal_refused", repository=removal.name, error=str(err))
                await asyncio.sleep(AGAIN_S)
            else:
                _log.info("repository_removed", repository=removal.name, user=removal.user)
                return

    async def _until_idle(self, key: int) -> None:
        """Wait until no job of the repository is active; one that takes long is killed."""
        force = False
        while self._ledger.state.jobs.active_of(key):
            await self._ledger.stop_removed(key, force=force)
            told = self._told
            if not self._ledger.state.jobs.active_of(key):
                return
            try:
                async with asyncio.timeout(WAIT_S):
                    await told.wait()
            except TimeoutError:
                force = True

    async def _deleted(self, key: int) -> None:
        await self._end_upkeep(key)
        folder = self._data.to_read(key)
        if not folder.root.exists():
            return
        async with lock.held(folder.lock, AGAIN_S):
            with contextlib.suppress(FileNotFoundError):
                await asyncio.to_thread(shutil.rmtree, folder.root)
