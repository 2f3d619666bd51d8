"""
Children that outlived their daemon: noted in the lock that they inherit, ended at the next start.

A process id alone may belong to somebody else by then, so the note has the start of the
process too, and what is found by it is signalled by pidfd only.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from cidxd.work.folders import DataFolder
from cidxd.work.grace import GRACE_S

_PROC: Final = Path("/proc")
_NOTES_LIMIT: Final = 65536  # bytes; a sync starts some twenty children
_KILLED_S: Final = 2.0  # for the kernel to take down what was killed


class Note(NamedTuple):
    """A process that led a group of its own, and its start in clock ticks since boot."""

    pid: int
    started: int


class Orphan(NamedTuple):
    """A child whose group was ended, and the repository whose lock it held."""

    repository_id: int
    pid: int


class _Stat(NamedTuple):
    """What /proc/PID/stat (proc(5)) says of a process."""

    group: int
    started: int
    is_zombie: bool


def note(descriptor: int, pid: int) -> None:
    """
    Write into an open lock file that the child *pid* inherits it.

    Without the note, of a full disk or of a kill right now, the next daemon waits for the
    child as long as a sync waits for a lock.
    """
    with contextlib.suppress(OSError):
        if (stat := _stat(pid)) is not None:
            os.write(descriptor, b"%d %d\n" % (pid, stat.started))


def noted(text: bytes) -> list[Note]:
    """Return the notes in a lock file, in their order; what is none is passed over."""
    rows = (line.split() for line in text.splitlines())
    return [Note(*map(int, row)) for row in rows if len(row) == 2 and all(map(_is_id, row))]  # noqa: PLR2004 - pid and start


def end(data: DataFolder, grace_s: float = GRACE_S) -> list[Orphan]:
    """
    End the groups of those noted in locks that are still held, and return their leaders.

    TERM first, then KILL after *grace_s* seconds; blocks until they are gone.  The caller
    has the data folder for itself and no child yet.
    """
    held = dict(_held(data))
    if not held:
        return []
    members = _groups()
    found: list[Orphan] = []
    with contextlib.ExitStack() as stack:
        pidfds: set[int] = set()
        for repository_id, notes in held.items():
            for leader in notes:
                if opened := _opened(leader, members, stack):
                    pidfds |= opened
                    found.append(Orphan(repository_id, leader.pid))
        left = _signalled(pidfds, signal.SIGTERM, grace_s)
        _signalled(left, signal.SIGKILL, _KILLED_S)
    return found


def _held(data: DataFolder) -> Iterator[tuple[int, list[Note]]]:
    """Yield the repositories whose lock somebody holds, and who is noted in it."""
    for path in data.repositories.glob("*/lock"):
        if path.parent.name.isdecimal():
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield int(path.parent.name), noted(os.pread(descriptor, _NOTES_LIMIT, 0))
            finally:
                os.close(descriptor)


def _groups() -> Mapping[int, list[int]]:
    """Return the processes of each group that there is."""
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for pid in (int(path.name) for path in _PROC.iterdir() if path.name.isdecimal()):
        if (stat := _stat(pid)) is not None:
            groups[stat.group].append(pid)
    return groups


def _opened(
    leader: Note, members: Mapping[int, list[int]], stack: contextlib.ExitStack
) -> set[int]:
    """Return pidfds of the noted one's group, closed by *stack*; none if that one is gone."""
    opened: set[int] = set()
    for pid in members.get(leader.pid, []):
        with contextlib.suppress(OSError):
            pidfd = os.pidfd_open(pid)
            stack.callback(os.close, pidfd)
            # Looked at once the pidfd stands: from here on it cannot become another process.
            stat = _stat(pid)
            if stat is not None and stat.group == leader.pid and not stat.is_zombie:
                opened.add(pidfd)
    first = _stat(leader.pid)  # last, so that the group was its group all the while
    is_same = first is not None and (first.group, first.started) == leader
    return opened if is_same else set()


def _signalled(pidfds: set[int], signum: signal.Signals, wait_s: float) -> set[int]:
    """Signal the processes, and return those that are still there after *wait_s* seconds."""
    waiting = select.poll()
    for pidfd in pidfds:
        waiting.register(pidfd, select.POLLIN)
        with contextlib.suppress(OSError):  # it has ended meanwhile
            signal.pidfd_send_signal(pidfd, signum)
    left, until = set(pidfds), time.monotonic() + wait_s
    while left and (rest_s := until - time.monotonic()) > 0:
        for pidfd, _ in waiting.poll(rest_s * 1000):
            waiting.unregister(pidfd)
            left.discard(pidfd)
    return left


def _stat(pid: int) -> _Stat | None:
    """Return what is known of a process, None when it is gone."""
    try:
        text = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    fields = text.rpartition(b")")[2].split()  # from the third on: a name may have any bytes
    return _Stat(int(fields[2]), int(fields[19]), is_zombie=fields[0] == b"Z")


def _is_id(word: bytes) -> bool:
    return word.isdigit() and len(word) < 20 and int(word) > 0  # noqa: PLR2004 - digits of 64 bits
