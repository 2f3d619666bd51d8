"""
What a child used: its memory sampled while it lives, the rest exact when it has ended.

`ru_maxrss` is never below the parent's own peak at the fork, so peak memory is read
as VmHWM from /proc, for the child and its descendants.  What was read and written
stands there until the child is reaped, with the counts of those it waited for.
"""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from cidxd.model.report import Usage

SAMPLE_EVERY_S: Final = 0.2  # of a child that runs for a while; a young one is looked at sooner
_TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")
_YOUNGEST_EVERY_S: Final = 0.002
_PROC: Final = Path("/proc")


class Work(NamedTuple):
    """
    What a child and its descendants have done so far.

    Attributes:
        cpu_s: Processor time, in seconds.
        moved_bytes: Read and written, from and to whatever it was.
        is_running: One of them has a processor, or would have one if it were free.
    """

    cpu_s: float = 0.0
    moved_bytes: int = 0
    is_running: bool = False


class Meter:
    """
    Samples one child and its descendants.

    Args:
        pid: Of the child, just started.
        now_s: The time, in monotonic seconds.

    Attributes:
        own_bytes: Memory that no file backs, of all of them, at the last two samples: the
            smaller of both, since between fork and exec a process shows its parent's once more.
        every_s: How often a child that runs for a while is looked at; may change.
    """

    def __init__(self, pid: int, now_s: float) -> None:
        self._pid = pid
        self._began_at = now_s
        self._sampled_at = float("-inf")
        self._peak_bytes = 0
        self._moved = (0, 0)
        self._last_own_bytes = 0
        self.own_bytes = 0
        self.every_s = SAMPLE_EVERY_S

    def sample(self, now_s: float) -> None:
        """Look at the processes again, unless that was done a moment ago (monotonic seconds)."""
        if now_s - self._sampled_at < self.pause_s(now_s):
            return
        self._sampled_at = now_s
        own_bytes = 0
        for pid in _family(self._pid):
            fields = _fields(pid, "status")
            self._peak_bytes = max(self._peak_bytes, _kilobytes(fields, "VmHWM"))
            own_bytes += _kilobytes(fields, "RssAnon")
        self.own_bytes = min(own_bytes, self._last_own_bytes)
        self._last_own_bytes = own_bytes

    def work(self) -> Work:
        """Return what was done so far; less than before if one has ended that nobody waited for."""
        done = [_work(pid) for pid in _family(self._pid)]
        return Work(
            sum(one.cpu_s for one in done),
            sum(one.moved_bytes for one in done),
            any(one.is_running for one in done),
        )

    def resident_bytes(self) -> int:
        """Return the child's memory that no file backs."""
        return _kilobytes(_fields(self._pid, "status"), "RssAnon")

    def finish(self) -> None:
        """Take the last counts of the child, which has ended and is not reaped yet."""
        self._moved = _moved_bytes(self._pid)

    def pause_s(self, now_s: float) -> float:
        """Return how long to wait between samples at *now_s*: a quarter of the child's age."""
        return min(self.every_s, max(_YOUNGEST_EVERY_S, (now_s - self._began_at) / 4))

    def usage(self, spent: resource.struct_rusage) -> Usage:
        """Return what was used; *spent* is the ended child's rusage, with whom it waited for."""
        return Usage(
            cpu_seconds=spent.ru_utime + spent.ru_stime,
            peak_rss_bytes=self._peak_bytes,
            read_bytes=self._moved[0],
            written_bytes=self._moved[1],
        )


def _family(pid: int) -> list[int]:
    """Return *pid* and its living descendants."""
    found = [pid]
    for member in found:
        with contextlib.suppress(OSError):
            children = (_PROC / str(member) / "task" / str(member) / "children").read_text()
            found.extend(int(child) for child in children.split())
    return found


def _kilobytes(status: Mapping[str, str], field: str) -> int:
    """Return a memory field of a process's status, in bytes; 0 when it is gone."""
    return int(status.get(field, "0 kB").split()[0]) * 1024


def _work(pid: int) -> Work:
    """Return what a process has done, with those it waited for; nothing when it is gone."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
    except OSError:
        return Work()
    state, *fields = stat.rpartition(")")[2].split()
    ticks = sum(map(int, fields[10:14]))  # utime, stime, cutime, cstime: proc(5)
    moved = _fields(pid, "io")
    counted = ("rchar", "wchar", "read_bytes", "write_bytes")
    moved_bytes = sum(int(moved.get(name, 0)) for name in counted)
    return Work(ticks / _TICKS_A_SECOND, moved_bytes, state == "R")


def _moved_bytes(pid: int) -> tuple[int, int]:
    """Return the bytes read from storage and written to it."""
    fields = _fields(pid, "io")
    return int(fields.get("read_bytes", 0)), int(fields.get("write_bytes", 0))


def _fields(pid: int, name: str) -> dict[str, str]:
    """Return the `key: value` lines of a process's file, empty when it is gone."""
    with contextlib.suppress(OSError):
        lines = (_PROC / str(pid) / name).read_text("utf-8", "replace").splitlines()
        return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}
    return {}
