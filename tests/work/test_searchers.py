from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from cidxd.errors import UnavailableError
from cidxd.work.allowance import Allowance
from cidxd.work.searchers import LOOK_EVERY, Searchers

# Answers with its process id and what it was asked; `do` is carried out first.
CHILD = """
import json, os, sys, time
kept = []
for line in sys.stdin:
    asked = json.loads(line)
    exec(asked.get("do", ""))
    body = json.dumps({"pid": os.getpid(), "said": asked.get("say"), "more": asked.get("more")})
    print(asked["id"], asked.get("status", 200), body, flush=True)
"""
ENV = {"PATH": os.environ["PATH"]}
TIMEOUT_S = 10.0


def pool(size: int = 1, *, code: str = CHILD, memory_limit: int = 1 << 30) -> Searchers:
    return Searchers([sys.executable, "-c", code], env=ENV, size=size, memory_limit=memory_limit)


@pytest.fixture
async def searchers() -> AsyncIterator[Searchers]:
    made = pool()
    yield made
    await made.close()


async def pid_of(searchers: Searchers, **question: object) -> int:
    status, body = await searchers.ask(question, timeout_s=TIMEOUT_S)
    assert status == 200
    return int(orjson.loads(body)["pid"])


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_a_question_is_answered_with_a_status_and_bytes(searchers: Searchers) -> None:
    status, body = await searchers.ask({"say": "hé", "status": 404}, timeout_s=TIMEOUT_S)
    assert (status, orjson.loads(body)["said"]) == (404, "hé")


async def test_one_warm_child_answers_question_after_question(searchers: Searchers) -> None:
    assert len({await pid_of(searchers) for _ in range(5)}) == 1


async def test_questions_at_once_get_their_own_answers_from_as_many_children() -> None:
    searchers = pool(3)
    answers = await asyncio.gather(
        *(
            searchers.ask({"say": n, "do": "time.sleep(0.05)"}, timeout_s=TIMEOUT_S)
            for n in range(9)
        )
    )
    await searchers.close()
    assert [orjson.loads(body)["said"] for _, body in answers] == list(range(9))
    assert len({orjson.loads(body)["pid"] for _, body in answers}) == 3


async def test_children_started_early_are_the_ones_that_answer() -> None:
    searchers = pool(2)
    await searchers.start()
    early = {child._process.pid for child in searchers._children}
    assert len(early) == 2
    assert await pid_of(searchers) in early
    await searchers.close()
    assert not any(is_running(pid) for pid in early)


async def test_a_child_past_the_time_is_replaced_and_the_question_refused(
    searchers: Searchers,
) -> None:
    before = await pid_of(searchers)
    with pytest.raises(UnavailableError) as caught:
        await searchers.ask({"do": "time.sleep(600)"}, timeout_s=0.3)
    assert caught.value.code == "search-timeout"
    assert not is_running(before)
    assert await pid_of(searchers) != before


async def test_a_child_that_crashes_on_a_question_is_replaced(searchers: Searchers) -> None:
    with pytest.raises(UnavailableError) as caught:
        await searchers.ask({"do": "os._exit(9)"}, timeout_s=TIMEOUT_S)
    assert caught.value.code == "search-failed"
    assert await pid_of(searchers)


async def test_a_child_that_died_while_idle_costs_no_question(searchers: Searchers) -> None:
    before = await pid_of(searchers)
    os.kill(before, 9)
    assert await pid_of(searchers) != before


async def test_a_cancelled_question_does_not_answer_the_next_one(searchers: Searchers) -> None:
    await pid_of(searchers)
    task = asyncio.create_task(
        searchers.ask({"say": "old", "do": "time.sleep(0.2)"}, timeout_s=TIMEOUT_S)
    )
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    _, body = await searchers.ask({"say": "new"}, timeout_s=TIMEOUT_S)
    assert orjson.loads(body)["said"] == "new"


async def test_a_question_cancelled_while_it_waits_for_a_child_costs_nothing(
    searchers: Searchers,
) -> None:
    before = await pid_of(searchers)
    busy = asyncio.create_task(pid_of(searchers, do="time.sleep(0.2)"))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(pid_of(searchers))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await busy == before
    assert await pid_of(searchers) == before


async def test_a_question_that_finds_every_child_busy_is_refused_in_time(
    searchers: Searchers,
) -> None:
    busy = asyncio.create_task(pid_of(searchers, do="time.sleep(0.6)"))
    await asyncio.sleep(0)
    with pytest.raises(UnavailableError) as caught:
        await searchers.ask({}, timeout_s=0.1)
    assert caught.value.code == "search-busy"
    await busy


async def test_an_answer_of_many_megabytes_comes_whole(searchers: Searchers) -> None:
    _, body = await searchers.ask({"do": "asked['more'] = 'x' * 20_000_000"}, timeout_s=30)
    assert len(orjson.loads(body)["more"]) == 20_000_000


@pytest.mark.parametrize("line", ["nonsense", "999 200 {}", "a b c"])
async def test_an_answer_that_makes_no_sense_is_refused_and_its_child_replaced(
    searchers: Searchers, line: str
) -> None:
    before = await pid_of(searchers)
    with pytest.raises(UnavailableError) as caught:
        await searchers.ask({"do": f"print({line!r}, flush=True)"}, timeout_s=TIMEOUT_S)
    assert caught.value.code == "search-failed"
    assert await pid_of(searchers) != before


async def test_a_child_that_has_grown_too_large_is_replaced_within_some_answers() -> None:
    searchers = pool(memory_limit=64 << 20)
    before = await pid_of(searchers)
    assert await pid_of(searchers, do="kept.append(b'x' * (100 << 20))") == before
    pids = [await pid_of(searchers) for _ in range(LOOK_EVERY)]
    assert pids[-1] != before
    assert len(set(pids)) <= 2
    await searchers.close()


async def test_a_question_that_takes_too_much_memory_is_refused_and_its_child_replaced() -> None:
    allowance = Allowance("limits.search_memory_mb", memory_mb=64)
    searchers = Searchers([sys.executable, "-c", CHILD], env=ENV, size=1, allowance=allowance)
    before = await pid_of(searchers)
    with pytest.raises(UnavailableError) as caught:
        await pid_of(searchers, do="kept.append(b'x' * (100 << 20)); time.sleep(600)")
    assert caught.value.code == "search-too-large"
    assert "limits.search_memory_mb = 64: " in caught.value.message
    assert not is_running(before)
    assert await pid_of(searchers) != before
    await searchers.close()


async def test_a_command_that_cannot_be_started_is_an_answer_too() -> None:
    searchers = Searchers(["/nowhere/python"], env=ENV, size=1)
    for _ in range(2):
        with pytest.raises(UnavailableError):
            await searchers.ask({}, timeout_s=TIMEOUT_S)
    await searchers.close()


async def test_closing_ends_the_children_and_answers_who_is_waiting() -> None:
    searchers = pool()
    before = await pid_of(searchers)
    waiting = asyncio.create_task(pid_of(searchers, do="time.sleep(600)"))
    await asyncio.sleep(0)
    await searchers.close()
    with pytest.raises(UnavailableError):
        await waiting
    assert not is_running(before)
