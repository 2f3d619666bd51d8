from __future__ import annotations

import asyncio

import pytest

from cidxd.errors import FaultError
from cidxd.work.allowance import Allowance, Span, current, granted


async def test_all_parts_of_a_span_together_may_take_so_long() -> None:
    span = Span("limits.fetch_seconds", 0.2, "git")
    for _ in range(2):
        async with span.part():
            await asyncio.sleep(0)
    with pytest.raises(FaultError) as caught:
        async with span.part():
            await asyncio.Event().wait()
    assert caught.value.code == "limit-exceeded"
    assert caught.value.detail == "limits.fetch_seconds = 0.2: git took longer than 0.2 s"
    with pytest.raises(FaultError):
        async with span.part():  # nothing is left of it
            await asyncio.Event().wait()


async def test_a_time_out_within_a_span_is_not_its_own() -> None:
    with pytest.raises(TimeoutError):
        async with Span("limits.fetch_seconds", 60, "git").part():
            raise TimeoutError


async def test_a_span_without_a_limit_waits_for_ever_and_can_be_cancelled() -> None:
    async def wait() -> None:
        async with Span("limits.fetch_seconds", None, "git").part():
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_allowance_is_that_of_the_task_and_of_those_it_starts() -> None:
    async def found() -> Allowance:
        return current()

    allowance = Allowance(memory_mb=7)
    with granted(allowance):
        task = asyncio.create_task(found())
    assert await task is allowance
    assert current() == Allowance()
