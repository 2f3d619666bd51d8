"""
Several workers that find definitions side by side, fed in batches and outlived.

A worker that dies or falls silent is started anew; its batch is tried again content by
content, and the content that did it counts as one without definitions.
"""

from __future__ import annotations

import os
import queue
import select
import sys
import threading
from collections.abc import Callable
from typing import Final

from cidxd.indexer import children
from cidxd.indexer.definition import Definition
from cidxd.indexer.symbol_worker import Task, read_answer, write_batch

BATCH_BYTES: Final = 128 << 10
SILENT_S: Final = 30.0  # then a worker is ended; far above the sum of what it allows itself
_TELL_EVERY_S: Final = 0.5
Batch = list[Task]


class SymbolPool:
    """
    Takes tasks and gives definitions, in any order.  It holds what it was given in memory.

    Args:
        engine: Who finds them; see `symbol_worker`.
        workers: How many processes.
        silent_s: A worker that needs longer for a batch is ended.
    """

    def __init__(self, engine: str, workers: int, *, silent_s: float = SILENT_S) -> None:
        self._argv = [sys.executable, "-m", "cidxd.indexer", "symbols", engine]
        self._silent_s = silent_s
        self._batch: Batch = []
        self._batch_bytes = 0
        self._waiting: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[dict[bytes, list[Definition]]] = queue.SimpleQueue()
        self._workers: set[children.Process] = set()
        self._is_closed = False
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def put(self, task: Task) -> None:
        """Hand a task over."""
        self._batch.append(task)
        self._batch_bytes += len(task.content)
        if self._batch_bytes >= BATCH_BYTES:
            self._send()

    def take(self) -> dict[bytes, list[Definition]]:
        """Return what was found since the last call, by oid."""
        found: dict[bytes, list[Definition]] = {}
        while not self._done.empty():
            found.update(self._done.get())
        return found

    def finish(self, on_batch: Callable[[], None] = lambda: None) -> None:
        """Wait until every task is done, telling *on_batch* of each part, and end the workers."""
        self._send()
        for _ in self._threads:
            self._waiting.put(None)
        told = 0
        for thread in self._threads:
            while thread.is_alive():
                thread.join(_TELL_EVERY_S)
                done, told = self._done.qsize() - told, self._done.qsize()
                if done:
                    on_batch()

    def abandon(self) -> None:
        """End the workers at once; what they were at is lost."""
        self._is_closed = True
        for worker in list(self._workers):
            worker.kill()
        while not self._waiting.empty():
            self._waiting.get()
        self.finish()

    def _send(self) -> None:
        if self._batch and not self._is_closed:
            self._waiting.put(self._batch)
        self._batch, self._batch_bytes = [], 0

    def _serve(self) -> None:
        worker: children.Process | None = None
        try:
            while (batch := self._waiting.get()) is not None:
                worker = self._answer(worker, batch)
        finally:
            if worker is not None:
                self._end(worker)

    def _answer(self, worker: children.Process | None, batch: Batch) -> children.Process | None:
        """Put what a worker finds among what is done; return the worker, if it still lives."""
        worker, found = self._ask(worker, batch)
        if found is None and len(batch) > 1:
            for task in batch:
                worker = self._answer(worker, [task])
            return worker
        if found is None:
            # A worker that was ended says nothing about its content, which goes on waiting.
            children.stay()
            if self._is_closed:
                return worker
        pairs = zip(batch, found or [[]] * len(batch), strict=True)
        self._done.put({task.oid: rows for task, rows in pairs})
        return worker

    def _ask(
        self, worker: children.Process | None, batch: Batch
    ) -> tuple[children.Process | None, list[list[Definition]] | None]:
        if self._is_closed:
            return worker, None
        try:
            worker = worker or self._start()
        except OSError:
            return None, None
        try:
            return worker, self._exchange(worker, batch)
        except (OSError, TypeError, ValueError):  # it is gone, or out of its mind
            self._end(worker)
            return None, None

    def _start(self) -> children.Process:
        worker = children.start(self._argv, stdin=True, stderr=None)
        self._workers.add(worker)
        return worker

    def _end(self, worker: children.Process) -> None:
        self._workers.discard(worker)
        children.end(worker)

    def _exchange(self, worker: children.Process, batch: Batch) -> list[list[Definition]]:
        if worker.stdin is None or worker.stdout is None:
            raise ValueError("a worker has pipes")
        write_batch(worker.stdin, batch)
        ready, _, _ = select.select([worker.stdout], [], [], self._silent_s)
        if not ready:
            raise ValueError("the worker is silent")
        children.sample(worker)
        return read_answer(worker.stdout)


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))
