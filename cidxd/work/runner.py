"""
One claimed job from its first phase to its verdict.

The outer task is never cancelled: it cancels the inner one, which ends the child
processes, and records the verdict, also through a store that refuses for a while.
"""

from __future__ import annotations

import asyncio
import dataclasses
import enum
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol, assert_never

import structlog

from cidxd import machine
from cidxd.errors import FaultError
from cidxd.model import course, pipeline
from cidxd.model import trace as trace_ids
from cidxd.model.course import PermitRefusedError, Result
from cidxd.model.job import Event, IllegalTransitionError, Job, Kind
from cidxd.model.report import Report
from cidxd.store.ledger import Ledger
from cidxd.work import grace, held, trace
from cidxd.work.grace import Grace
from cidxd.work.joblog import JobLogs
from cidxd.work.reporter import Reporter

_log = structlog.get_logger()


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
        _bind(job)  # this task, and those that it starts, are the job's alone
        _log.info("job_started")
        with self._logs.pen(job.job_id) as say:
            reporter = Reporter(
                job,
                lambda report: self._report(job.job_id, report),
                say,
                course.timings_of(self._ledger.state, job),
            )
            pump = asyncio.create_task(reporter.run(), name=f"reporter {job.job_id}")
            verdict = await self._verdict(job, reporter)
        reporter.close()
        await self._drained(pump)
        ended = await self._record(job, verdict)
        _log.info("job_ended", status=ended.status if ended else None, **_words(verdict))
        return ended

    def notice(self, events: Iterable[Event]) -> None:
        """Stop the jobs whose cancel was just committed, whoever still waits for the answer."""
        for event in events:
            if event.kind is Kind.CANCEL_REQUESTED:
                self.stop(event.job_id, StopReason.CANCEL)

    def stop(self, job_id: str, reason: StopReason) -> None:
        """
        Stop a running job; harmless for any other, and for one that has its permit.

        A cancel by force leaves its children no grace, also if they have their TERM already.
        """
        task, job = self._inner.get(job_id), self._ledger.state.jobs.get(job_id)
        if task is not None and job is not None and not job.is_permitted:
            self._reasons.setdefault(job_id, reason)
            self._graces[job_id].limit()
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
        now = self._ledger.state.jobs.get(job.job_id)
        if now is not None and now.cancel is not None:  # since the claim: nobody was here to stop
            self.stop(job.job_id, StopReason.CANCEL)
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
            case Exception() as err if (refused := machine.fault_of(err)) is not None:
                return refused
            case Exception() as err:
                _log.error("job_broke", job_id=job.job_id, exc_info=err)
                return FaultError("internal", f"{type(err).__name__}: {err}")
            case err:
                raise err

    async def _report(self, job_id: str, report: Report) -> Job:
        return await held.recorded(lambda: self._ledger.report(job_id, report), "report", job_id)

    async def _drained(self, pump: asyncio.Task[None]) -> None:
        """Wait until what was reported is recorded; a report that came too late is dropped."""
        await asyncio.wait([pump])
        err = pump.exception()
        if err is not None and not isinstance(err, IllegalTransitionError):
            raise err

    async def _record(self, job: Job, verdict: Verdict) -> Job | None:
        try:
            return await held.recorded(lambda: self._recorded(job, verdict), "verdict", job.job_id)
        except IllegalTransitionError as err:
            _log.warning("verdict_dropped", job_id=job.job_id, error=str(err))
            return None
        except Exception as err:
            if isinstance(verdict, FaultError) and verdict.code == "internal":
                raise
            # Without a verdict it would hold its place until the daemon is started again.
            _log.error("verdict_broke", job_id=job.job_id, exc_info=err)
            return await self._record(job, FaultError("internal", f"{type(err).__name__}: {err}"))

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
        jitter = self._jitter()
        following = pipeline.after_fault(
            fault,
            attempt=job.attempt,
            max_attempts=self.max_attempts,
            jitter=jitter,
            earlier=[tried.error.code for tried in now.attempts if tried.error is not None],
        )
        return self._ledger.end_attempt(
            job.job_id,
            pipeline.job_error(fault, now.phase),
            following,
            jitter=jitter,
            retry_after_s=fault.retry_after_s,
        )


def _bind(job: Job) -> None:
    """Let everything that the current task logs and starts tell which job it is for."""
    trace.begin(job.traceparent)
    bound = {"trace_id": trace_ids.id_of(job.traceparent)} if job.traceparent else {}
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(
        job_id=job.job_id, repository=job.repository, attempt=job.attempt, **bound
    )


def _words(verdict: Verdict) -> dict[str, Any]:
    """Return what the log says of a verdict: its fault by the code and class of the table."""
    match verdict:
        case Result():
            return {"verdict": verdict.outcome}
        case FaultError():
            fault = {"fault": verdict.code, "retryable": verdict.transient}
            return {"verdict": "fault", **fault, "detail": verdict.detail}
        case _Stopped():
            return {"verdict": f"stopped: {verdict.reason}"}
        case _:
            assert_never(verdict)
