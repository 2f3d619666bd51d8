"""
The making of symbols: while a build takes content in, and later for what still waits.

A little is parsed in this process, since starting another costs more; what is more goes to
workers, one for each processor.  Nothing found here fails a build: content that kills its
parser has no definitions.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from cidxd.errors import FaultError
from cidxd.indexer import catalog_definitions, catalog_symbols
from cidxd.indexer.catalog_symbols import Unparsed
from cidxd.indexer.catalog_writer import CatalogWriter
from cidxd.indexer.contents import Contents
from cidxd.indexer.definition import Definition
from cidxd.indexer.languages import parsed_by
from cidxd.indexer.symbol_pool import SymbolPool, cores
from cidxd.indexer.symbol_worker import Task, find_all, finder

AT_ONCE_BYTES: Final = 32 << 20  # new content up to this gets its symbols within the build
FEW_BYTES: Final = 512 << 10  # parsed in this process
_ROUND_BYTES: Final = 8 << 20
_ROUND_BLOBS: Final = 2000
_WAITING_BLOBS: Final = 20_000  # more than this is never small
# Stands in the epoch while this process parses.  Whoever finds it knows that a process died
# of the content, and leaves it to a worker.
_MARK: Final = "PARSING"


def check_engine(engine: str) -> None:
    """
    Look whether this machine has an engine, without which no content would have definitions.

    Raises:
        FaultError: `ctags-missing`.
    """
    if engine == "ctags" and shutil.which("ctags") is None:
        raise FaultError("ctags-missing")


class Finder:
    """
    Takes tasks, and gives definitions once it has finished.  It holds in memory what it is given.

    Args:
        engine: Who finds them: `tree-sitter` or `ctags`.
        epoch: Where its mark may stand.
    """

    def __init__(self, engine: str, epoch: Path) -> None:
        self._engine = engine
        self._mark = epoch / _MARK
        self._few: list[Task] = []
        self._few_bytes = 0
        self._found: dict[bytes, list[Definition]] = {}
        self._pool: SymbolPool | None = None

    def put(self, task: Task) -> None:
        """Hand a task over."""
        if self._pool is not None:
            self._pool.put(task)
            return
        self._few.append(task)
        self._few_bytes += len(task.content)
        if self._few_bytes > FEW_BYTES:
            self._hand_on(cores())

    def finish(self, on_batch: Callable[[], None] = lambda: None) -> None:
        """Wait until everything is done; *on_batch* is told of each part."""
        if not self._few and self._pool is None:
            return
        if self._pool is None and (self._engine != "tree-sitter" or self._mark.exists()):
            self._hand_on(1)
        if self._pool is not None:
            self._pool.finish(on_batch)
        else:
            self._mark.touch()
            self._found.update(find_all(finder(self._engine), self._few))
            self._few = []
        self._mark.unlink(missing_ok=True)

    def take(self) -> dict[bytes, list[Definition]]:
        """Return what was found since the last call, by oid."""
        found, self._found = self._found, {}
        return found if self._pool is None else found | self._pool.take()

    def abandon(self) -> None:
        """End the workers, and forget what was not done."""
        self._few = []
        if self._pool is not None:
            self._pool.abandon()

    def _hand_on(self, workers: int) -> None:
        self._pool = SymbolPool(self._engine, workers)
        for task in self._few:
            self._pool.put(task)
        self._few = []


class SymbolIntake:
    """
    The symbols of a build's new content.

    Past *limit_bytes* of content it stops and lets all that is not written yet wait.

    Attributes:
        found: Definitions written.
    """

    def __init__(
        self,
        catalog: CatalogWriter,
        epoch: Path,
        engine: str,
        grammars: Mapping[bytes, str],
        limit_bytes: int = AT_ONCE_BYTES,
    ) -> None:
        self.found = 0
        self._catalog = catalog
        self._parsed = parsed_by(engine)
        self._grammars = grammars
        self._left_bytes = limit_bytes
        self._finder = Finder(engine, epoch)
        self._offered: dict[bytes, str] = {}  # and not in the catalogue yet
        self._registered: dict[bytes, str] = {}  # without symbols so far
        self._found: dict[bytes, list[Definition]] = {}

    def offer(self, oid: bytes, content: bytes) -> None:
        """Take a blob whose content is being indexed."""
        grammar = self._grammars.get(oid)
        if grammar not in self._parsed or grammar is None:
            return
        self._offered[oid] = grammar
        if self._left_bytes < 0:
            return
        self._left_bytes -= len(content)
        if self._left_bytes < 0:
            self._finder.abandon()
        else:
            self._finder.put(Task(oid, grammar, content))

    def finish(self, on_batch: Callable[[], None] = lambda: None) -> None:
        """Wait for what was offered, if it is little enough; *on_batch* is told of each part."""
        if self._left_bytes >= 0:
            self._finder.finish(on_batch)

    def store(self, oids: Iterable[bytes]) -> None:
        """
        Write what was found, and what waits, within the transaction that registers *oids*.

        What was offered and is registered later has its turn then.
        """
        new = {oid: grammar for oid in oids if (grammar := self._offered.pop(oid, None))}
        self._registered.update(new)
        self._found.update(self._finder.take())
        ready = {oid: rows for oid, rows in self._found.items() if oid in self._registered}
        for oid in ready:
            del self._found[oid], self._registered[oid]
        catalog_symbols.put_symbols(self._catalog, ready)
        waiting = {oid: grammar for oid, grammar in new.items() if oid not in ready}
        catalog_symbols.mark_unparsed(self._catalog, waiting.items())
        self.found += sum(map(len, ready.values()))

    def abandon(self) -> None:
        """End the workers."""
        self._finder.abandon()


def parse_little(catalog: CatalogWriter, epoch: Path, engine: str, limit_bytes: int) -> None:
    """
    Make the symbols that wait, if those are no more than a build may make before it publishes.

    What waits then is what an interrupted build left.  Raises as `parse_some` does.
    """
    waiting = catalog_symbols.take_unparsed(catalog, _WAITING_BLOBS)
    is_little = len(waiting) < _WAITING_BLOBS and sum(b.size for b in waiting) <= limit_bytes
    if waiting and is_little:
        with Contents(epoch, catalog) as contents:
            parse_some(catalog, epoch, contents.read, engine, budget_s=math.inf)


def parse_some(
    catalog: CatalogWriter,
    epoch: Path,
    read: Callable[[int, int], bytes],
    engine: str,
    *,
    budget_s: float,
) -> int:
    """
    Make the symbols of blobs that wait, round by round, each a commit; return how many still do.

    Args:
        catalog: Of *epoch*; not within a transaction.
        epoch: Its folder.
        read: Returns the content of (segment number, document).
        engine: `tree-sitter` or `ctags`.
        budget_s: No round begins after so many seconds; one takes some seconds.

    Raises:
        FaultError: What *read* raises, or the catalogue.
    """
    end_s = time.monotonic() + budget_s
    while waiting := _round(catalog):
        finder = Finder(engine, epoch)
        try:
            for blob in waiting:
                content = read(blob.segment_number, blob.document)
                finder.put(Task(blob.oid, blob.grammar, content))
            finder.finish()
        finally:
            finder.abandon()
        none: dict[bytes, list[Definition]] = {blob.oid: [] for blob in waiting}
        catalog.begin()
        catalog_symbols.put_symbols(catalog, none | finder.take())
        catalog.commit()
        if time.monotonic() >= end_s:
            return catalog_definitions.count_unparsed(catalog)
    if catalog_definitions.count_unparsed(catalog):
        catalog.begin()
        catalog_symbols.forget_lost(catalog)
        catalog.commit()
    return 0


def _round(catalog: CatalogWriter) -> list[Unparsed]:
    waiting = catalog_symbols.take_unparsed(catalog, _ROUND_BLOBS)
    size = 0
    for count, blob in enumerate(waiting):
        size += blob.size
        if size > _ROUND_BYTES:
            return waiting[: count + 1]
    return waiting
