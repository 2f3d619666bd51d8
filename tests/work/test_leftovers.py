from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from cidxd.work import grace, leftovers
from cidxd.work.folders import RepositoryFolder

HALF_DONE = (
    "mirror.git/packed-refs.lock",
    "mirror.git/refs/heads/a/b.lock",
    "mirror.git/objects/pack/tmp_pack_1",
    "mirror.git/objects/ab/tmp_obj_1",
    "mirror.git/objects/tmp_objdir-incoming-1/x",
    "mirror.git.new/HEAD",
)
WHOLE = ("mirror.git/HEAD", "mirror.git/objects/pack/pack-1.pack", "mirror.git/refs/heads/a/b")


@pytest.fixture
def folder(tmp_path: Path) -> RepositoryFolder:
    made = RepositoryFolder(tmp_path)
    for name in (*HALF_DONE, *WHOLE):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return made


def files(folder: RepositoryFolder) -> set[str]:
    return {str(p.relative_to(folder.root)) for p in folder.root.rglob("*") if p.is_file()}


async def test_what_ends_well_has_left_nothing_to_remove(folder: RepositoryFolder) -> None:
    async with leftovers.removed(folder, _never):
        pass
    assert files(folder) == {*HALF_DONE, *WHOLE}


@pytest.mark.parametrize("was_killed", [False, True])
async def test_after_a_cancel_nothing_is_left_half_done(
    folder: RepositoryFolder, *, was_killed: bool
) -> None:
    swept: list[Path] = []

    async def sweep(index: Path) -> None:
        swept.append(index)

    async def work() -> None:
        grace.begin().has_killed = was_killed
        async with leftovers.removed(folder, sweep):
            await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert files(folder) == set(WHOLE)
    assert not (folder.root / "mirror.git.new").exists()
    assert swept == ([folder.index] if was_killed else [])


async def test_a_cancelled_job_has_no_thread_that_goes_on_in_the_mirror() -> None:
    has_begun, may_end, has_ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        has_begun.set()
        may_end.wait()
        has_ended.set()

    task = asyncio.create_task(leftovers.in_thread(work))
    await asyncio.to_thread(has_begun.wait)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert has_ended.is_set()


async def _never(_index: Path) -> None:
    raise AssertionError
