"""
Upkeep of indexes: one child at a time, for a repository that nobody syncs.

It gives way to every sync: to one of the same repository, whose lock it holds, and to one
of any other that finds no free place to index in.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import structlog

from cidxd.errors import FaultError
from cidxd.indexer import protocol
from cidxd.model.job import Event, Kind, Outcome
from cidxd.model.registry import State
from cidxd.work import dialogue, heard, lock, proc
from cidxd.work.allowance import Allowance, granted
from cidxd.work.dialogue import unexpected
from cidxd.work.folders import DataFolder

_log = structlog.get_logger()

SWEEP_S: Final = 1.5  # a cancel is over within five seconds, and three of them were the grace
_LETS_GO: Final = frozenset(
    {Kind.COMPLETED, Kind.FAILED, Kind.CANCELLED, Kind.DEFERRED, Kind.INTERRUPTED}
)


class Upkeep:
    """
    Starts upkeep children when there is time, and ends them when there is none.

    Args:
        argv: The upkeep child's command.
        env: Its environment.
        data: Where the indexes are.
        state: What is committed.
        index_slots: How many children may index at once; it takes one only if that is free.
        stall_s: A child silent for so long is ended.
        pause_s: Before each child: a repository is left alone for so long after its sync, and
            a daemon that has just started does not look at all of them at once.
        allowance: Of the children; upkeep takes the time it needs, so its memory only.

    Attributes:
        counts: How often it was done, failed or ended early, since the daemon started.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        data: DataFolder,
        state: State,
        index_slots: asyncio.Semaphore,
        stall_s: float,
        pause_s: float,
        allowance: Allowance,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._argv = argv
        self._env = env
        self._data = data
        self._state = state
        self._slots = index_slots
        self._stall_s = stall_s
        self._pause_s = pause_s
        self._allowance = allowance
        self._waiting: dict[int, None] = {}  # repository ids, in their order
        self._woken = asyncio.Event()
        self._running: tuple[int, asyncio.Task[None]] | None = None

    @property
    def is_busy(self) -> bool:
        """A child runs, or a repository waits for one."""
        return self._running is not None or bool(self._waiting)

    def want(self, repository_ids: Iterable[int]) -> None:
        """Look at these repositories when there is time."""
        self._waiting.update(dict.fromkeys(repository_ids))
        self._woken.set()

    def notice(self, events: Iterable[Event]) -> None:
        """Look at the repositories that *events*, just committed, have changed."""
        for event in events:
            if event.kind not in _LETS_GO:
                continue
            job = self._state.jobs.get(event.job_id)
            is_updated = job is not None and job.outcome is Outcome.UPDATED
            self.want([event.repository_id] if is_updated else [])

    async def run(self) -> None:
        """Start children until cancelled, which ends the one that runs."""
        while True:
            self._woken.clear()
            if self._next() is None:
                await self._woken.wait()
            else:
                await asyncio.sleep(self._pause_s)
                if (repository_id := self._next()) is not None:
                    await self._look_after(repository_id)

    async def give_way(self, repository_id: int) -> None:
        """Let a sync, or the removal, of this repository go first; its lock is free afterwards."""
        if self._running is not None and self._running[0] == repository_id:
            await self._ended(self._running[1])

    async def make_room(self) -> None:
        """Let a sync of any repository index; a place is free afterwards if upkeep had one."""
        if self._running is not None and self._slots.locked():
            await self._ended(self._running[1])

    async def sweep(self, index: Path, lock_fd: int) -> None:
        """
        Remove what a child that was killed has left in *index*.

        The caller holds the lock *lock_fd*.  What fails is left to the next sync.
        """
        with contextlib.suppress(FaultError, TimeoutError):
            async with (
                asyncio.timeout(SWEEP_S),
                proc.started(
                    self._argv, env=self._env, stall_s=self._stall_s, pass_fds=(lock_fd,)
                ) as child,
            ):
                request = {"type": "sweep", "version": protocol.VERSION, "index": str(index)}
                await dialogue.begin(child, request)
                await dialogue.message(child)
                await dialogue.leave(child)

    def _next(self) -> int | None:
        """Return the first repository that can be looked after now."""
        if self._slots.locked():
            return None
        known = self._state.repositories
        self._waiting = {key: None for key in self._waiting if known.get(key) is not None}
        idle = (key for key in self._waiting if not self._state.jobs.active_of(key))
        return next(idle, None)

    async def _look_after(self, repository_id: int) -> None:
        del self._waiting[repository_id]
        with granted(self._allowance):
            work = self._kept_up(repository_id)
            task = asyncio.create_task(work, name=f"upkeep {repository_id}")
        self._running = repository_id, task
        try:
            await asyncio.wait([task])
        finally:
            await self._ended(task)
            self._running = None
        log = _log.bind(repository_id=repository_id)
        if task.cancelled():
            self.counts["ended"] += 1
            self.want([repository_id])
        elif (err := task.exception()) is None:
            self.counts["done"] += 1
        elif isinstance(err, FaultError):
            self.counts["failed"] += 1
            log.warning("upkeep_failed", code=err.code, detail=err.detail)
        else:
            self.counts["failed"] += 1
            log.error("upkeep_broke", exc_info=err)

    async def _kept_up(self, repository_id: int) -> None:
        folder = self._data.repository(repository_id)
        async with (
            self._slots,
            lock.held(folder.lock, 0) as lock_fd,
            proc.started(
                self._argv, env=self._env, stall_s=self._stall_s, pass_fds=(lock_fd,)
            ) as child,
        ):
            request = {"type": "upkeep", "version": protocol.VERSION, "index": str(folder.index)}
            await dialogue.begin(child, request)
            while (said := await dialogue.message(child))["type"] == "progress":
                pass
            if said["type"] != "done":
                raise unexpected(said)
            try:
                counters = heard.counts(said.get("counters") or {})
            except (TypeError, ValueError) as err:
                raise unexpected(said) from err
            if counters:
                _log.bind(**counters).info("upkeep_done", repository_id=repository_id)
            await dialogue.leave(child)

    async def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
