"""
How long children may take to end between TERM and KILL: some seconds, or none by force.

Who ends a child says so: the grace of a job is that of the task that runs it, and of the
tasks which that one starts.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Final

GRACE_S: Final = 3.0  # a cancel is over within five seconds


class Grace:
    """
    The grace that one job's children have.

    Attributes:
        has_killed: One of them ended by KILL, and could not put away what it was writing.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._refused: asyncio.Future[None] = self._loop.create_future()
        self._until: float | None = None
        self.has_killed = False

    @property
    def is_refused(self) -> bool:
        """Whatever is ended from now on gets KILL at once."""
        return self._refused.done()

    def limit(self) -> None:
        """From now on all children together have the seconds of one, however many are ended."""
        if self._until is None:
            self._until = self._loop.time() + GRACE_S

    def refuse(self) -> None:
        """End the grace, also that of children which have their TERM already."""
        if not self._refused.done():
            self._refused.set_result(None)

    async def wait(self, ended: asyncio.Future[None]) -> None:
        """Return once *ended* is done, or no grace is left."""
        left_s = GRACE_S if self._until is None else max(0.0, self._until - self._loop.time())
        signs = [ended, self._refused]
        await asyncio.wait(signs, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)


_CURRENT: ContextVar[Grace] = ContextVar("grace")


def begin() -> Grace:
    """Return a grace that the current task, and those it starts from now on, are bound to."""
    made = Grace()
    _CURRENT.set(made)
    return made


def current() -> Grace:
    """Return the grace that the current task is bound to; one that lasts if it is to none."""
    return _CURRENT.get(None) or Grace()
