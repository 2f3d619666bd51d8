"""Work that a cancellation of its caller must not cut short."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def uninterrupted(work: Coroutine[Any, Any, None]) -> None:
    """Await *work* to its end even if the caller is cancelled meanwhile; then let that happen."""
    task = asyncio.ensure_future(work)
    was_cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            was_cancelled = True
    task.result()
    if was_cancelled:
        raise asyncio.CancelledError


async def settled(work: Coroutine[Any, Any, None], patience_s: float) -> None:
    """
    Await *work*; a cancellation in the meantime gives it *patience_s* more seconds.

    If it ends in that time its result wins, and the cancellation is taken back.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    cancelled, until = 0, None
    while not task.done():
        timeout = None if until is None else until - loop.time()
        try:
            await asyncio.wait([task], timeout=timeout)
        except asyncio.CancelledError:
            cancelled += 1
            until = loop.time() + patience_s if until is None else until
        if until is not None and loop.time() >= until and not task.done():
            await _abandon(task)
            raise asyncio.CancelledError
    caller = asyncio.current_task()
    if caller is not None:
        for _ in range(cancelled):
            caller.uncancel()
    task.result()


async def _abandon(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()  # looked at, so that asyncio does not report it as lost
