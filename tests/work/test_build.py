from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from cidxd.errors import FAULTS, FaultError
from cidxd.model.report import (
    Phase,
    PhaseEnded,
    PhaseProgressed,
    PhaseStarted,
    Report,
    Usage,
)
from cidxd.work import build, dialogue, proc
from cidxd.work.build import Built

ENV = {"PATH": os.environ["PATH"]}
REQUEST = {"type": "build", "version": 1, "job_id": "j"}
USAGE = {"cpu_seconds": 0.5, "peak_rss_bytes": 7, "read_bytes": 1, "written_bytes": 2}
HELLO = {"type": "hello", "version": 1}
DONE = {"type": "done"}
READY = {
    "type": "ready",
    "summary": {"files_total": 3},
    "commits": [
        {
            "branch": "main",
            "before": None,
            "indexed": "c" * 40,
            "committed_at": "2026-11-25T10:00:00Z",
        }
    ],
}

# Says what it is told to, line by line; "wait" is for a line on stdin, or its end.
CHILD = """
import json, os, sys
for step in json.loads(sys.argv[1]):
    if step == "wait":
        if not sys.stdin.readline():
            sys.exit(3)
    elif isinstance(step, str):
        exec(step)
    else:
        print(json.dumps(step), flush=True)
"""


def phase(name: str, *between: Any) -> list[Any]:
    ended = {"type": "phase_done", "name": name, "counters": {"n": 1}, "usage": USAGE}
    return [{"type": "phase", "name": name}, *between, ended]


def before_permit() -> list[Any]:
    return ["wait", HELLO, *phase("diff"), *phase("index"), *phase("validate"), READY]


WHOLE = [*before_permit(), "wait", *phase("publish"), DONE]


async def grant(_: Built) -> None:
    return None


async def built(
    steps: list[Any],
    *,
    permit: Callable[[Built], Awaitable[None]] = grant,
    reports: list[Report] | None = None,
    stall_s: float = 20.0,
    settle_s: float = 60.0,
) -> Built:
    argv = [sys.executable, "-c", CHILD, json.dumps(steps)]
    async with proc.started(argv, env=ENV, stall_s=stall_s) as child:
        return await build.build(
            child,
            REQUEST,
            report=(reports if reports is not None else []).append,
            permit=permit,
            settle_s=settle_s,
        )


async def fault_of(steps: list[Any], *, stall_s: float = 20.0) -> FaultError:
    with pytest.raises(FaultError) as caught:
        await built(steps, stall_s=stall_s)
    return caught.value


async def test_a_build_reports_its_phases_in_order_and_returns_its_summary() -> None:
    reports: list[Report] = []
    progress = {"type": "progress", "done": 3, "total": 9, "unit": "files", "bytes": 4711}
    steps = ["wait", HELLO, *phase("diff"), *phase("index", progress), *phase("validate"), READY]
    result = await built([*steps, "wait", *phase("publish"), DONE], reports=reports)
    assert result == Built({"files_total": 3}, READY["commits"])  # type: ignore[arg-type]
    assert [type(report) for report in reports] == [
        PhaseStarted, PhaseEnded,
        PhaseStarted, PhaseProgressed, PhaseEnded,
        PhaseStarted, PhaseEnded,
        PhaseStarted, PhaseEnded,
    ]  # fmt: skip
    assert reports[3] == PhaseProgressed(Phase.INDEX, 3, 9, "files", 4711)
    assert reports[-1] == PhaseEnded(Phase.PUBLISH, {"n": 1}, Usage(0.5, 7, 1, 2))


async def test_nothing_is_published_before_the_permit() -> None:
    seen: list[Report] = []

    async def permit(found: Built) -> None:
        assert found.summary == {"files_total": 3}
        assert PhaseStarted(Phase.PUBLISH) not in seen

    await built(WHOLE, permit=permit, reports=seen)
    assert PhaseStarted(Phase.PUBLISH) in seen


async def test_a_refused_permit_stops_the_child_and_goes_up(tmp_path: Path) -> None:
    class RefusedError(Exception):
        pass

    async def refuse(_: Built) -> None:
        raise RefusedError

    published = tmp_path / "published"
    steps = [*before_permit(), "wait", f"open({str(published)!r}, 'w')", *phase("publish"), DONE]
    with pytest.raises(RefusedError):
        await built(steps, permit=refuse)
    assert not published.exists()


@pytest.mark.parametrize("code", FAULTS)
async def test_what_the_child_names_as_its_fault_is_the_jobs(code: str) -> None:
    fault = await fault_of(["wait", HELLO, {"type": "failed", "code": code, "detail": "so"}])
    assert (fault.code, fault.detail) == (code, "so")


async def test_a_fault_that_is_not_known_is_a_failed_index() -> None:
    fault = await fault_of(["wait", HELLO, {"type": "failed", "code": "new", "detail": "so"}])
    assert (fault.code, fault.detail) == ("index-failed", "new: so")


