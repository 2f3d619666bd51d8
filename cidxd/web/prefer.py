"""`Prefer: wait=N` (RFC 7240): hold the answer until something happens, or N seconds."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from typing import Final

from aiohttp import web

from cidxd.model.job import Job
from cidxd.store import asker
from cidxd.web.services import Services
from cidxd.work.bus import StoppedError

_WAIT: Final = re.compile(r'\s*wait\s*=\s*(?:([0-9]+)|"([0-9]+)")\s*(?:;.*)?', re.IGNORECASE)
_NAME: Final = re.compile(r"\s*wait\s*(?:[=;].*)?", re.IGNORECASE)
_LONGEST_S: Final = 600


def preferred_wait(request: web.Request) -> int | None:
    """
    Return the seconds that the caller is willing to wait, 600 at most, None without a wish.

    What is not understood is no wish, and the first of several counts, as RFC 7240 has it.
    """
    if "Prefer" not in request.headers:
        return None
    stated = ",".join(request.headers.getall("Prefer", ())).split(",")
    first = next((one for one in stated if _NAME.fullmatch(one)), "")
    found = _WAIT.fullmatch(first)
    return min(_LONGEST_S, int((found[1] or found[2])[:9])) if found else None


def applied(wait_s: int | None) -> dict[str, str]:
    """Return the header that tells which wish was honoured."""
    return {} if wait_s is None else {"Preference-Applied": f"wait={wait_s}"}


async def wait_for_end(services: Services, job: Job, wait_s: float) -> Job:
    """Return *job* once it ended, or as it is after *wait_s* seconds."""
    return await wait_until(services, job, wait_s, lambda now: now.is_final)


async def wait_until(
    services: Services, job: Job, wait_s: float, is_enough: Callable[[Job], bool]
) -> Job:
    """Return *job* once it *is_enough* or ended, or as it is after *wait_s* seconds."""
    if not wait_s or job.is_final:
        return current(services, job)
    is_this = services.bus.subscribed(lambda event: event.job_id == job.job_id)
    here = services.identity.presence.lasting(asker.current().session_id)
    with here, is_this as news, contextlib.suppress(TimeoutError, StoppedError):
        async with asyncio.timeout(wait_s):
            while not is_enough(now := current(services, job)) and not now.is_final:
                await news.next()
    return current(services, job)


def current(services: Services, job: Job) -> Job:
    """Return *job* as it is by now."""
    return services.state.jobs.get(job.job_id) or job
