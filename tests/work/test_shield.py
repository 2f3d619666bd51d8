from __future__ import annotations

import asyncio
import contextlib

import pytest

from cidxd.work import shield


async def test_uninterrupted_work_ends_before_the_cancellation_goes_up() -> None:
    go, log = asyncio.Event(), []

    async def work() -> None:
        await go.wait()
        log.append("done")

    task = asyncio.create_task(shield.uninterrupted(work()))
    for _ in range(3):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == ["done"]


async def test_settled_work_takes_the_cancellation_back_so_that_a_timeout_around_it_is_sane() -> (
    None
):
    log: list[str] = []

    async def work() -> None:
        await asyncio.sleep(0.05)

    timer = asyncio.timeout(0.01)
    with contextlib.suppress(TimeoutError):
        async with timer:
            await shield.settled(work(), 5)
            log.append("settled")
            await asyncio.sleep(0)
    assert timer.expired()
    assert log == ["settled"]


async def test_work_that_does_not_settle_in_time_is_given_up() -> None:
    log: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            log.append("ended")

    task = asyncio.create_task(shield.settled(work(), 0.05))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == ["ended"]


async def test_what_settled_work_raises_goes_up_also_after_a_cancellation() -> None:
    go = asyncio.Event()

    async def work() -> None:
        await go.wait()
        raise LookupError

    task = asyncio.create_task(shield.settled(work(), 5))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(LookupError):
        await task
