"""
Committed events to whoever follows, each through a bounded queue of its own.

One who does not read in time loses the subscription, with the cursor to resume
from, and slows nobody else.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from cidxd.errors import CidxdError
from cidxd.model.job import Event

QUEUE_LIMIT: Final = 5_000  # events that one subscriber may be behind

Wanted = Callable[[Event], bool]


class TooSlowError(CidxdError):
    """A subscriber was too far behind; `cursor` is the last event it was handed."""

    code = "too-slow"

    def __init__(self, cursor: int) -> None:
        super().__init__("the follower reads too slowly", hint=f"resume after {cursor}")
        self.cursor = cursor


class StoppedError(CidxdError):
    """The daemon stops: nothing is told any more."""

    code = "stopping"


class Subscription:
    """Events that one subscriber wants, from the moment of subscribing on."""

    def __init__(self, wanted: Wanted, limit: int) -> None:
        self._wanted = wanted
        self._limit = limit
        self._events: deque[Event] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._wait_ends = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._is_over_full = False
        self._is_stopped = False
        self._cursor = 0

    def offer(self, events: list[Event]) -> None:
        """Queue those of *events* that are wanted."""
        wanted = [event for event in events if self._wanted(event)]
        if not wanted:
            return
        self._events.extend(wanted)
        if len(self._events) > self._limit:
            self._is_over_full = True
            self._events.clear()
        self._wake()

    async def next(self, within_s: float | None = None) -> list[Event]:
        """
        Wait for events and return all there are, oldest first; none if *within_s* passed without.

        Cancelled while waiting, nothing is lost.

        Raises:
            TooSlowError: Too many had gathered; they are in the store.
            StoppedError: No event comes any more.
        """
        if not (self._events or self._is_over_full or self._is_stopped):
            self._waiter = asyncio.get_running_loop().create_future()
            self._wait_ends = math.inf if within_s is None else self._time_limit(within_s)
            await self._waiter
        if self._is_stopped and not self._events:
            raise StoppedError("the daemon stops")
        return self.take()

    def take(self) -> list[Event]:
        """Return the events there are, oldest first, without waiting; errors as for `next`."""
        if self._is_over_full:
            raise TooSlowError(self._cursor)
        events = list(self._events)
        self._events.clear()
        if events:
            self._cursor = events[-1].cursor
        return events

    def stop(self) -> None:
        """Let who waits know that no event comes any more."""
        self._is_stopped = True
        self._wake()

    def close(self) -> None:
        """Forget the timer, if there is one."""
        if self._timer is not None:
            self._timer.cancel()

    def _time_limit(self, within_s: float) -> float:
        """Return when the wait is over, with a timer set that ends before or then."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + within_s
        if self._timer is None:  # one for many waits: to set one costs as much as to send an event
            self._timer = loop.call_at(ends, self._look)
        return ends

    def _look(self) -> None:
        """End the wait if its time is over, else look again then."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._wait_ends < math.inf:
            self._timer = loop.call_at(self._wait_ends, self._look)
            return
        self._timer = None
        if self._wait_ends < math.inf:
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Bus:
    """Hands committed events to the subscriptions there are."""

    def __init__(self, limit: int = QUEUE_LIMIT) -> None:
        self._limit = limit
        self._subscriptions: set[Subscription] = set()
        self._is_stopped = False

    @property
    def followers(self) -> int:
        """How many subscriptions there are."""
        return len(self._subscriptions)

    def stop(self) -> None:
        """End every wait for events, because the daemon stops."""
        self._is_stopped = True
        for subscription in self._subscriptions:
            subscription.stop()

    def publish(self, events: list[Event]) -> None:
        """Offer *events*, just committed and in cursor order, to every subscription."""
        for subscription in self._subscriptions:
            subscription.offer(events)

    @contextmanager
    def subscribed(self, wanted: Wanted) -> Iterator[Subscription]:
        """Subscribe for the length of the context."""
        subscription = Subscription(wanted, self._limit)
        if self._is_stopped:
            subscription.stop()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
            subscription.close()
