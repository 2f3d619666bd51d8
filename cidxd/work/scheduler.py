"""
Claims jobs when their turn comes, and owns the tasks that run them.

It sleeps until something is committed that may change whose turn it is, or until
the earliest back-off ends; it never polls.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from cidxd.model import queue
from cidxd.model.job import Event, Job, Kind
from cidxd.store.database import StoreError
from cidxd.store.ledger import Ledger

_log = structlog.get_logger()

_TURN_CHANGES: Final = frozenset(Kind) - {
    Kind.PROGRESSED,
    Kind.PHASE_STARTED,
    Kind.PHASE_COMPLETED,
    Kind.CLAIMED,
}
_STORE_AGAIN_S: Final = 1.0


class Scheduler:
    """
    Starts every job whose turn it is.

    Args:
        ledger: Where jobs are claimed.
        run: Runs one claimed job to its recorded verdict.
        clock: The time in POSIX seconds.
    """

    def __init__(
        self,
        ledger: Ledger,
        run: Callable[[Job], Awaitable[object]],
        clock: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._run = run
        self._clock = clock
        self._woken = asyncio.Event()
        self._jobs: set[asyncio.Task[object]] = set()
        self._claiming: asyncio.Task[list[Job]] | None = None

    def notice(self, events: list[Event]) -> None:
        """Look at the queue again if *events*, just committed, may change whose turn it is."""
        if any(event.kind in _TURN_CHANGES for event in events):
            self._woken.set()

    def look_again(self) -> None:
        """Look at the queue again because something else changed: a limit, or a pause."""
        self._woken.set()

    async def run(self) -> None:
        """Claim and start jobs until cancelled; those that run go on, see `drain`."""
        while True:
            self._woken.clear()
            pause = await self._claim()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._woken.wait()

    async def drain(self, timeout_s: float) -> bool:
        """Wait for the running jobs, *timeout_s* at most; return whether all have ended."""
        if self._claiming is not None:  # what it claims is started, so it is waited for too
            await asyncio.wait([self._claiming])
        if self._jobs:
            await asyncio.wait(self._jobs, timeout=timeout_s)
        return not self._jobs

    async def _claim(self) -> float | None:
        """Start what is due; return the seconds until it is worth looking again."""
        looked_at = self._clock()  # a back-off that ends while it claims is not passed over
        try:
            # Shielded: a claim that commits is started, also when the daemon stops right then.
            self._claiming = asyncio.create_task(self._claimed(), name="claim")
            for job in await asyncio.shield(self._claiming):
                _log.debug("job_claimed", job_id=job.job_id)
        except StoreError as err:
            _log.warning("claim_refused", error=err.message)
            return _STORE_AGAIN_S
        wakes_at = queue.wakes_at(self._ledger.state, now=looked_at)
        # By both looks at the clock: it may have been set back between them.
        return None if wakes_at is None else wakes_at - max(looked_at, self._clock())

    async def _claimed(self) -> list[Job]:
        if not queue.due(self._ledger.state, self._ledger.limits, now=self._clock()):
            return []
        jobs = await self._ledger.claim_due()
        for job in jobs:
            task = asyncio.ensure_future(self._run(job))
            self._jobs.add(task)
            task.add_done_callback(self._ended)
        return jobs

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._jobs.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("runner_broke", exc_info=task.exception())
        self._woken.set()
