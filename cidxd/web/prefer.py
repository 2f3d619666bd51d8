"""`Prefer: wait=N` (RFC 7240): hold the answer until the job ends, or N seconds."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Final

from aiohttp import web

from cidxd.model.job import Job
from cidxd.web.services import Services

_WAIT: Final = re.compile(r"(?:^|[,;]\s*)wait=(\d{1,6})\b")
_LONGEST_S: Final = 600


def preferred_wait(request: web.Request) -> int:
    """Return the seconds that the caller is willing to wait, 0 without a wish, 600 at most."""
    found = _WAIT.search(request.headers.get("Prefer", ""))
    return min(_LONGEST_S, int(found[1])) if found else 0


async def wait_for_end(services: Services, job: Job, wait_s: int) -> Job:
    """Return *job* once it ended, or as it is after *wait_s* seconds."""
    if not wait_s or job.is_final:
        return job
    is_this = services.bus.subscribed(lambda event: event.job_id == job.job_id)
    with is_this as news, contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            while not current(services, job).is_final:
                await news.next()
    return current(services, job)


def current(services: Services, job: Job) -> Job:
    """Return *job* as it is by now."""
    return services.state.jobs.get(job.job_id) or job
