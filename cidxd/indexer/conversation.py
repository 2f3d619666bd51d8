"""
A build or upkeep child's side of the line protocol: what it says, and when it has to stop.

A thread of its own reads stdin, so that the end of file (the daemon is gone or gave up)
or SIGTERM ends the process at any moment until `publish` was read; after that nothing
on stdin stops it, since a permit that was given is carried out.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from cidxd import machine
from cidxd.errors import FaultError
from cidxd.indexer import children, protocol
from cidxd.indexer.usage import peak_rss_bytes, read_usage

_STDIN: Final = 0
_STDOUT: Final = 1
_CHUNK: Final = 1 << 16
_REQUEST_LIMIT: Final = 64 << 20  # bytes; with every branch that a remote may have it is less


class Conversation:
    """
    One exchange with the daemon; made once a process, in its main thread.

    Attributes:
        on_stop: Called before the process ends early; removes what is half done.
    """

    def __init__(self) -> None:
        self.on_stop: Callable[[], None] = lambda: None
        self._request: dict[str, Any] = {}
        self._has_request = threading.Event()
        self._may_publish = threading.Event()
        self._ending = threading.RLock()  # whoever takes it decides how the process ends
        self._last_progress_s = 0.0
        self._wake, wake_writer = os.pipe()
        os.set_blocking(wake_writer, False)
        # The signal must be seen while the main thread is in a long sort or a read:
        # the C handler writes to the pipe at once, a Python handler would wait.
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
        threading.Thread(target=self._listen, name="stdin", daemon=True).start()
        self.say({"type": "hello", "version": protocol.VERSION})

    def request(self) -> dict[str, Any]:
        """Wait for the request and return it."""
        self._has_request.wait()
        return self._request

    def wait_for_permit(self) -> None:
        """Wait until the daemon says `publish`."""
        self._may_publish.wait()

    def say(self, message: dict[str, Any]) -> None:
        """Write one line; a daemon that no longer reads is one that is gone."""
        try:
            rest = memoryview(protocol.encode(message))
            while rest:
                rest = rest[os.write(_STDOUT, rest) :]
        except BrokenPipeError:
            self._stop()

    def fail(self, fault: FaultError) -> None:
        """Say what went wrong, as the last word."""
        self.conclude({"type": "failed", "code": fault.code, "detail": fault.detail})

    def conclude(self, message: dict[str, Any]) -> None:
        """Say the last word: what comes on stdin changes nothing any more."""
        self._ending.acquire()
        self.say(message)

    def progress(self, done: int, total: int, unit: str, bytes_done: int = 0) -> None:
        """Tell how far the running phase is, but not too often."""
        now_s = time.monotonic()
        if now_s - self._last_progress_s < protocol.PROGRESS_EVERY_S:
            return
        self._last_progress_s = now_s
        self.say(
            {"type": "progress", "done": done, "total": total, "unit": unit, "bytes": bytes_done}
        )

    @contextmanager
    def phase(self, name: str) -> Iterator[dict[str, int]]:
        """Run a phase: the caller fills the counters it is given; a fault leaves the phase open."""
        self.say({"type": "phase", "name": name})
        before = read_usage()
        counters: dict[str, int] = {}
        yield counters
        after = read_usage()
        usage = {
            "cpu_seconds": round(after.cpu_seconds - before.cpu_seconds, 6),
            "peak_rss_bytes": max(peak_rss_bytes(), children.take_peak_bytes()),
            "read_bytes": after.read_bytes - before.read_bytes,
            "written_bytes": after.written_bytes - before.written_bytes,
        }
        self.say({"type": "phase_done", "name": name, "counters": counters, "usage": usage})

    def _listen(self) -> None:
        pending = bytearray()
        while not self._may_publish.is_set():
            ready, _, _ = select.select([_STDIN, self._wake], [], [])
            data = os.read(_STDIN, _CHUNK) if _STDIN in ready and self._wake not in ready else b""
            if not data:
                self._stop()
            pending += data
            while b"\n" in pending:
                line, _, pending = pending.partition(b"\n")
                self._hear(bytes(line))
            if len(pending) > _REQUEST_LIMIT:
                self._hear(b"")  # not JSON, which is as good a request
                pending.clear()

    def _hear(self, line: bytes) -> None:
        """Take the first line for the request, whatever it is: what is wrong with it is said."""
        try:
            message = protocol.decode(line)
        except ValueError as err:
            message = {"type": "unreadable", "detail": str(err)}
        if not self._has_request.is_set():
            self._request = message
            self._has_request.set()
        elif message.get("type") == "publish":
            self._may_publish.set()

    def _stop(self) -> None:
        if self._may_publish.is_set():
            return
        self._ending.acquire()
        children.close_down()
        self.on_stop()
        os._exit(protocol.EXIT_STOPPED)


def expect(message: dict[str, Any], kind: str) -> dict[str, Any]:
    """
    Return *message* if it is of this kind and of our version.

    Raises:
        FaultError: `child-protocol`.
    """
    if message.get("type") != kind or message.get("version") != protocol.VERSION:
        raise FaultError("child-protocol", f"not a {kind} request: {str(message)[:200]}")
    return message


def translate(err: Exception) -> FaultError:
    """Return the fault that an exception means to who asked."""
    if isinstance(err, FaultError):
        return err
    return machine.fault_of(err) or FaultError("index-failed", f"{type(err).__name__}: {err}")
