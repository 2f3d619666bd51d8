"""
Starting one child process as a group, and running it to its end.

The only place of the daemon that starts processes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

from cidxd.errors import FaultError
from cidxd.indexer.protocol import LINE_LIMIT
from cidxd.work import orphans, shield, trace
from cidxd.work.child import Child, Exit


async def start(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    stall_s: float,
    on_stderr: Callable[[bytes], None] | None = None,
    pass_fds: Sequence[int] = (),
    line_limit: int = LINE_LIMIT,
) -> Child:
    """
    Start *argv* as the leader of its own session and group, and listen to it.

    Args:
        argv: The program and its arguments; no shell.
        env: Its whole environment.
        stall_s: Silent and idle for so long, its waiting methods raise.
        on_stderr: Told each record of stderr, ended by CR or LF.
        pass_fds: Locks of repositories that it inherits, and is noted in.
        line_limit: Bytes of one line of stdout.

    Raises:
        FaultError: `git-missing`, or `internal` when it cannot be started.
    """
    try:
        process = subprocess.Popen(  # noqa: TID251, ASYNC220 - the one place; vfork takes a millisecond
            list(argv),
            env=trace.environment(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=tuple(pass_fds),
        )
    except OSError as err:
        raise _start_fault(argv[0], err) from err
    for lock in pass_fds:
        orphans.note(lock, process.pid)
    child = Child(process, stall_s, _named(argv))
    try:
        # Cancelled half connected, a pipe would belong to nobody.
        await shield.uninterrupted(child.listen(line_limit, on_stderr))
    except BaseException:
        await child.end()
        raise
    return child


@contextlib.asynccontextmanager
async def started(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    stall_s: float,
    on_stderr: Callable[[bytes], None] | None = None,
    pass_fds: Sequence[int] = (),
) -> AsyncIterator[Child]:
    """Start *argv* for the length of the context; its whole group is gone afterwards."""
    child = await start(argv, env=env, stall_s=stall_s, on_stderr=on_stderr, pass_fds=pass_fds)
    try:
        yield child
    finally:
        await child.end()


async def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    stall_s: float,
    stdin: bytes = b"",
    on_stderr: Callable[[bytes], None] | None = None,
    capture: bool = False,
    on_line: Callable[[bytes], None] | None = None,
    pass_fds: Sequence[int] = (),
) -> Exit:
    """
    Run *argv* to its end; cancelled, its whole group is ended first.

    Args:
        argv: As for `start`.
        env: Likewise.
        stall_s: Likewise.
        on_stderr: Likewise.
        pass_fds: Likewise.
        stdin: All that it is sent.
        capture: Return its stdout, which must be small, instead of throwing it away.
        on_line: Told each line of stdout, without its newline.

    Raises:
        FaultError: `stalled`, `limit-exceeded`, `git-missing`.
    """
    child = await start(argv, env=env, stall_s=stall_s, on_stderr=on_stderr, pass_fds=pass_fds)
    try:
        child.send(stdin)
        child.close_stdin()
        captured: list[bytes] = []
        while (line := await child.line()) is not None:
            if capture:
                captured.append(line)
            if on_line is not None:
                on_line(line)
        ended = await child.exited()
        whole = b"".join(line + b"\n" for line in captured) + (ended.stdout if capture else b"")
        return dataclasses.replace(ended, stdout=whole)
    finally:
        await child.end()


def _named(argv: Sequence[str]) -> str:
    """Return what a child is called in the words of a fault."""
    return f"the {argv[-1]} child" if "cidxd.indexer" in argv else Path(argv[0]).name


def _start_fault(program: str, err: OSError) -> FaultError:
    if isinstance(err, FileNotFoundError):
        return FaultError("git-missing" if program == "git" else "internal", str(err))
    is_short = err.errno in {errno.EAGAIN, errno.ENOMEM}
    return FaultError("out-of-memory" if is_short else "internal", f"{program}: {err.strerror}")
