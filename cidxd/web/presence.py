"""
What goes on only as long as the login that it came with: streams, and answers that are held.

Each of them enters `lasting`; when the session has ended, the commit tells `end`, and what
goes on there is broken off at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from cidxd.model import account


class Presence:
    """
    Who is here, by session.

    Args:
        is_good: Tells whether a session, or a token by its hash, has not ended.
    """

    def __init__(self, is_good: Callable[[str], bool]) -> None:
        self._is_good = is_good
        self._here: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._tasks: dict[asyncio.Event, asyncio.Task[object]] = {}

    @contextlib.contextmanager
    def lasting(self, session_id: str | None) -> Iterator[None]:
        """
        Break off what the current task does here when the session ends; None never does.

        Raises:
            UnauthenticatedError: It has ended meanwhile.
        """
        task = asyncio.current_task()
        if session_id is None or task is None:
            yield
            return
        if not self._is_good(session_id):  # nobody would tell of it any more
            raise account.refused()
        ended = asyncio.Event()
        self._here[session_id].add(ended)
        self._tasks[ended] = task
        try:
            yield
        except asyncio.CancelledError:
            if ended.is_set() and task.uncancel() == 0:
                raise account.refused() from None
            raise
        finally:
            del self._tasks[ended]
            self._here[session_id].discard(ended)
            if not self._here[session_id]:
                del self._here[session_id]

    def end(self, session_ids: Iterable[str]) -> None:
        """Break off everything that came with one of these sessions."""
        for session_id in session_ids:
            for ended in list(self._here.get(session_id, ())):
                ended.set()
                self._tasks[ended].cancel()
