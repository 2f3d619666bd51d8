"""
One thread that does what it is given, in order, beside the thread that gives it.

It is for work that is done without the interpreter's lock: then both run at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

_WAITING: Final = 4  # pieces of work that may wait: bounds the memory they hold on to

Work = Callable[[], object]


class Lane:
    """Does work until it is finished or dropped; after a failure it does nothing more."""

    def __init__(self, name: str) -> None:
        self._queue: SimpleQueue[Work | None] = SimpleQueue()
        self._room = threading.Semaphore(_WAITING)
        self._is_dropped = False
        self._failure: BaseException | None = None
        # A daemon: a process that has to end does not wait for it.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, work: Work) -> None:
        """
        Leave *work* to the thread; waits while much is waiting.

        Raises:
            BaseException: What work that was given before has raised.
        """
        self._room.acquire()
        if self._failure is not None:
            self._room.release()
            raise self._failure
        self._queue.put(work)

    def finish(self) -> None:
        """Wait until all work is done and end the thread; raises as `put` does."""
        self._queue.put(None)
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def drop(self) -> None:
        """End the thread after the work that it is doing; what waits is not done."""
        self._is_dropped = True
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            try:
                if self._failure is None and not self._is_dropped:
                    work()
            except BaseException as err:  # noqa: BLE001 - raised to whoever gives the work
                self._failure = err
            finally:
                self._room.release()
