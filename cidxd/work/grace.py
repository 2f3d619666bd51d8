"""
How long a child may take to end between TERM and KILL: some seconds, or none by force.

Who ends a child says so: the grace of a job is that of the task that runs it, and of the
tasks which that one starts.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Final

GRACE_S: Final = 3.0  # a cancel is over within five seconds


class Grace:
    """The grace that one job's children have."""

    def __init__(self) -> None:
        self._refused: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def is_refused(self) -> bool:
        """Whatever is ended from now on gets KILL at once."""
        return self._refused.done()

    def refuse(self) -> None:
        """End the grace, also that of children which have their TERM already."""
        if not self._refused.done():
            self._refused.set_result(None)

    async def wait(self, ended: asyncio.Future[None]) -> None:
        """Return once *ended* is done, or no grace is left."""
        signs = [ended, self._refused]
        await asyncio.wait(signs, timeout=GRACE_S, return_when=asyncio.FIRST_COMPLETED)


_CURRENT: ContextVar[Grace] = ContextVar("grace")


def begin() -> Grace:
    """Return a grace that the current task, and those it starts from now on, are bound to."""
    made = Grace()
    _CURRENT.set(made)
    return made


def current() -> Grace:
    """Return the grace that the current task is bound to; one that lasts if it is to none."""
    return _CURRENT.get(None) or Grace()
