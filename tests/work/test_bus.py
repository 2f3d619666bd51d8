"""A subscription's waits: events wake them, and so does the time that was set."""

from __future__ import annotations

import asyncio

import pytest

from cidxd.model.job import Event, Kind
from cidxd.work.bus import Bus, TooSlowError


def event(cursor: int) -> Event:
    return Event(
        job_id="one", repository_id=1, repository="demo", seq=cursor, at=1.0,
        kind=Kind.PROGRESSED, data={}, cursor=cursor,
    )  # fmt: skip


async def test_a_wait_with_a_limit_ends_without_events_again_and_again() -> None:
    bus = Bus()
    with bus.subscribed(lambda _: True) as news:
        assert await news.next(within_s=0.01) == []
        assert await news.next(within_s=0.01) == []
        bus.publish([event(1)])
        assert await news.next(within_s=0.01) == [event(1)]
        assert await news.next(within_s=0.01) == []


async def test_a_wait_without_a_limit_outlasts_the_timer_of_the_one_before() -> None:
    bus = Bus()
    with bus.subscribed(lambda _: True) as news:
        bus.publish([event(1)])
        asyncio.get_running_loop().call_later(0.001, bus.publish, [event(2)])
        assert [one.cursor for one in await news.next(within_s=0.02)] == [1]
        assert [one.cursor for one in await news.next(within_s=0.02)] == [2]
        asyncio.get_running_loop().call_later(0.05, bus.publish, [event(3)])
        assert [one.cursor for one in await news.next()] == [3]


async def test_a_cancelled_wait_loses_no_event() -> None:
    bus = Bus()
    with bus.subscribed(lambda _: True) as news:
        waiting = asyncio.create_task(news.next())
        await asyncio.sleep(0)
        bus.publish([event(1)])
        waiting.cancel()
        await asyncio.wait([waiting])
        assert await news.next() == [event(1)]


async def test_who_is_too_far_behind_is_told_so() -> None:
    bus = Bus(limit=2)
    with bus.subscribed(lambda _: True) as news:
        bus.publish([event(1), event(2), event(3)])
        with pytest.raises(TooSlowError):
            await news.next()