async def test_a_child_that_ends_without_a_word_has_crashed_and_its_last_words_are_kept() -> None:
    fault = await fault_of(["wait", HELLO, "sys.exit('no room on the moon')"])
    assert fault.code == "child-crashed"
    assert "exit 1: no room on the moon" in fault.detail


async def test_a_child_that_was_killed_says_by_which_signal() -> None:
    fault = await fault_of(["wait", HELLO, "os.kill(os.getpid(), 11)"])
    assert (fault.code, fault.detail) == ("child-crashed", "ended by signal 11")


async def test_a_child_that_the_kernel_killed_had_no_memory() -> None:
    fault = await fault_of(["wait", HELLO, "os.kill(os.getpid(), 9)"])
    killed = "killed by signal 9, as the kernel does when memory runs out"
    assert (fault.code, fault.detail) == ("out-of-memory", killed)


BROKEN = {
    "another version": [{"type": "hello", "version": 2}],
    "no hello": [*phase("diff")],
    "no JSON": ["print('Traceback', flush=True)"],
    "no message": [[1, 2]],
    "an unknown message": [HELLO, {"type": "sing"}],
    "an unknown phase": [HELLO, {"type": "phase", "name": "dream"}],
    "a phase twice": [HELLO, *phase("diff"), *phase("diff")],
    "a phase back": [HELLO, *phase("index"), *phase("diff")],
    "fetch": [HELLO, *phase("fetch")],
    "two phases at once": [HELLO, {"type": "phase", "name": "diff"}, *phase("index")],
    "progress of nothing": [HELLO, {"type": "progress", "done": 1, "total": 1, "unit": "files"}],
    "an end of another phase": [HELLO, {"type": "phase", "name": "diff"}, phase("index")[1]],
    "a phase without figures": [HELLO, *phase("diff")[:1], {"type": "phase_done", "name": "diff"}],
    "publish without permit": [HELLO, *phase("publish")],
    "ready within a phase": [HELLO, *phase("diff")[:1], READY],
    "ready without a summary": [HELLO, {"type": "ready", "commits": []}],
    "done before publish": [HELLO, READY, "wait", DONE],
    "done before ready": [HELLO, *phase("diff"), DONE],
    "ready twice": [HELLO, READY, "wait", READY],
}


@pytest.mark.parametrize("what", BROKEN)
async def test_what_may_not_come_now_is_a_fault_of_the_protocol(what: str) -> None:
    assert (await fault_of(["wait", *BROKEN[what]])).code == "child-protocol"


async def test_a_silent_build_is_stalled() -> None:
    fault = await fault_of(["wait", HELLO, "wait"], stall_s=0.3)
    assert fault.code == "stalled"


async def test_a_slow_permit_is_not_the_childs_silence() -> None:
    async def permit(_: Built) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.6):
                await asyncio.Event().wait()

    assert (await built(WHOLE, permit=permit, stall_s=0.5)).summary == {"files_total": 3}


async def test_cancel_before_the_permit_ends_the_child() -> None:
    begun = asyncio.Event()
    reports: list[Report] = []

    class Begun(list[Report]):
        def append(self, report: Report) -> None:
            reports.append(report)
            begun.set()

    task = asyncio.create_task(built(["wait", HELLO, *phase("diff"), "wait"], reports=Begun()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancel_after_the_permit_comes_too_late_and_the_publish_wins(
    tmp_path: Path,
) -> None:
    permitted = asyncio.Event()

    async def permit(_: Built) -> None:
        permitted.set()

    gate = tmp_path / "gate"
    os.mkfifo(gate)
    steps = [*before_permit(), "wait", f"open({str(gate)!r}).read()", *phase("publish"), DONE]
    task = asyncio.create_task(built(steps, permit=permit))
    await permitted.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    await asyncio.to_thread(gate.write_text, "go")
    result = await task
    assert result.summary == {"files_total": 3}
    assert task.cancelling() == 0


async def test_a_cancel_while_the_permit_is_being_recorded_waits_for_it() -> None:
    asked, recorded = asyncio.Event(), asyncio.Event()

    async def permit(_: Built) -> None:
        asked.set()
        await recorded.wait()

    task = asyncio.create_task(built(WHOLE, permit=permit))
    await asked.wait()
    task.cancel()
    await asyncio.sleep(0)
    recorded.set()
    assert (await task).summary == {"files_total": 3}


async def test_a_publish_that_hangs_after_a_cancel_is_ended_in_the_end() -> None:
    permitted = asyncio.Event()

    async def permit(_: Built) -> None:
        permitted.set()

    task = asyncio.create_task(built([*before_permit(), "wait", "wait"], permit=permit, settle_s=0))
    await permitted.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_child_that_lingers_after_its_last_word_does_not_hold_up_the_job(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dialogue, "LEAVE_S", 0.1)
    result = await built([*WHOLE, "import time; time.sleep(600)"])
    assert result.summary == {"files_total": 3}
