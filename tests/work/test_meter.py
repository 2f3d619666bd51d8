from __future__ import annotations

import sys
from pathlib import Path

from cidxd.model.report import Usage
from cidxd.work import proc


async def usage_of(code: str, *args: str) -> Usage:
    ended = await proc.run([sys.executable, "-c", code, *args], env={}, stall_s=30)
    assert (ended.code, ended.stderr_tail) == (0, "")
    return ended.usage


SPIN = "import os, subprocess, sys\nwhile sum(os.times()[:2]) < 0.3: pass\n"


async def test_cpu_is_the_childs_and_that_of_whom_it_waited_for() -> None:
    own = await usage_of(SPIN)
    both = await usage_of(SPIN + f"subprocess.run([sys.executable, '-c', {SPIN!r}])")
    assert 0.3 <= own.cpu_seconds < 0.6 <= both.cpu_seconds < 1.5


async def test_peak_memory_is_the_childs_and_not_its_parents() -> None:
    ballast = bytearray(200 << 20)
    small = await usage_of("import time; print('talks', flush=True); time.sleep(0.3)")
    large = await usage_of("import time; x = bytearray(b'x') * (80 << 20); time.sleep(0.5)")
    assert len(ballast) > 80 << 20 < large.peak_rss_bytes < 160 << 20
    assert 1 << 20 < small.peak_rss_bytes < 40 << 20


async def test_the_peak_of_a_grandchild_counts() -> None:
    grown = "import time; x = bytearray(b'x') * (80 << 20); time.sleep(0.5)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grown!r}])"
    assert (await usage_of(code)).peak_rss_bytes > 80 << 20


async def test_what_is_written_to_storage_is_counted_to_the_end(tmp_path: Path) -> None:
    code = (
        "import os, sys; f = open(sys.argv[1], 'wb'); f.write(b'x' * (1 << 20)); f.flush();"
        " os.fsync(f)"
    )
    written = (await usage_of(code, str(tmp_path / "file"))).written_bytes
    # A file system adds blocks of its own; one in memory writes to no storage.
    assert written == 0 or 1 << 20 <= written < (1 << 20) + (64 << 10)
