"""What was running when the last daemon ended: settled before any new work starts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from cidxd.errors import CidxdError
from cidxd.model import pipeline
from cidxd.model.course import Result
from cidxd.model.job import Job, Outcome, Status
from cidxd.model.pipeline import Rescue
from cidxd.store.ledger import Ledger
from cidxd.work import leftovers, lock, orphans
from cidxd.work.folders import DataFolder
from cidxd.work.indexed import Tips

_log = structlog.get_logger()


async def rescue(
    ledger: Ledger,
    data: DataFolder,
    tips_of: Callable[[int], Awaitable[Tips]],
    *,
    lock_wait_s: float,
) -> None:
    """
    End what the last daemon left running, and settle every job that the store has as running.

    A job whose generation is published is completed from its saved summary, one that
    was to be cancelled is cancelled, every other goes back to its place in the queue.
    What their git left half done in the mirrors is swept away.
    """
    await _end_orphans(ledger, data)
    for job in [job for job in ledger.state.jobs.active() if job.status is Status.RUNNING]:
        await _swept(job, data)
        published = await _published(job, data, tips_of, lock_wait_s) if job.is_permitted else None
        verdict = pipeline.rescue(job, published.job_ids if published else frozenset())
        _log.info("job_rescued", job_id=job.job_id, repository=job.repository, verdict=verdict.name)
        await _record(ledger, job, verdict)


async def _end_orphans(ledger: Ledger, data: DataFolder) -> None:
    for repository_id, pid in await asyncio.to_thread(orphans.end, data):
        known = ledger.state.repositories.get(repository_id)
        name = None if known is None else known.name
        _log.warning("orphan_ended", pid=pid, repository=name, repository_id=repository_id)


async def _swept(job: Job, data: DataFolder) -> None:
    folder = data.to_read(job.repository_id)
    try:
        async with lock.held(folder.lock, 0):
            await asyncio.to_thread(leftovers.clear_mirror, folder.mirror)
    except (CidxdError, OSError) as err:  # the next sync does it in any case
        _log.warning("rescue_unswept", job_id=job.job_id, error=str(err))


async def _published(
    job: Job,
    data: DataFolder,
    tips_of: Callable[[int], Awaitable[Tips]],
    lock_wait_s: float,
) -> Tips | None:
    """Return what the catalogue says, once no leftover child can change it any more."""
    try:
        async with lock.held(data.repository(job.repository_id).lock, lock_wait_s):
            return await tips_of(job.repository_id)
    except CidxdError as err:
        _log.warning("rescue_unsure", job_id=job.job_id, error=err.message)
        return None


async def _record(ledger: Ledger, job: Job, verdict: Rescue) -> None:
    match verdict:
        case Rescue.COMPLETE:
            saved = Result(outcome=Outcome.UPDATED, summary=job.summary or {}, commits=job.commits)
            await ledger.complete(job.job_id, saved)
        case Rescue.CANCEL:
            await ledger.cancelled(job.job_id)
        case Rescue.REQUEUE:
            await ledger.interrupted(job.job_id)
