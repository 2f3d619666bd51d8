"""
What a child used: its memory sampled while it lives, the rest exact when it has ended.

`ru_maxrss` is never below the parent's own peak at the fork, so peak memory is read
as VmHWM from /proc, for the child and its descendants.  What was read and written
stands there until the child is reaped, with the counts of those it waited for.
"""

from __future__ import annotations

import contextlib
import resource
from pathlib import Path
from typing import Final

from cidxd.model.report import Usage

SAMPLE_EVERY_S: Final = 0.2  # of a child that runs for a while; a young one is looked at sooner
_YOUNGEST_EVERY_S: Final = 0.002
_PROC: Final = Path("/proc")


class Meter:
    """
    Samples one child and its descendants.

    Args:
        pid: Of the child, just started.
        now_s: The time, in monotonic seconds.
    """

    def __init__(self, pid: int, now_s: float) -> None:
        self._pid = pid
        self._began_at = now_s
        self._sampled_at = float("-inf")
        self._peak_bytes = 0
        self._moved = (0, 0)

    def sample(self, now_s: float) -> None:
        """Look at the processes again, unless that was done a moment ago (monotonic seconds)."""
        if now_s - self._sampled_at < self.pause_s(now_s):
            return
        self._sampled_at = now_s
        for pid in _family(self._pid):
            self._peak_bytes = max(self._peak_bytes, _kilobytes(pid, "VmHWM"))

    def resident_bytes(self) -> int:
        """Return the child's memory that no file backs."""
        return _kilobytes(self._pid, "RssAnon")

    def finish(self) -> None:
        """Take the last counts of the child, which has ended and is not reaped yet."""
        self._moved = _moved_bytes(self._pid)

    def pause_s(self, now_s: float) -> float:
        """Return how long to wait between samples at *now_s*: a quarter of the child's age."""
        return min(SAMPLE_EVERY_S, max(_YOUNGEST_EVERY_S, (now_s - self._began_at) / 4))

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


def _kilobytes(pid: int, field: str) -> int:
    """Return a memory field of a process's status, in bytes; 0 when it is gone."""
    return int(_fields(pid, "status").get(field, "0 kB").split()[0]) * 1024


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
