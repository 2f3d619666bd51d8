"""
One claimed job from its first phase to its verdict.

The outer task is never cancelled: it cancels the inner one, which ends the child
processes, and records the verdict, also through a store that refuses for a while.
"""

from __future__ import annotations

import asyncio
import dataclasses
import enum
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, assert_never

import structlog

from cidxd.errors import FaultError
from cidxd.model import course, pipeline
from cidxd.model.course import PermitRefusedError, Result
from cidxd.model.job import IllegalTransitionError, Job
from cidxd.store.database import StoreError
from cidxd.store.ledger import Ledger
from cidxd.work import grace
from cidxd.work.grace import Grace
from cidxd.work.joblog import JobLogs
from cidxd.work.reporter import Reporter

_log = structlog.get_logger()

RECORD_AGAIN_S: Final = (
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
)  # pauses while the store refuses; the last repeats


class StopReason(enum.StrEnum):
    """Why a running job is stopped from outside."""

    CANCEL = "cancel"
    SHUTDOWN = "shutdown"


class Sync(Protocol):
    """The phases of one job, as `phases.Phases.sync` runs them."""

    async def __call__(self, job: Job, report: Reporter) -> Result:
        """Run every phase; leave no process behind when cancelled."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Stopped:
    """The inner task was cancelled."""

    reason: StopReason


Verdict = Result | FaultError | _Stopped


class Runner:
    """
    Runs claimed jobs.

    Args:
        ledger: Where everything is recorded.
        sync: The phases.
        max_attempts: After so many a transient fault is final; may change while it runs.
        jitter: Returns a number in [0, 1).
        logs: What the jobs' children say is kept there.
    """

    def __init__(
        self,
        ledger: Ledger,
        sync: Sync,
        *,
        max_attempts: int,
        jitter: Callable[[], float],
        logs: JobLogs,
    ) -> None:
        self._logs = logs
        self._ledger = ledger
        self._sync = sync
        self.max_attempts = max_attempts
        self._jitter = jitter
        self._inner: dict[str, asyncio.Task[Result]] = {}
        self._reasons: dict[str, StopReason] = {}
        self._graces: dict[str, Grace] = {}

    async def run(self, job: Job) -> Job | None:
        """Run *job* and record its verdict; return the job after it, None if it ended before."""
        log = _log.bind(job_id=job.job_id, repository=job.repository, attempt=job.attempt)
        log.info("job_started")
        with self._logs.pen(job.job_id) as say:
            reporter = Reporter(
                job,
                lambda report: self._ledger.report(job.job_id, report),
                say,
                course.timings_of(self._ledger.state, job),
            )
            pump = asyncio.create_task(reporter.run(), name=f"reporter {job.job_id}")
            verdict = await self._verdict(job, reporter)
        reporter.close()
        await self._drained(pump)
        ended = await self._record(job, verdict)
        log.info("job_ended", status=ended.status if ended else None, verdict=_words(verdict))
        return ended

    def stop(self, job_id: str, reason: StopReason) -> None:
        """
        Stop a running job; harmless for any other, and for one that has its permit.

        A cancel by force leaves its children no grace, also if they have their TERM already.
        """
        task, job = self._inner.get(job_id), self._ledger.state.jobs.get(job_id)
        if task is not None and job is not None and not job.is_permitted:
            self._reasons.setdefault(job_id, reason)
            if job.cancel is not None and job.cancel.force:
                self._graces[job_id].refuse()
            task.cancel()

    def stop_all(self) -> None:
        """Stop every running job because the daemon stops."""
        for job_id in list(self._inner):
            self.stop(job_id, StopReason.SHUTDOWN)

    async def _verdict(self, job: Job, reporter: Reporter) -> Verdict:
        self._graces[job.job_id] = grace.begin()
        task = asyncio.create_task(self._sync(job, reporter), name=f"sync {job.job_id}")
        self._inner[job.job_id] = task
        try:
            await asyncio.wait([task])
            return self._judge(job, task)
        finally:
            self._inner.pop(job.job_id, None)
            self._reasons.pop(job.job_id, None)
            self._graces.pop(job.job_id, None)

    def _judge(self, job: Job, task: asyncio.Task[Result]) -> Verdict:
        if task.cancelled():
            return _Stopped(self._reasons.get(job.job_id, StopReason.SHUTDOWN))
        match task.exception():
            case None:
                return task.result()
            case FaultError() as fault:
                return fault
            case PermitRefusedError():
                return _Stopped(StopReason.CANCEL)
            case Exception() as err:
                _log.error("job_broke", job_id=job.job_id, exc_info=err)
                return FaultError("internal", f"{type(err).__name__}: {err}")
            case err:
                raise err

    async def _drained(self, pump: asyncio.Task[None]) -> None:
        """Wait until what was reported is recorded; a report that came too late is dropped."""
        await asyncio.wait([pump])
        err = pump.exception()
        if err is not None and not isinstance(err, IllegalTransitionError | StoreError):
            raise err

    async def _record(self, job: Job, verdict: Verdict) -> Job | None:
        tries = 0
        while True:
            try:
                return await self._recorded(job, verdict)
            except StoreError as err:
                pause = RECORD_AGAIN_S[min(tries, len(RECORD_AGAIN_S) - 1)]
                _log.warning("verdict_kept", job_id=job.job_id, error=err.message, again_s=pause)
                tries += 1
                await asyncio.sleep(pause)
            except IllegalTransitionError as err:
                _log.warning("verdict_dropped", job_id=job.job_id, error=str(err))
                return None

    def _recorded(self, job: Job, verdict: Verdict) -> Awaitable[Job]:
        match verdict:
            case Result():
                return self._ledger.complete(job.job_id, verdict)
            case FaultError():
                return self._fault(job, verdict)
            case _Stopped():
                if verdict.reason is StopReason.CANCEL:
                    return self._ledger.cancelled(job.job_id)
                return self._ledger.interrupted(job.job_id)
            case _:
                assert_never(verdict)

    def _fault(self, job: Job, fault: FaultError) -> Awaitable[Job]:
        now = self._ledger.state.jobs.get(job.job_id) or job
        following = pipeline.after_fault(
            fault, attempt=job.attempt, max_attempts=self.max_attempts, jitter=self._jitter()
        )
        return self._ledger.end_attempt(job.job_id, pipeline.job_error(fault, now.phase), following)


def _words(verdict: Verdict) -> str:
    match verdict:
        case Result():
            return verdict.outcome
        case FaultError():
            return verdict.code
        case _Stopped():
            return f"stopped: {verdict.reason}"
        case _:
            assert_never(verdict)
