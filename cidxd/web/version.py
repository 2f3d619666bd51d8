"""Versions of what is answered: weak ETags, `If-None-Match`, and when to ask again."""

from __future__ import annotations

import math
import re
from typing import Final

from aiohttp import web

from cidxd.model.job import Job

_TAG: Final = re.compile(r'(?:W/)?("[^"]*")')
_PRIVATE: Final = "private, no-cache"  # to be kept by its reader, and asked for again each time


def tag_of(job: Job) -> str:
    """Return the weak ETag: the job's version, and its one link that may come later."""
    return f'W/"{"-".join(filter(None, (job.job_id, str(job.seq), job.retried_by)))}"'


def is_conditional(request: web.Request) -> bool:
    """The caller has a version already."""
    return "If-None-Match" in request.headers


def is_known(request: web.Request, tag: str) -> bool:
    """Return whether the caller has the version of *tag*; tags are compared as weak ones."""
    if "If-None-Match" not in request.headers:
        return False
    given = ",".join(request.headers.getall("If-None-Match", ()))
    return given.strip() == "*" or tag.removeprefix("W/") in _TAG.findall(given)


def headers_of(tag: str) -> dict[str, str]:
    """Return the headers of an answer that has a version."""
    return {"ETag": tag, "Cache-Control": _PRIVATE, "Vary": "Accept, Authorization"}


def ask_again(job: Job, now: float) -> dict[str, str]:
    """Return `Retry-After` for a job that goes on: after its back-off, else in a second."""
    if job.is_final:
        return {}
    return {"Retry-After": str(max(1, math.ceil(job.wait_s(now))))}


def unchanged(headers: dict[str, str]) -> web.Response:
    """Return the answer to who has this version."""
    return web.Response(status=304, headers=headers)
