"""What this process and the children it waited for have used, read from the kernel."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import NamedTuple


class Reading(NamedTuple):
    """Totals since the process began: CPU in seconds, bytes through the block layer."""

    cpu_seconds: float
    read_bytes: int
    written_bytes: int


def read_usage() -> Reading:
    """Return the totals now; the byte counts are 0 where the kernel does not tell them."""
    cpu = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        used = resource.getrusage(who)
        cpu += used.ru_utime + used.ru_stime
    # The kernel adds a waited child's counts to /proc/self/io, as it does for CPU.
    io = _numbers("/proc/self/io")
    return Reading(cpu, io.get("read_bytes", 0), io.get("write_bytes", 0))


def peak_rss_bytes() -> int:
    """Return this process's largest resident memory; 0 where the kernel does not tell."""
    return _numbers("/proc/self/status").get("VmHWM", 0) * 1024


def _numbers(path: str) -> dict[str, int]:
    try:
        lines = Path(path).read_text("utf-8", "replace").splitlines()
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    words = {name: value.split() for name, value in pairs}
    return {name: int(value[0]) for name, value in words.items() if value and value[0].isdigit()}
