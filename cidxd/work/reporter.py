"""
Progress on its way to the ledger: in order, thinned, the newest winning.

What begins or ends a phase is never dropped, nor the first word of a step.  Progress in
between is recorded after 50 ms when the percentage moved by five, after 250 ms when it
moved by one, else after 2 s.  Where nothing is told, time alone may move it.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from cidxd.model import estimate, records
from cidxd.model.job import Job
from cidxd.model.report import PhaseProgressed, Report, TimePassed
from cidxd.model.timing import Timing
from cidxd.store.database import StoreError

LEAPT: Final = 5  # percent that are told sooner, so that a short sync is seen moving
LEAPT_EVERY_S: Final = 0.05
MOVED_EVERY_S: Final = 0.25
SAME_EVERY_S: Final = 2.0

Record = Callable[[Report], Awaitable[Job]]


class Reporter:
    """
    Takes reports at any pace and records them at a sane one.

    Args:
        job: The job as claimed.
        record: Commits one report and returns the job after it.
        say: Keeps a line in the job's log.
        timings: Of the repository's last syncs.
    """

    def __init__(
        self,
        job: Job,
        record: Record,
        say: Callable[[str], None] | None = None,
        timings: Sequence[Timing] = (),
    ) -> None:
        self._job = job
        self._record = record
        self._say = say
        self._timings = timings
        self._began_at = 0.0
        self._step: str | None = None
        self._pending: deque[Report] = deque()
        self._arrived = asyncio.Event()
        self._recorded_at = 0.0
        self._is_closed = False
        self._is_recording = False
        self._is_hurried = False
        self._all_recorded = asyncio.Event()
        self._broke: Exception | None = None

    def __call__(self, report: Report) -> None:
        """Take *report*; it is recorded soon, unless newer progress overtakes it."""
        last = self._pending[-1] if self._pending else None
        if isinstance(report, PhaseProgressed) and isinstance(last, PhaseProgressed):
            self._pending.pop()
        self._pending.append(report)
        self._arrived.set()

    def git_said(self, line: str) -> None:
        """Keep a line that git wrote for people."""
        if self._say is not None:
            self._say(f"git: {line}")

    def indexer_said(self, line: bytes) -> None:
        """Keep a line that the build child wrote for people."""
        if self._say is not None:
            self._say(f"indexer: {line.decode('utf-8', 'replace')}")

    async def run(self) -> None:
        """Record what comes, until `close`; then what is left."""
        try:
            await self._recorded()
        except Exception as err:
            self._broke = err
            self._all_recorded.set()
            raise

    async def _recorded(self) -> None:
        self._began_at = asyncio.get_running_loop().time()
        while self._pending or not self._is_closed:
            if self._is_due():
                await self._record_next()
            else:
                self._arrived.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._look_again_s()):
                        await self._arrived.wait()

    def close(self) -> None:
        """Let `run` end once everything is recorded."""
        self._is_closed = True
        self._arrived.set()

    async def flushed(self) -> None:
        """
        Wait until everything taken so far is recorded; progress is not held back for it.

        Raises what ended `run`, if that did not end by itself: nothing is recorded any more.
        """
        if self._broke is None and (self._pending or self._is_recording):
            self._is_hurried = True
            self._all_recorded.clear()
            self._arrived.set()
            await self._all_recorded.wait()
        if self._broke is not None:
            raise self._broke

    async def _record_next(self) -> None:
        report = self._pending.popleft()
        self._is_recording = True
        try:
            self._job = await self._record(report)
        except StoreError:
            if not isinstance(report, TimePassed):  # which is nobody's news
                raise
        finally:
            self._is_recording = False
            if not self._pending:
                self._is_hurried = False
                self._all_recorded.set()
        if not isinstance(report, TimePassed):
            self._step = report.step if isinstance(report, PhaseProgressed) else None
        self._recorded_at = asyncio.get_running_loop().time()

    def _is_due(self) -> bool:
        """Return whether to record the first of what is pending; time alone may become that."""
        if not self._pending:
            if self._is_closed or self._quiet_s() < self._pause_s(None):
                return False
            self._pending.append(TimePassed())
            return True
        report = self._pending[0]
        is_pressed = self._is_closed or self._is_hurried or len(self._pending) > 1
        if is_pressed or not isinstance(report, PhaseProgressed) or report.step != self._step:
            return True
        return self._quiet_s() >= self._pause_s(report)

    def _pause_s(self, report: PhaseProgressed | None) -> float:
        """Return how long after the last record *report*, or the time, is worth another one."""
        running_s = asyncio.get_running_loop().time() - self._began_at
        now = self._job.attempts[-1].started_at + running_s
        job = self._job if report is None else _after(self._job, report, now)
        moved = int(estimate.reached(job, self._timings, now=now)) - int(self._job.progress)
        if moved >= LEAPT:
            return LEAPT_EVERY_S
        if moved > 0:
            return MOVED_EVERY_S
        return float("inf") if report is None else SAME_EVERY_S

    def _quiet_s(self) -> float:
        return asyncio.get_running_loop().time() - self._recorded_at

    def _look_again_s(self) -> float:
        """Return when to look at the time again: often while the job is young."""
        gone_s = asyncio.get_running_loop().time() - self._began_at
        return min(MOVED_EVERY_S, max(LEAPT_EVERY_S, gone_s / 50))


def _after(job: Job, report: PhaseProgressed, now: float) -> Job:
    record = estimate.taken(job.record_of(report.phase), report, at=now)
    return dataclasses.replace(job, phases=records.replaced(job.phases, record))
