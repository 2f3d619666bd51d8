"""
What an operator allows a job's children: time in a phase, and memory.

The allowance of a child is that of the task that starts it.  It is shared and may change
while the child runs: memory at once, time from the next phase on.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar

from cidxd.errors import FaultError


@dataclasses.dataclass(slots=True)
class Allowance:
    """
    What children may use; None is without a limit.

    Attributes:
        setting: The key of the configuration that `memory_mb` comes from.
        memory_mb: Of a child and its descendants together, in MiB that no file backs.
        fetch_s: For all that git does in one fetch phase.
        index_s: For one build child, until what it built may be published.
    """

    setting: str = "limits.child_memory_mb"
    memory_mb: int | None = None
    fetch_s: float | None = None
    index_s: float | None = None


class Span:
    """
    Work that may take so long in all, done in parts.

    Args:
        setting: The key of the configuration that *limit_s* comes from.
        limit_s: None is without a limit.
        who: Who works, for the fault's words.
    """

    def __init__(self, setting: str, limit_s: float | None, who: str) -> None:
        self._setting = setting
        self._limit_s = limit_s
        self._who = who
        self._spent_s = 0.0

    @contextlib.asynccontextmanager
    async def part(self) -> AsyncIterator[None]:
        """
        Spend time on a part of the work.

        Raises:
            FaultError: `limit-exceeded`: all parts together took too long; this one is cancelled.
        """
        loop = asyncio.get_running_loop()
        began_at, limit_s = loop.time(), self._limit_s
        timer = asyncio.timeout(None if limit_s is None else max(0.0, limit_s - self._spent_s))
        try:
            async with timer:
                yield
        except TimeoutError:
            if not timer.expired():
                raise
            took = f"{self._who} took longer than {limit_s:g} s"
            raise FaultError("limit-exceeded", f"{self._setting} = {limit_s:g}: {took}") from None
        finally:
            self._spent_s += loop.time() - began_at


_CURRENT: ContextVar[Allowance] = ContextVar("allowance")


@contextlib.contextmanager
def granted(allowance: Allowance) -> Iterator[None]:
    """Let *allowance* hold for the children that are started within."""
    token = _CURRENT.set(allowance)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def current() -> Allowance:
    """Return the allowance that the current task is bound to; one without limits otherwise."""
    return _CURRENT.get(None) or Allowance()
