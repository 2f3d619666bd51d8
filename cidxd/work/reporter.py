"""
Progress on its way to the ledger: in order, thinned, the newest winning.

What begins or ends a phase is never dropped.  Progress in between is recorded at
most every 250 ms when the whole percentage moved, else every 2 s.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from cidxd.model import estimate
from cidxd.model.job import Job
from cidxd.model.report import PhaseProgressed, Report

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
    """

    def __init__(self, job: Job, record: Record, say: Callable[[str], None] | None = None) -> None:
        self._job = job
        self._record = record
        self._say = say
        self._pending: deque[Report] = deque()
        self._arrived = asyncio.Event()
        self._recorded_at = float("-inf")
        self._is_closed = False
        self._is_recording = False
        self._is_hurried = False
        self._all_recorded = asyncio.Event()

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
        while self._pending or not self._is_closed:
            if not self._pending:
                self._arrived.clear()
                await self._arrived.wait()
                continue
            await self._hold_back()
            await self._record_next()

    def close(self) -> None:
        """Let `run` end once everything is recorded."""
        self._is_closed = True
        self._arrived.set()

    async def flushed(self) -> None:
        """Wait until everything taken so far is recorded; progress is not held back for it."""
        if self._pending or self._is_recording:
            self._is_hurried = True
            self._all_recorded.clear()
            self._arrived.set()
            await self._all_recorded.wait()

    async def _record_next(self) -> None:
        report = self._pending.popleft()
        self._is_recording = True
        try:
            self._job = await self._record(report)
        finally:
            self._is_recording = False
            if not self._pending:
                self._is_hurried = False
                self._all_recorded.set()
        self._recorded_at = asyncio.get_running_loop().time()

    async def _hold_back(self) -> None:
        """Wait until the one progress report that is pending is due or overtaken by a phase."""
        while self._holds_progress_only():
            self._arrived.clear()
            delay = self._recorded_at + self._pause() - asyncio.get_running_loop().time()
            if delay <= 0:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._arrived.wait()

    def _holds_progress_only(self) -> bool:
        is_progress = isinstance(self._pending[0], PhaseProgressed)
        is_pressed = self._is_closed or self._is_hurried
        return len(self._pending) == 1 and is_progress and not is_pressed

    def _pause(self) -> float:
        report = self._pending[0]
        if not isinstance(report, PhaseProgressed):
            return 0.0
        has_moved = int(estimate.after(self._job, report)) > int(self._job.progress)
        return MOVED_EVERY_S if has_moved else SAME_EVERY_S
