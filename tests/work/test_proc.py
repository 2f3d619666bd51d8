from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from cidxd.errors import FaultError
from cidxd.work import grace, proc
from cidxd.work.allowance import Allowance, granted
from cidxd.work.child import TAIL_LINES

ENV = {"PATH": os.environ["PATH"]}


def python(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", code]


async def gone(pid: int) -> bool:
    """Tell whether *pid* ends within two seconds; it may be a zombie of init's by now."""
    async with asyncio.timeout(2):
        while is_alive(pid):  # noqa: ASYNC110 - nobody tells when a grandchild ends
            await asyncio.sleep(0)
    return True


def is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


async def test_a_child_is_run_to_its_end_with_its_output_and_what_it_used() -> None:
    ended = await proc.run(
        python("import sys; print(sys.stdin.read().upper()); sum(range(10**6))"),
        env=ENV,
        stall_s=30,
        stdin=b"hello",
        capture=True,
    )
    assert (ended.code, ended.stdout) == (0, b"HELLO\n")
    assert ended.usage.cpu_seconds > 0
    assert ended.usage.peak_rss_bytes > 1 << 20


async def test_reading_to_end_of_file_does_not_hang_because_a_grandchild_holds_the_pipe() -> None:
    code = "import os, time\npid = os.fork()\nif pid == 0:\n    time.sleep(600)\nprint(pid)\n"
    async with asyncio.timeout(10):
        ended = await proc.run(python(code), env=ENV, stall_s=30, capture=True)
    assert await gone(int(ended.stdout))


async def test_a_full_stderr_pipe_does_not_deadlock_and_a_flood_does_not_grow_memory() -> None:
    code = "import sys\nfor i in range(20000): sys.stderr.write('x' * 1000 + '\\r')\nprint('done')"
    seen = 0

    def count(record: bytes) -> None:
        nonlocal seen
        seen += 1
        assert len(record) == 1000

    ended = await proc.run(python(code), env=ENV, stall_s=30, capture=True, on_stderr=count)
    assert ended.stdout == b"done\n"
    assert seen == 20000
    assert len(ended.stderr_tail) <= TAIL_LINES * 1001


async def test_a_line_over_the_limit_is_a_fault_and_ends_the_child() -> None:
    code = (
        "import sys, time\nsys.stdout.write('x' * 5_000_000)\nsys.stdout.flush()\ntime.sleep(600)"
    )
    with pytest.raises(FaultError) as caught:
        async with proc.started(python(code), env=ENV, stall_s=30) as child:
            await child.line()
    assert caught.value.code == "child-protocol"


async def test_a_silent_child_is_stalled() -> None:
    with pytest.raises(FaultError) as caught:
        await proc.run(python("import time; time.sleep(600)"), env=ENV, stall_s=0.3)
    assert caught.value.code == "stalled"


async def test_a_child_that_talks_is_never_stalled() -> None:
    code = "import time\nfor i in range(8): print(i); time.sleep(0.1)"
    ended = await proc.run(python(code), env=ENV, stall_s=0.4, capture=True)
    assert ended.stdout.count(b"\n") == 8


async def test_a_silent_child_is_named_with_the_limit_and_the_seconds() -> None:
    with pytest.raises(FaultError) as caught:
        await proc.run(["sleep", "600"], env=ENV, stall_s=0.5)
    said = "limits.stall_seconds = 0.5: sleep said and did nothing for "
    assert caught.value.detail.startswith(said)


async def test_a_silent_child_that_works_is_not_stalled() -> None:
    code = "import time\nend = time.monotonic() + 2\nwhile time.monotonic() < end: pass"
    assert (await proc.run(python(code), env=ENV, stall_s=0.5)).code == 0


async def test_a_silent_child_whose_own_child_works_is_not_stalled() -> None:
    code = "import time\nend = time.monotonic() + 2\nwhile time.monotonic() < end: pass"
    both = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    assert (await proc.run(python(both), env=ENV, stall_s=0.5)).code == 0


async def test_a_child_that_works_for_ever_without_a_word_is_stalled_in_the_end() -> None:
    with pytest.raises(FaultError) as caught:
        await proc.run(python("while True: pass"), env=ENV, stall_s=0.2)
    assert caught.value.code == "stalled"
    assert "was busy, but said nothing for 2 s" in caught.value.detail


GROWS = "x = bytearray(b'x') * (80 << 20); print('grown', flush=True); import time; time.sleep(600)"


@pytest.mark.parametrize("is_grandchild", [False, True])
async def test_a_child_with_more_memory_than_it_may_have_is_ended(*, is_grandchild: bool) -> None:
    inner = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {GROWS!r}])"
    with granted(Allowance(memory_mb=60)), pytest.raises(FaultError) as caught:
        await proc.run(python(inner if is_grandchild else GROWS), env=ENV, stall_s=30)
    assert caught.value.code == "limit-exceeded"
    said = r"limits\.child_memory_mb = 60: python\S*'s processes reached (\d+) MB"
    found = re.fullmatch(said, caught.value.detail)
    assert found is not None
    assert 60 < int(found[1]) < 120


