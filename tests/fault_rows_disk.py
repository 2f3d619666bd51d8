"""What may befall a mirror on the daemon's own disk; see `drill` for what a scenario is."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path

from drill import NEEDLE, Row, Scenario, Stage
from programs import needs_mounts
from remote import RemoteThread
from sandbox import git

WORKS = "completed, updated"


def damaged(name: str, harm: Callable[[Path], object]) -> Scenario:
    """Return the scenario of a mirror that comes to *harm*."""

    def scenario(stage: Stage) -> Generator[str | None]:
        with RemoteThread(stage.origin.folder) as remote:
            yield remote.url
            stage.change({"src/0/a.txt": "changed\n", "needle.py": f"{NEEDLE} = 'second'\n"})
            harm(stage.mirror)
            yield None
            stage.change({"after.txt": "after\n"})
            yield None
            left = sorted(path.name for path in stage.home.iterdir())
            assert left == ["index", "lock", "mirror.git"], left
            assert_is_sound(stage.mirror)

    scenario.__name__ = name
    return scenario


def assert_is_sound(mirror: Path) -> None:
    looked = ["git", f"--git-dir={mirror}", "fsck", "--full"]
    done = subprocess.run(looked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr, done.stderr


def gone_and_one_branch_asked_for(stage: Stage) -> Generator[str | None]:
    stage.origin.git("checkout", "-q", "-b", "dev")
    stage.change({"dev.txt": "dev\n"})
    stage.origin.git("checkout", "-q", "main")
    stage.registered_with["branches"] = ["dev"]
    with RemoteThread(stage.origin.folder) as remote:
        yield remote.url
        stage.change()
        shutil.rmtree(stage.mirror)
        stage.asked_with = ("--branch", "main")
        yield None
        assert git(stage.mirror, "rev-parse", "dev") == stage.origin.head("dev")


def without_a_tree(mirror: Path) -> None:
    tree = git(mirror, "rev-parse", "main:src")
    for pack in mirror.glob("objects/pack/*.pack"):
        content = pack.read_bytes()
        for path in mirror.glob(f"objects/pack/{pack.stem}.*"):
            path.unlink()
        git(mirror, "unpack-objects", "-q", stdin=content)
    (mirror / "objects" / tree[:2] / tree[2:]).unlink()


def without_objects(mirror: Path) -> None:
    for path in mirror.glob("objects/pack/*"):
        path.unlink()


def with_a_ref_to_nothing(mirror: Path) -> None:
    (mirror / "refs" / "heads" / "main").write_text("b" * 40 + "\n")


def with_a_ref_of_nonsense(mirror: Path) -> None:
    (mirror / "refs" / "heads" / "main").write_text("nonsense\n")


def with_half_a_pack(mirror: Path) -> None:
    for pack in mirror.glob("objects/pack/*.pack"):
        pack.chmod(0o644)
        os.truncate(pack, pack.stat().st_size // 2)


def with_half_an_index(mirror: Path) -> None:
    for index in mirror.glob("objects/pack/*.idx"):
        index.chmod(0o644)
        os.truncate(index, index.stat().st_size // 2)


def with_stale_locks(mirror: Path) -> None:
    for name in (
        *("HEAD.lock", "config.lock", "packed-refs.lock", "shallow.lock"),
        *("refs/heads/main.lock", "objects/pack/tmp_pack_x", "gc.pid.lock"),
    ):
        (mirror / name).write_text("")


def half_made(mirror: Path) -> None:
    shutil.rmtree(mirror / "objects")
    (mirror / "HEAD").unlink()
    shutil.copytree(mirror, mirror.with_name("mirror.git.new"))


def disk_full(stage: Stage) -> Generator[str | None]:
    with RemoteThread(stage.origin.folder) as remote, contextlib.ExitStack() as stack:
        yield remote.url
        stage.change_much(800)
        packs = stage.mirror / "objects" / "pack"
        kept = stage.folder / "packs"
        shutil.copytree(packs, kept)
        within(stage, "mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(packs))
        stack.callback(within, stage, "umount", "-l", str(packs))
        within(stage, "cp", "-a", f"{kept}/.", str(packs))
        yield None
        within(stage, "mount", "-o", "remount,size=20m", str(packs))
        yield None


def within(stage: Stage, *command: str) -> None:
    """Run *command* where the daemon's mounts are."""
    assert stage.server.process is not None
    entered = ["nsenter", "--mount", "--target", str(stage.server.process.pid), *command]
    subprocess.run(entered, check=True)


DAMAGED = "mirror-damaged"
ROWS = [
    Row(
        "mirror: a tree is missing",
        damaged("missing_tree", without_a_tree),
        DAMAGED,
        ends=WORKS,
        attempts=2,
        is_outage=False,
    ),
    Row(
        "mirror: all objects are missing",
        damaged("missing_objects", without_objects),
        ends=WORKS,
        is_outage=False,
    ),
    Row(
        "mirror: a ref names nothing",
        damaged("ref_to_nothing", with_a_ref_to_nothing),
        DAMAGED,
        ends=WORKS,
        attempts=2,
        is_outage=False,
    ),
    Row(
        "mirror: a ref is nonsense",
        damaged("ref_of_nonsense", with_a_ref_of_nonsense),
        DAMAGED,
        ends=WORKS,
        attempts=2,
        is_outage=False,
    ),
    Row(
        "mirror: a pack is cut off",
        damaged("half_a_pack", with_half_a_pack),
        ends=WORKS,
        is_outage=False,
    ),
    Row(
        "mirror: a pack's index is cut off",
        damaged("half_an_index", with_half_an_index),
        ends=WORKS,
        is_outage=False,
    ),
    Row("mirror: stale locks", damaged("stale_locks", with_stale_locks), ends=WORKS),
    Row("mirror: half a clone", damaged("half_clone", half_made), ends=WORKS, is_outage=False),
    Row("mirror: gone", damaged("mirror_gone", shutil.rmtree), ends=WORKS, is_outage=False),
    Row(
        "mirror: gone, and one of two branches is asked for",
        gone_and_one_branch_asked_for,
        ends=WORKS,
        is_outage=False,
    ),
    Row(
        "the disk runs full in the middle of a fetch",
        disk_full,
        "disk-full",
        log="No space left on device",
        marks=(needs_mounts,),
    ),
]
