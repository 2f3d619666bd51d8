"""
Committed events to whoever follows, each through a bounded queue of its own.

One who does not read in time loses the subscription, with the cursor to resume
from, and slows nobody else.
"""

from __future__ import annotations

import asyncio
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


class Subscription:
    """Events that one subscriber wants, from the moment of subscribing on."""

    def __init__(self, wanted: Wanted, limit: int) -> None:
        self._wanted = wanted
        self._limit = limit
        self._events: deque[Event] = deque()
        self._arrived = asyncio.Event()
        self._is_over_full = False
        self._cursor = 0

    def offer(self, events: list[Event]) -> None:
        """Queue those of *events* that are wanted."""
        self._events.extend(event for event in events if self._wanted(event))
        if len(self._events) > self._limit:
            self._is_over_full = True
            self._events.clear()
        if self._events or self._is_over_full:
            self._arrived.set()

    async def next(self) -> list[Event]:
        """
        Wait for events and return all there are, oldest first; never empty.

        Cancelled while waiting, nothing is lost.

        Raises:
            TooSlowError: Too many had gathered; they are in the store.
        """
        await self._arrived.wait()
        if self._is_over_full:
            raise TooSlowError(self._cursor)
        events = list(self._events)
        self._events.clear()
        self._arrived.clear()
        self._cursor = events[-1].cursor
        return events


class Bus:
    """Hands committed events to the subscriptions there are."""

    def __init__(self, limit: int = QUEUE_LIMIT) -> None:
        self._limit = limit
        self._subscriptions: set[Subscription] = set()

    @property
    def followers(self) -> int:
        """How many subscriptions there are."""
        return len(self._subscriptions)

    def publish(self, events: list[Event]) -> None:
        """Offer *events*, just committed and in cursor order, to every subscription."""
        for subscription in self._subscriptions:
            subscription.offer(events)

    @contextmanager
    def subscribed(self, wanted: Wanted) -> Iterator[Subscription]:
        """Subscribe for the length of the context."""
        subscription = Subscription(wanted, self._limit)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
