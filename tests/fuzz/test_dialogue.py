"""
A build child that says anything at all: a fault with a code, or a report that can be true.

Hypothesis writes what the child says: the right words, spoiled in some way.  `make fuzz` has
FUZZ_ROUNDS of them.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import math
import os
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nonsense import NASTY, anything, often, raw_lines, spoiled

from cidxd.errors import FAULTS, FaultError, UnavailableError
from cidxd.model.report import PhaseEnded, PhaseProgressed, Report
from cidxd.work import build, proc
from cidxd.work.build import Built
from cidxd.work.searchers import Searchers

ENV: Final = {"PATH": os.environ["PATH"]}
USAGE: Final = {"cpu_seconds": 0.5, "peak_rss_bytes": 7, "read_bytes": 1, "written_bytes": 2}
MOST: Final = 1 << 53
ENOUGH_S: Final = 20.0
PATIENCE_S: Final = 60.0


def phase(name: str, *between: dict[str, Any]) -> list[dict[str, Any]]:
    ended = {"type": "phase_done", "name": name, "counters": {"n": 1}, "usage": dict(USAGE)}
    return [{"type": "phase", "name": name}, *between, ended]


def whole() -> list[dict[str, Any]]:
    """Return what a good child says from beginning to end."""
    progress = {"type": "progress", "done": 3, "total": 9, "unit": "files", "bytes": 4711}
    return [
        {"type": "hello", "version": 1},
        *phase("diff"),
        *phase("index", progress),
        *phase("validate"),
        {
            "type": "ready",
            "summary": {
                "files_total": 3,
                "index_damage": "1.seg: cut",
                "skipped_by_reason": {"too-large": 1},
            },
            "commits": [{"branch": "main", "before": None, "indexed": "c" * 40}],
        },
        *phase("publish"),
        {"type": "done"},
    ]


@st.composite
def speeches(draw: st.DrawFn) -> bytes:
    """Return what a child says: the right words with up to three of them spoiled."""
    lines = [json.dumps(message).encode() for message in whole()]
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(["drop", "twice", "swap", "insert", "field", "cut"])):
            case "drop" if len(lines) > 1:
                del lines[at]
            case "twice":
                lines.insert(at, lines[at])
            case "swap":
                other = draw(st.integers(0, len(lines) - 1))
                lines[at], lines[other] = lines[other], lines[at]
            case "insert":
                lines.insert(at, draw(raw_lines))
            case "field":
                lines[at] = draw(spoiled_line(lines[at]))
            case _:
                lines[at] = lines[at][: draw(st.integers(0, len(lines[at])))]
    ending = draw(st.sampled_from([b"\n", b"", b"\r\n\n"]))
    return b"\n".join(lines) + ending


def spoiled_line(line: bytes) -> st.SearchStrategy[bytes]:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return st.just(line)
    return spoiled(message).map(lambda value: json.dumps(value).encode())


async def grant(_built: Built) -> None:
    """Permit everything."""


def is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= MOST


def check_report(report: Report) -> None:
    """A report that the daemon goes on with can be stored, sent and added up."""
    match report:
        case PhaseProgressed():
            assert all(map(is_count, (report.done, report.total, report.bytes)))
            assert len(report.unit.encode()) <= 400
        case PhaseEnded():
            assert all(map(is_count, report.counters.values()))
            used = dataclasses.astuple(report.usage)
            assert all(math.isfinite(figure) and figure >= 0 for figure in used)
        case _:
            pass


def check_built(built: Built) -> None:
    json.dumps(built.summary, allow_nan=False).encode()
    for move in built.commits:
        assert set(move) == {"branch", "before", "indexed", "committed_at"}
        assert move["indexed"].encode() is not None


async def outcome(script: Path, said: bytes) -> Built | FaultError:
    script.write_bytes(said)
    reports: list[Report] = []
    async with (
        asyncio.timeout(PATIENCE_S),
        proc.started(["cat", str(script)], env=ENV, stall_s=ENOUGH_S) as child,
    ):
        try:
            return await build.build(child, {"type": "build"}, report=reports.append, permit=grant)
        except FaultError as fault:
            return fault
        finally:
            for report in reports:
                check_report(report)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are enough


@often(60)
@given(said=speeches())
def test_whatever_a_build_child_says_ends_in_a_fault_with_a_code_or_in_a_true_result(
    tmp_path: Path, said: bytes
) -> None:
    async def heard() -> tuple[Built | FaultError, int, int]:
        before = open_files()
        found = await outcome(tmp_path / "said", said)
        return found, open_files() - before, len(asyncio.all_tasks())

    found, left_open, tasks = asyncio.run(heard())
    assert (left_open, tasks) == (0, 1)
    if isinstance(found, FaultError):
        assert found.code in FAULTS
        found.detail.encode()
    else:
        check_built(found)


def test_what_a_good_child_says_is_taken(tmp_path: Path) -> None:
    said = b"".join(json.dumps(message).encode() + b"\n" for message in whole())
    found = asyncio.run(outcome(tmp_path / "said", said))
    assert isinstance(found, Built), found


@pytest.mark.parametrize("said", NASTY.values(), ids=NASTY)
def test_a_child_that_says_hello_and_then_nonsense_is_refused(tmp_path: Path, said: bytes) -> None:
    hello = json.dumps(whole()[0]).encode()
    found = asyncio.run(outcome(tmp_path / "said", hello + b"\n" + said + b"\n"))
    assert isinstance(found, FaultError)
    assert found.code in {"child-protocol", "index-failed"}
    found.detail.encode()


LIES: Final = {
    "a negative count": {"done": -1},
    "a count beyond JSON's whole numbers": {"total": 1 << 60},
    "a fraction": {"done": 0.5},
    "true for a number": {"bytes": True},
    "a unit of a page": {"unit": "x" * 1001},
    "half a surrogate pair": {"unit": "\ud800"},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_progress_that_no_count_can_have_is_no_progress(
    tmp_path: Path, lie: dict[str, Any]
) -> None:
    messages = [{**said, **(lie if said["type"] == "progress" else {})} for said in whole()]
    said = b"".join(json.dumps(message).encode() + b"\n" for message in messages)
    found = asyncio.run(outcome(tmp_path / "said", said))
    assert isinstance(found, FaultError)
    assert found.code == "child-protocol"


@pytest.mark.parametrize("argv", [["yes"], ["cat", "/dev/zero"]], ids=["lines", "a line"])
def test_what_a_child_says_without_an_end_is_cut_off(argv: list[str]) -> None:
    async def heard() -> FaultError | None:
        async with proc.started(argv, env=ENV, stall_s=ENOUGH_S) as child:
            try:
                await build.build(child, {}, report=lambda _: None, permit=grant)
            except FaultError as fault:
                return fault
        return None

    fault = asyncio.run(heard())
    assert fault is not None
    assert fault.code == "child-protocol"


answers = st.one_of(
    st.binary(max_size=80),
    st.builds(
        lambda request, status, body: b"%d %d %s" % (request, status, body),
        st.sampled_from([1, 1, 1, 2, -1]),
        st.sampled_from([200, 404, 422, 503, 0, -5, 99, 302, 600, 999]),
        st.one_of(
            st.binary(max_size=30),
            st.just(b'{"code": "not-found", "detail": "no such file", "hint": ""}'),
            anything.map(lambda value: json.dumps(value).encode()),
        ),
    ),
)


@often(60)
@given(said=answers)
def test_whatever_a_search_child_answers_is_an_answer_or_a_refusal(
    tmp_path: Path, said: bytes
) -> None:
    script = tmp_path / "said"
    script.write_bytes(said + b"\n")

    async def asked() -> tuple[int, bytes] | UnavailableError:
        before = open_files()
        children = Searchers(["cat", str(script)], env=ENV, size=1)
        try:
            return await children.ask({"op": "tips"}, timeout_s=ENOUGH_S)
        except UnavailableError as err:
            return err
        finally:
            await children.close()
            assert open_files() == before

    answer = asyncio.run(asked())
    if isinstance(answer, UnavailableError):
        assert answer.code == "search-failed"
    elif answer[0] != 200:
        assert 400 <= answer[0] < 600
        assert isinstance(json.loads(answer[1]), dict)
