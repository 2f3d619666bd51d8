"""What must be recorded while the store refuses: kept, and tried again until it is taken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog

from cidxd.store.database import StoreError

T = TypeVar("T")
_log = structlog.get_logger()

AGAIN_S: Final = (0.2, 0.5, 1.0, 2.0)  # pauses while the store refuses; the last repeats


async def recorded(record: Callable[[], Awaitable[T]], what: str, job_id: str) -> T:
    """
    Return what *record* answers, tried again for as long as it raises StoreError.

    What refuses has changed nothing, so nothing is recorded twice.  Cancelled, it is not tried
    again; an earlier try may be on record.

    Args:
        record: Asks the ledger, once for each call.
        what: Names what is held, for the log.
        job_id: Whose it is.
    """
    tries = 0
    while True:
        try:
            return await record()
        except StoreError as err:
            pause = AGAIN_S[min(tries, len(AGAIN_S) - 1)]
            if tries == 0:
                _log.warning("record_held", job_id=job_id, what=what, error=err.message)
        tries += 1
        await asyncio.sleep(pause)
