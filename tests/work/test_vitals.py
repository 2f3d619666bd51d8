from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiosqlite
import pytest

from cidxd.model.queue import Limits
from cidxd.model.registry import State
from cidxd.store.database import open_writer
from cidxd.store.ledger import Ledger
from cidxd.store.writer import Writer
from cidxd.work import folders, vitals
from cidxd.work.vitals import Beat, Vitals


class Watched:
    """Vitals on a real database, and what they told."""

    def __init__(self, connection: aiosqlite.Connection, folder: Path) -> None:
        self.connection = connection
        self.writer = Writer(connection, State(), lambda _state, _events: None)
        self.told: asyncio.Queue[str] = asyncio.Queue()
        ledger = Ledger(self.writer, State(), Limits(), lambda: 0.0)
        beat = Beat(0.01, self.told.put_nowait)
        self.vitals = Vitals(ledger, folders.prepared(folder), beat, lambda: False)

    async def next(self) -> str:
        return await asyncio.wait_for(self.told.get(), 10)


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    connection = await open_writer(tmp_path / "cidxd.db")
    made = Watched(connection, tmp_path)
    async with made.vitals.watched():
        yield made
    await connection.close()


async def test_a_writer_that_hangs_stops_the_beat_and_one_that_answers_starts_it_again(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vitals, "HANGS_AFTER_S", 0.0)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(watched.told.get(), 0.1)
    (reason,) = watched.vitals.reasons()
    assert reason.startswith("the database has not answered")
    writing = asyncio.create_task(watched.writer.run())
    assert await watched.next() == "0 jobs running, 0 queued"
    watched.writer.stop()
    await writing


async def test_a_full_database_is_told_until_it_has_room_and_not_longer(watched: Watched) -> None:
    writing = asyncio.create_task(watched.writer.run())
    await watched.next()
    ((pages,),) = await watched.connection.execute_fetchall("PRAGMA page_count")
    await watched.connection.execute(f"PRAGMA max_page_count = {pages}")
    watched.writer.fault = "as the last write said"
    while watched.vitals.reasons() != ["the database refuses: database or disk is full"]:
        await watched.next()
    await watched.connection.execute("PRAGMA max_page_count = 1000000")
    while watched.vitals.reasons():
        await watched.next()
    watched.writer.stop()
    await writing


@pytest.mark.parametrize("room", ["ROOM_BYTES", "ROOM_FILES"])
async def test_a_disk_without_room_is_told(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, room: str
) -> None:
    monkeypatch.setattr(vitals, room, 1 << 80)
    writing = asyncio.create_task(watched.writer.run())
    assert "the disk is full" in await watched.next()
    monkeypatch.setattr(vitals, room, 0)
    while watched.vitals.reasons():
        await watched.next()
    watched.writer.stop()
    await writing
