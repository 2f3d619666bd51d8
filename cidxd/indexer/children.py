"""
The processes that an indexer child starts: the only place of the indexer that starts any.

They stay in our process group, inherit the environment (the daemon made it safe), and are
known here, so that whoever stops the work can end them all.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

_BUFFER: Final = 1 << 20
Process = subprocess.Popen[bytes]  # noqa: TID251 - the place where the indexer starts processes
_running: set[Process] = set()
_gate = threading.Lock()  # held while a child starts, so that none is started and not known
_peak_bytes = 0


def start(argv: Sequence[str], *, stdin: bool, stderr: IO[bytes] | None) -> Process:
    """
    Start a child with a pipe from its stdout, and one to its stdin if wanted.

    Args:
        argv: Its command.
        stdin: Whether it reads from us; otherwise from nothing.
        stderr: A file to write errors to; None throws them away.

    Raises:
        OSError: It cannot be started.
    """
    with _gate:
        process = Process(
            argv,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if stderr is None else stderr,
            bufsize=_BUFFER,
            # The repository's lock is an inherited descriptor: held while any child lives.
            close_fds=False,
        )
        _running.add(process)
    return process


def end(process: Process) -> None:
    """End a child if it still runs, and forget it; its pipes are closed."""
    process.kill()
    process.wait()
    _running.discard(process)
    if process.stdout is not None:
        process.stdout.close()
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.close()


def kill_all() -> None:
    """End every child that still runs, at once."""
    for process in list(_running):
        with suppress(ProcessLookupError):
            process.kill()


def close_down() -> None:
    """End every child, wait until it is gone, and let no new one start in this process."""
    _gate.acquire()  # and never released
    kill_all()
    for process in list(_running):
        process.wait()


def stay() -> None:
    """Return at once, or never in a process that is closing down."""
    with _gate:
        return


def are_gone() -> bool:
    """Whether every child that was started was ended."""
    return not _running


def take_peak_bytes() -> int:
    """Return the largest resident memory seen of any child since the last call."""
    global _peak_bytes  # one build a process; its children end in many places
    for process in list(_running):
        sample(process)
    peak, _peak_bytes = _peak_bytes, 0
    return peak


def sample(process: Process) -> None:
    """Look how much memory a child has needed so far."""
    # Only a running child has a VmHWM, and ru_maxrss is never below our own peak.
    global _peak_bytes  # noqa: PLW0603 - see take_peak_bytes
    with suppress(OSError, ValueError, IndexError):
        status = Path(f"/proc/{process.pid}/status").read_text("ascii")
        peak = int(status.split("VmHWM:", 1)[1].split(None, 1)[0]) * 1024
        _peak_bytes = max(_peak_bytes, peak)
