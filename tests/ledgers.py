"""A ledger on a real database, for the tests of the store and of what stands on it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiosqlite

from cidxd.model.catalogue import Registration
from cidxd.model.intake import SyncRequest
from cidxd.model.job import Event, Job
from cidxd.model.queue import Limits
from cidxd.store import load
from cidxd.store.database import open_writer
from cidxd.store.ledger import Ledger
from cidxd.store.writer import Writer

_NUMBERS = itertools.count()  # no id is given twice, also after a restart


class Store:
    """A ledger on a real database, and what it told."""

    def __init__(self, ledger: Ledger, connection: aiosqlite.Connection, path: Path) -> None:
        self.ledger = ledger
        self.connection = connection
        self.path = path
        self.events: list[Event] = []
        self.ids = (f"019{number:07d}" for number in _NUMBERS)

    async def repository(self, name: str = "demo") -> int:
        row = await self.ledger.register(
            Registration(remote=f"https://example.org/{name}.git", user="ada", name=name)
        )
        return row.repository_id

    def request(self, repository_id: int, user: str = "ada", **more: object) -> SyncRequest:
        return SyncRequest(
            job_id=next(self.ids),
            repository_id=repository_id,
            user=user,
            **more,  # type: ignore[arg-type]
        )

    async def running(self) -> Job:
        repository_id = await self.repository()
        await self.ledger.submit(self.request(repository_id))
        (job,) = await self.ledger.claim_due()
        return job


@contextlib.asynccontextmanager
async def opened(path: Path, clock: Callable[[], float], limits: Limits) -> AsyncIterator[Store]:
    connection = await open_writer(path)
    state = await load.load_state(connection)
    heard: list[Event] = []
    writer = Writer(connection, state, lambda _state, events: heard.extend(events))
    task = asyncio.create_task(writer.run())
    store = Store(Ledger(writer, state, limits, clock), connection, path)
    store.events = heard
    try:
        yield store
    finally:
        writer.stop()
        await task
        await connection.close()
