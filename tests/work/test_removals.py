from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import ledgers
import pytest
from api_client import eventually
from ledgers import Store

from cidxd.errors import UnauthenticatedError
from cidxd.model.audit import By
from cidxd.model.course import Result
from cidxd.model.job import Outcome, Status
from cidxd.model.queue import Limits
from cidxd.store import asker
from cidxd.work.folders import DataFolder
from cidxd.work.removals import Removals


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with ledgers.opened(tmp_path / "cidxd.db", lambda: 1_000.0, Limits()) as made:
        yield made


async def no_upkeep(_repository_id: int) -> None:
    """There is none."""


async def test_a_removal_cancels_what_waits_and_what_runs_in_the_same_commit(
    store: Store,
) -> None:
    job = await store.running()
    await store.ledger.submit(store.request(job.repository_id))
    await store.ledger.remove(job.repository_id, "bob")
    running, queued = store.ledger.state.jobs.values()
    assert (running.status, queued.status) == (Status.RUNNING, Status.CANCELLED)
    for one in (running, queued):
        assert one.cancel is not None
        assert (one.cancel.requested_by, one.cancel.force) == ("bob", False)


async def test_the_files_of_a_job_that_publishes_stay_until_it_has_ended(
    store: Store, tmp_path: Path
) -> None:
    job = await store.running()
    await store.ledger.permit(job.job_id, summary={}, commits=())
    data = DataFolder(tmp_path)
    folder = data.repository(job.repository_id)
    removals = Removals(store.ledger, data, no_upkeep)
    removal = await store.ledger.remove(job.repository_id, "bob")
    assert not await removals.finish(removal, 0.05)
    assert folder.root.exists()
    (kept,) = store.ledger.state.jobs.values()
    assert (kept.status, kept.cancel) == (Status.RUNNING, None)
    done = Result(outcome=Outcome.UPDATED, summary={}, commits=())
    await store.ledger.complete(job.job_id, done)
    removals.notice(store.events[-1:])
    async with asyncio.timeout(10):
        assert await removals.finish(removal, 10)
    assert not folder.root.exists()
    assert store.ledger.state.removals.get(job.repository_id) is None


async def test_a_removal_that_the_disk_refuses_is_tried_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await store.repository()
    data = DataFolder(tmp_path)
    folder = data.repository(number)
    monkeypatch.setattr("cidxd.work.removals.AGAIN_S", 0.0)
    asked = []

    async def refuses_once(repository_id: int) -> None:
        asked.append(repository_id)
        if len(asked) == 1:
            raise OSError("the disk is away")

    removals = Removals(store.ledger, data, refuses_once)
    running = asyncio.create_task(removals.run())
    removal = await store.ledger.remove(number, "bob")
    assert await removals.finish(removal, 10)
    await eventually(lambda: not folder.root.exists())
    assert asked == [number, number]
    running.cancel()
    await asyncio.wait([running])


async def test_a_removal_goes_on_when_who_asked_for_it_has_logged_out(
    store: Store, tmp_path: Path
) -> None:
    number = await store.repository()
    removal = await store.ledger.remove(number, "bob")
    asker.bind(By("bob", session_id="ended"))
    with pytest.raises(UnauthenticatedError):
        await store.ledger.removal_done(number)
    removals = Removals(store.ledger, DataFolder(tmp_path), no_upkeep)
    assert await removals.finish(removal, 10)
    await eventually(lambda: store.ledger.state.removals.get(number) is None)
