from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from cidxd.errors import FaultError
from cidxd.work import lock, proc


async def refused(path: Path) -> bool:
    try:
        async with lock.held(path, 0.1):
            return False
    except FaultError as fault:
        return fault.code == "mirror-locked" and fault.transient


async def test_a_repository_is_held_once_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    async with lock.held(path, 0):
        assert await refused(path)
    assert not await refused(path)


async def test_who_waits_gets_the_lock_as_soon_as_it_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    has_lock = asyncio.Event()

    async def wait() -> None:
        async with lock.held(path, 10):
            has_lock.set()

    async with lock.held(path, 0):
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0)
        assert not has_lock.is_set()
    async with asyncio.timeout(5):
        await waiting


async def test_a_cancelled_wait_leaves_the_lock_to_others(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    async with lock.held(path, 0):
        waiting = asyncio.create_task(refused(path))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert not await refused(path)


async def test_the_next_sync_does_not_overlap_a_child_that_outlives_its_daemon(
    tmp_path: Path,
) -> None:
    path = tmp_path / "lock"
    code = "print('here', flush=True)\nimport sys; sys.stdin.read()"
    async with lock.held(path, 0) as descriptor:
        child = await proc.start(
            [sys.executable, "-c", code], env={}, stall_s=30, pass_fds=(descriptor,)
        )
        await child.line()
    assert await refused(path)
    await child.end()
    assert not await refused(path)


async def test_a_child_that_did_not_inherit_the_lock_does_not_hold_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    async with lock.held(path, 0):
        child = await proc.start(
            [sys.executable, "-c", "import sys; sys.stdin.read()"], env={}, stall_s=30
        )
    assert not await refused(path)
    await child.end()
