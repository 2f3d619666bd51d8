from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cidxd.errors import FaultError
from cidxd.work import lock, orphans, proc
from cidxd.work.child import Child
from cidxd.work.folders import DataFolder
from cidxd.work.orphans import Note

IGNORES_TERM = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
SAYS_SO_AND_STAYS = "print('here', flush=True)\nimport time\ntime.sleep(600)"


def started(pid: int) -> int:
    """Return field 22 of /proc/PID/stat, as proc(5) counts them."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path)
    made.repository(7)
    return made


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is none of ours, in a group of its own."""
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as made:
        yield made
        made.kill()


@pytest.fixture
def member() -> Iterator[subprocess.Popen[bytes]]:
    """A process in the group of these tests."""
    with subprocess.Popen(["sleep", "600"]) as made:
        yield made
        made.kill()


async def left_behind(data: DataFolder, code: str) -> Child:
    """Start a child with the lock of repository 7, and let go of the lock as a dead daemon does."""
    async with lock.held(data.repository(7).lock, 0) as descriptor:
        argv = [sys.executable, "-c", code]
        child = await proc.start(
            argv, env={"PATH": os.environ["PATH"]}, stall_s=30, pass_fds=(descriptor,)
        )
        assert await child.line() == b"here"
    return child


async def ended(data: DataFolder, *, grace_s: float = 30.0) -> list[tuple[int, int]]:
    return [*await asyncio.to_thread(orphans.end, data, grace_s)]


async def is_free(data: DataFolder) -> bool:
    try:
        async with lock.held(data.repository(7).lock, 0):
            return True
    except FaultError:
        return False


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        (b"", []),
        (b"12 3456\n", [Note(12, 3456)]),
        (b"12 3456\n78 90\n", [Note(12, 3456), Note(78, 90)]),
        (b"12 34\n56 7", [Note(12, 34), Note(56, 7)]),
        (b"12\n", []),
        (b"12 34 56\n7 8\n", [Note(7, 8)]),
        (b"-1 34\n0 34\n1.5 3\n0x10 3\n+4 4\n", []),
        ("\N{SUPERSCRIPT TWO} 3\n".encode(), []),
        (b"9" * 5000 + b" 1\n2 3\n", [Note(2, 3)]),
        (b"\x00\xff\xfe\n\n \n4 5\n", [Note(4, 5)]),
    ],
)
def test_what_is_no_note_is_passed_over(text: bytes, notes: list[Note]) -> None:
    assert orphans.noted(text) == notes


async def test_a_child_is_noted_with_its_start_until_the_lock_is_taken_again(
    data: DataFolder,
) -> None:
    child = await left_behind(data, SAYS_SO_AND_STAYS)
    path = data.repository(7).lock
    [note] = orphans.noted(path.read_bytes())
    assert note.started == started(note.pid)
    await child.end()
    assert await is_free(data)
    assert path.read_bytes() == b""


async def test_an_orphan_and_those_it_started_are_ended_and_the_lock_is_free(
    data: DataFolder,
) -> None:
    child = await left_behind(
        data, "import subprocess\nsubprocess.Popen(['sleep', '600'])\n" + SAYS_SO_AND_STAYS
    )
    assert not await is_free(data)
    [(repository_id, _pid)] = await ended(data)
    assert repository_id == 7
    assert await is_free(data)
    assert (await child.exited()).code == -15


async def test_an_orphan_that_ignores_term_is_killed(data: DataFolder) -> None:
    child = await left_behind(data, IGNORES_TERM + SAYS_SO_AND_STAYS)
    assert len(await ended(data, grace_s=0.1)) == 1
    assert await is_free(data)
    assert (await child.exited()).code == -9


async def test_a_process_that_only_has_the_number_of_an_orphan_is_left_alone(
    data: DataFolder, bystander: subprocess.Popen[bytes]
) -> None:
    child = await left_behind(data, SAYS_SO_AND_STAYS)
    path = data.repository(7).lock
    path.write_text(f"{bystander.pid} {started(bystander.pid) - 1}\n")
    assert await ended(data) == []
    assert bystander.poll() is None
    assert not await is_free(data), "whoever holds the lock is waited for, as ever"
    await child.end()


async def test_where_the_lock_is_free_nobody_is_ended(
    data: DataFolder, bystander: subprocess.Popen[bytes]
) -> None:
    path = data.repository(7).lock
    assert await ended(data) == []
    path.write_text(f"{bystander.pid} {started(bystander.pid)}\n")
    assert await ended(data) == []
    assert bystander.poll() is None


async def test_a_process_that_leads_no_group_is_left_alone(
    data: DataFolder, member: subprocess.Popen[bytes]
) -> None:
    child = await left_behind(data, SAYS_SO_AND_STAYS)
    data.repository(7).lock.write_text(f"{member.pid} {started(member.pid)}\n")
    assert await ended(data) == []
    assert member.poll() is None
    await child.end()


def test_a_data_folder_without_repositories_has_no_orphans(tmp_path: Path) -> None:
    (tmp_path / "repositories" / "lost+found").mkdir(parents=True)
    (tmp_path / "repositories" / "lost+found" / "lock").touch()
    assert orphans.end(DataFolder(tmp_path)) == []
    assert orphans.end(DataFolder(tmp_path / "none")) == []
