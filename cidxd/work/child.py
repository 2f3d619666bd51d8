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
from cidxd.work import grace, shield
from cidxd.work.meter import Meter
from cidxd.work.pipe import Pipe, Sink

DRAIN_S: Final = 0.5  # for output that is in the pipes when the child ends, and ever more
STDERR_LIMIT: Final = 4096  # bytes kept of one line for people
TAIL_LINES: Final = 40


@dataclasses.dataclass(frozen=True, slots=True)
class Exit:
    """How a child ended: `code` is negative for a signal; `stdout` only if it was captured."""

    code: int
    stdout: bytes
    stderr_tail: str
    usage: Usage


class Child:
    """A started child; `proc.start` makes one, `end` must be awaited whatever happens."""

    def __init__(self, process: subprocess.Popen[bytes], stall_s: float) -> None:  # noqa: TID251 - the one place
        self._process = process
        self._stall_s = stall_s
        self._loop = asyncio.get_running_loop()
        self._meter = Meter(process.pid, self._loop.time())
        self._tail: deque[bytes] = deque(maxlen=TAIL_LINES)
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._ending = asyncio.Lock()
        self._spent: tuple[int, resource.struct_rusage] | None = None
        self._heard_at = self._loop.time()
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
            FaultError: `stalled`, or `child-protocol` for a line over the limit.
        """
        assert self._stdout is not None  # noqa: S101 - `start` listens before it returns
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
            FaultError: `stalled`.
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
        """Wait for one of *signs*, sampling meanwhile; raise once the child was silent too long."""
        self._meter.sample(self._loop.time())
        silent_s = self._loop.time() - self._heard_at
        if silent_s >= self._stall_s:
            raise FaultError("stalled", f"silent for {silent_s:.0f} s")
        pause = min(self._meter.pause_s(self._loop.time()), self._stall_s - silent_s)
        await asyncio.wait(signs, timeout=pause, return_when=asyncio.FIRST_COMPLETED)

    async def _drained(self) -> None:
        """Read what is in the pipes; a grandchild that holds them open is not waited for."""
        pipes = [pipe for pipe in (self._stdout, self._stderr) if pipe is not None]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                while any(pipe.has_more for pipe in pipes):  # noqa: ASYNC110 - no event tells
                    await asyncio.sleep(0)  # a turn of the loop reads some of it
