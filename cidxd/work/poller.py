"""
Asks for the syncs that nobody asks for: it was time.

It sleeps until the next repository is due, or until a job's end may have made room.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

import structlog

from cidxd.model import polling
from cidxd.model.job import Event, Kind
from cidxd.store.database import StoreError
from cidxd.store.ledger import Ledger

_log = structlog.get_logger()

PAUSE_S: Final = 1.0  # between two looks: each goes through every repository
LOOK_AGAIN_S: Final = 60.0  # a clock may have been set meanwhile
_STORE_AGAIN_S: Final = 5.0
_MAKES_ROOM: Final = frozenset({Kind.CLAIMED, Kind.COMPLETED, Kind.FAILED, Kind.CANCELLED})


class Poller:
    """
    Asks for the syncs that are due.

    Args:
        ledger: Where they are asked for; its `polling` has the operator's choice.
        clock: Returns POSIX seconds.
        new_id: Makes a job's id.
        pause_s: Between two looks.
    """

    def __init__(
        self,
        ledger: Ledger,
        clock: Callable[[], float],
        new_id: Callable[[], str],
        *,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._new_id = new_id
        self._pause_s = pause_s
        self._woken = asyncio.Event()

    def notice(self, events: list[Event]) -> None:
        """Look again if *events*, just committed, may have made room; none: the queue changed."""
        if not events or any(event.kind in _MAKES_ROOM for event in events):
            self._woken.set()

    def look_again(self) -> None:
        """Look again because a schedule has changed."""
        self._woken.set()

    async def run(self) -> None:
        """Ask for what is due until cancelled."""
        while True:
            self._woken.clear()
            wait_s = await self._look()
            await asyncio.sleep(min(wait_s, self._pause_s))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, wait_s - self._pause_s)):
                    await self._woken.wait()

    async def _look(self) -> float:
        """Ask for what is due now; return the seconds until something else may be."""
        ledger, now = self._ledger, self._clock()
        plan = polling.plan(ledger.state, ledger.polling, ledger.limits, now=now)
        if plan.due:
            try:
                jobs = await ledger.poll([self._new_id() for _ in plan.due])
            except StoreError as err:
                _log.warning("poll_refused", error=err.message)
                return _STORE_AGAIN_S
            _log.debug("polled", jobs=len(jobs))
        if plan.wakes_at is None:
            return LOOK_AGAIN_S
        return min(LOOK_AGAIN_S, max(0.0, plan.wakes_at - now))
