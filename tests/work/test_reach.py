from __future__ import annotations

import os
from pathlib import Path

import pytest
from sandbox import Checkout, git

from cidxd.git import guard
from cidxd.work import reach

LOCAL = guard.local_env(os.environ)


async def reached(mirror: Path, commit: str, *tips: str) -> str | None:
    return await reach.reachable_from(mirror, commit, list(tips), env=LOCAL, stall_s=20.0)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "checkout")
    made.commit({"a.txt": "one\n"})
    return made


async def test_a_commit_is_reachable_from_the_tip_that_has_it(
    checkout: Checkout, tmp_path: Path
) -> None:
    first = checkout.head()
    second = checkout.commit({"b.txt": "two\n"})
    mirror = tmp_path / "mirror.git"
    git(tmp_path, "clone", "--bare", str(checkout.folder), str(mirror))

    assert await reached(mirror, first, second) == second
    assert await reached(mirror, first[:8].upper(), "0" * 40, second) == second
    assert await reached(mirror, second, first) is None
    assert await reached(mirror, "0" * 40, second) is None
    assert await reached(mirror, "main", second) is None


async def test_a_mirror_that_is_not_there_reaches_nothing(tmp_path: Path) -> None:
    assert await reached(tmp_path / "none.git", "a" * 40, "b" * 40) is None
