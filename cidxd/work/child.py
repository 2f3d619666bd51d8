"""
A started child process: listened to, spoken to, and ended so that nothing is left.

`asyncio`'s own subprocesses wait for the pipes instead of the child, and reap it before
its rusage can be read; so this is a pidfd and wait4.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import resource
import signal
import subprocess
from collections import deque
from collections.abc import Callable
from typing import Final

from cidxd.errors import FaultError
from cidxd.model.report import Usage
from cidxd.work import allowance, grace, shield
from cidxd.work.meter import SAMPLE_EVERY_S, Meter, Work
from cidxd.work.pipe import Pipe, Sink

DRAIN_S: Final = 0.5  # for output that is in the pipes when the child ends, and ever more
STDERR_LIMIT: Final = 4096  # bytes kept of one line for people
TAIL_LINES: Final = 40
BUSY_FACTOR: Final = 10  # a child that works may be silent for so many times as long
_MEMORY_EVERY_S: Final = 0.05  # where memory has a limit, for it grows fast
_IDLE_SHARE: Final = 0.01  # of a processor; a git that waits for a dead remote needs a thousandth
_IDLE_BYTES: Final = 64 << 10


@dataclasses.dataclass(frozen=True, slots=True)
class Exit:
    """How a child ended: `code` is negative for a signal; `stdout` only if it was captured."""

    code: int
    stdout: bytes
    stderr_tail: str
    usage: Usage


class Child:
    """A started child; `proc.start` makes one, `end` must be awaited whatever happens."""

    def __init__(self, process: subprocess.Popen[bytes], stall_s: float, name: str) -> None:  # noqa: TID251 - the one place
        self._process = process
        self._stall_s = stall_s
        self._name = name
        self._allowance = allowance.current()
        self._loop = asyncio.get_running_loop()
        self._meter = Meter(process.pid, self._loop.time())
        self._tail: deque[bytes] = deque(maxlen=TAIL_LINES)
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._ending = asyncio.Lock()
        self._spent: tuple[int, resource.struct_rusage] | None = None
        self._heard_at = self._seen_at = self._looked_at = self._loop.time()
        self._work = Work()
        self._pidfd = os.pidfd_open(process.pid)
        self._loop.add_reader(self._pidfd, self._on_end)
        self._stdin: asyncio.WriteTransport | None = None
        self._sink = Sink()
        self._stdout: Pipe | None = None
        self._stderr: Pipe | None = None

    async def listen(self, line_limit: int, on_stderr: Callable[[bytes], None] | None) -> None:
        """Connect the pipes to the loop."""

        def heard(record: bytes) -> None:
            if record:
                self._tail.append(record)
                if on_stderr is not None:
                    on_stderr(record)

        self._stdout = stdout = Pipe(self._heard, line_limit)
        self._stderr = stderr = Pipe(self._heard, STDERR_LIMIT, records=heard)
        process = self._process
        await self._loop.connect_read_pipe(lambda: stdout, process.stdout)
        await self._loop.connect_read_pipe(lambda: stderr, process.stderr)
        self._stdin, _ = await self._loop.connect_write_pipe(lambda: self._sink, process.stdin)

    def send(self, data: bytes) -> None:
        """Write *data* to the child's stdin; one that ended takes it without a word."""
        self._heard_at = self._loop.time()  # it was ours to speak: its silence begins now
        if self._stdin is not None and not self._stdin.is_closing():
            self._stdin.write(data)

    def close_stdin(self) -> None:
        """Say that nothing more will be sent."""
        if self._stdin is not None:
            self._stdin.close()

    @property
    def stderr_tail(self) -> str:
        """The last lines that the child wrote for people."""
        return b"\n".join(self._tail).decode(errors="replace")

    @property
    def resident_bytes(self) -> int:
        """Memory of its own that it has now; files it has mapped are not counted."""
        return self._meter.resident_bytes()

    async def line(self) -> bytes | None:
        """
        Return the next line of stdout without its newline, None once there are no more.

        Raises:
            FaultError: `stalled`, `limit-exceeded`, or `child-protocol` for a line over the limit.
        """
        assert self._stdout is not None  # noqa: S101 - `start` listens before it returns
        self._check_memory()
        while (line := self._stdout.take()) is None:
            if self._stdout.is_at_end:
                return None
            if self._ended.done():
                await self._drained()
                return self._stdout.take()
            await self._wait([self._ended, self._stdout.news()])
        return line

    async def exited(self) -> Exit:
        """
        Wait until the child has ended and its output is read.

        Raises:
            FaultError: `stalled`, `limit-exceeded`.
        """
        while not self._ended.done():
            await self._wait([self._ended])
        await self._drained()
        await self.end()
        assert self._spent is not None  # noqa: S101 - `end` reaped it
        code, spent = self._spent
        stdout = self._stdout.rest() if self._stdout else b""
        return Exit(code, stdout, self.stderr_tail, self._meter.usage(spent))

    async def end(self) -> None:
        """End the whole group, if any of it is left, and reap the child; not interruptible."""
        await shield.uninterrupted(self._end())

    async def _end(self) -> None:
        async with self._ending:
            if self._spent is not None:
                return
            patience = grace.current()
            if not self._ended.done() and not patience.is_refused:
                self._signal(signal.SIGTERM)
                await patience.wait(self._ended)
            # Still unreaped, so the group's id cannot belong to anybody else yet.
            self._signal(signal.SIGKILL)
            await asyncio.wait([self._ended])
            _, status, spent = os.wait4(self._process.pid, 0)  # noqa: ASYNC222 - it is a zombie
            self._spent = os.waitstatus_to_exitcode(status), spent
            self._process.returncode = self._spent[0]
            patience.has_killed |= self._spent[0] == -signal.SIGKILL
            await self._close_pipes()

    async def _close_pipes(self) -> None:
        """Close what was connected, and wait until the loop has let go of it."""
        closed = [self._sink.closed] if self._stdin is not None else []
        for pipe in (self._stdout, self._stderr):
            if pipe is not None and pipe.is_connected:
                pipe.close()
                closed.append(pipe.at_end)
        if self._stdin is not None and not self._sink.closed.done():
            self._stdin.abort()
        if closed:
            await asyncio.wait(closed)

    def _signal(self, signum: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signum)

    def _on_end(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._meter.finish()
        if not self._ended.done():
            self._ended.set_result(None)

    def _heard(self) -> None:
        self._heard_at = self._loop.time()
        self._meter.sample(self._heard_at)

    async def _wait(self, signs: list[asyncio.Future[None]]) -> None:
        """Wait for one of *signs*, sampling meanwhile; raise for a child that must not go on."""
        now_s = self._loop.time()
        is_bounded = self._allowance.memory_mb is not None
        self._meter.every_s = _MEMORY_EVERY_S if is_bounded else SAMPLE_EVERY_S
        self._meter.sample(now_s)
        self._check_memory()
        self._check_life(now_s)
        left_s = max(self._heard_at, self._seen_at) + self._stall_s - now_s
        pause = min(self._meter.pause_s(now_s), left_s)
        await asyncio.wait(signs, timeout=pause, return_when=asyncio.FIRST_COMPLETED)

    def _check_memory(self) -> None:
        """Raise if the child and its descendants have more memory than they may."""
        limit = self._allowance.memory_mb
        if limit is None or self._meter.own_bytes <= limit << 20:
            return
        reached = f"{self._name}'s processes reached {-(-self._meter.own_bytes >> 20)} MB"
        raise FaultError("limit-exceeded", f"{self._allowance.setting} = {limit}: {reached}")

    def _check_life(self, now_s: float) -> None:
        """Raise once the child neither said nor did anything for too long, or hardly ever says."""
        self._look_at_work(now_s)
        silent_s = now_s - self._heard_at
        is_idle = now_s - max(self._heard_at, self._seen_at) >= self._stall_s
        if not is_idle and silent_s < BUSY_FACTOR * self._stall_s:
            return
        what = "said and did nothing" if is_idle else "was busy, but said nothing"
        limit = f"limits.stall_seconds = {self._stall_s:g}"
        raise FaultError("stalled", f"{limit}: {self._name} {what} for {silent_s:.0f} s")

    def _look_at_work(self, now_s: float) -> None:
        """Note now and then whether the child, however silent, was at work since the last look."""
        passed_s = now_s - self._looked_at
        if passed_s < self._stall_s / 4:
            return
        work, before = self._meter.work(), self._work
        self._looked_at, self._work = now_s, work
        cpu_s, moved_bytes = work.cpu_s - before.cpu_s, work.moved_bytes - before.moved_bytes
        is_at_work = cpu_s >= _IDLE_SHARE * passed_s or moved_bytes >= _IDLE_BYTES
        if is_at_work or work.is_running:
            self._seen_at = now_s

    async def _drained(self) -> None:
        """Read what is in the pipes; a grandchild that holds them open is not waited for."""
        pipes = [pipe for pipe in (self._stdout, self._stderr) if pipe is not None]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                while any(pipe.has_more for pipe in pipes):  # noqa: ASYNC110 - no event tells
                    await asyncio.sleep(0)  # a turn of the loop reads some of it