async def test_a_child_that_grows_and_never_stops_to_talk_is_ended_too() -> None:
    code = "x = bytearray(b'x') * (80 << 20)\nwhile True: print('word')"
    with granted(Allowance(memory_mb=60)), pytest.raises(FaultError) as caught:
        await proc.run(python(code), env=ENV, stall_s=30)
    assert caught.value.code == "limit-exceeded"


async def test_a_limit_that_is_lowered_holds_for_a_child_that_runs() -> None:
    allowance = Allowance()
    with granted(allowance):
        async with proc.started(python(GROWS), env=ENV, stall_s=30) as child:
            assert await child.line() == b"grown"
            allowance.memory_mb = 60
            with pytest.raises(FaultError) as caught:
                await child.line()
    assert caught.value.code == "limit-exceeded"


async def test_files_that_a_child_has_mapped_are_not_its_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(80 << 20))
    code = (
        "import mmap, sys, time\n"
        f"with open({str(tmp_path / 'file')!r}) as file:\n"
        "    whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)\n"
        "print(whole.find(b'x'), flush=True)\n"
        "time.sleep(0.5)"
    )
    with granted(Allowance(memory_mb=60)):
        ended = await proc.run(python(code), env=ENV, stall_s=30, capture=True)
    assert (ended.stdout, ended.usage.peak_rss_bytes > 80 << 20) == (b"-1\n", True)


async def test_cancel_reaches_a_child_that_ignores_term_and_its_grandchild() -> None:
    code = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "pid = os.fork()\n"
        "if pid: print(pid)\n"
        "time.sleep(600)\n"
    )
    pids: list[int] = []

    async def talk() -> None:
        async with proc.started(python(code), env=ENV, stall_s=60) as child:
            line = await child.line()
            assert line is not None
            pids.append(int(line))
            started.set()
            await child.line()

    started = asyncio.Event()
    task = asyncio.create_task(talk())
    await started.wait()
    before = asyncio.get_running_loop().time()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.get_running_loop().time() - before < 5
    assert await gone(pids[0])


async def test_a_second_cancel_does_not_leave_the_child_behind() -> None:
    code = (
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(1)\n"
        "time.sleep(600)\n"
    )
    pids: list[int] = []

    async def talk() -> None:
        async with proc.started(python(code), env=ENV, stall_s=60) as child:
            pids.append(child._process.pid)
            await child.line()
            started.set()
            await child.line()

    started = asyncio.Event()
    task = asyncio.create_task(talk())
    await started.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(pids[0])


@pytest.mark.parametrize("is_ending", [False, True])
async def test_without_grace_a_child_that_ignores_term_ends_at_once(*, is_ending: bool) -> None:
    code = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint(1)\n"
    patience = grace.begin()
    child = await proc.start(python(code + "time.sleep(600)"), env=ENV, stall_s=60)
    await child.line()
    before = asyncio.get_running_loop().time()
    if is_ending:
        ending = asyncio.create_task(child.end())
        await asyncio.sleep(0.2)
        assert not ending.done()
        patience.refuse()
        await ending
    else:
        patience.refuse()
        await child.end()
    assert asyncio.get_running_loop().time() - before < grace.GRACE_S / 2


async def test_children_of_a_cancelled_job_that_all_ignore_term_have_one_grace_together() -> None:
    code = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint(1)\n"
    patience = grace.begin()
    argv = python(code + "time.sleep(600)")
    children = [await proc.start(argv, env=ENV, stall_s=60) for _ in range(2)]
    for child in children:
        await child.line()
    before = asyncio.get_running_loop().time()
    patience.limit()
    for child in children:  # one after the other, as nested contexts do
        await child.end()
    assert grace.GRACE_S <= asyncio.get_running_loop().time() - before < 5
    assert patience.has_killed


async def test_a_child_killed_by_a_signal_says_so() -> None:
    ended = await proc.run(
        python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"), env=ENV, stall_s=30
    )
    assert ended.code == -signal.SIGKILL


async def test_a_missing_git_is_named() -> None:
    with pytest.raises(FaultError) as caught:
        await proc.run(["git", "version"], env={"PATH": "/nowhere"}, stall_s=5)
    assert caught.value.code == "git-missing"


async def test_more_lines_than_are_taken_make_the_child_wait() -> None:
    code = "for i in range(100000): print(i)"
    async with proc.started(python(code), env=ENV, stall_s=30) as child:
        lines = []
        while (line := await child.line()) is not None:
            lines.append(int(line))
    assert lines == list(range(100000))


async def test_a_cancel_at_any_moment_of_the_start_leaves_no_child_and_no_open_pipe() -> None:
    before = {path.name for path in Path("/proc/self/fd").iterdir()}
    for moment in range(12):
        task = asyncio.create_task(
            proc.run(python("import time; time.sleep(600)"), env=ENV, stall_s=60)
        )
        for _ in range(moment):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len({path.name for path in Path("/proc/self/fd").iterdir()} - before) <= 1
