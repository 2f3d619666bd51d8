"""Histories synced commit by commit: the catalogue is the tree, and every answer git grep's."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Final

import pytest
from history import Verdict, first_parents, walk
from sandbox import Checkout, git

import cidxd

_ROOT: Final = Path(cidxd.__file__).parent.parent
_OWN_COMMITS: Final = 16
_MADE_COMMITS: Final = 34
_PER_COMMIT: Final = 2
_CONTENTS: Final = (
    b"def needle(thread):\n    return thread.needle\n",
    b"one\r\ntwo\r\n\r\nthree",
    b"caf\xc3\xa9 \xe2\x84\xaa K k \xc5\xbf s S\nSTRASSE stra\xc3\x9fe\n",
    b"broken \xff\xfe bytes\nneedle \xc3\n",
    b"\0binary needle\n",
    b"a" * 5000 + b" needle\n",
    b"",
    b"x" * (1 << 20) + b"too large\n",
)


def test_the_history_of_this_project_answers_as_git_does_at_every_commit(tmp_path: Path) -> None:
    if not (_ROOT / ".git").exists():
        pytest.skip("this is no clone")
    mirror = tmp_path / "mirror.git"
    git(tmp_path, "clone", "-q", "--bare", "--no-local", str(_ROOT), str(mirror))
    commits = first_parents(mirror, _OWN_COMMITS)
    _is_true(walk(mirror, tmp_path, commits, _PER_COMMIT, random.Random(1)), len(commits))  # noqa: S311 - a sample


def test_a_wild_history_answers_as_git_does_at_every_commit(tmp_path: Path) -> None:
    checkout = _wild(tmp_path / "origin", random.Random(2))  # noqa: S311 - a sample
    mirror = checkout.mirror(tmp_path / "mirror.git")
    commits = first_parents(mirror, _MADE_COMMITS)
    assert len(commits) == _MADE_COMMITS + 1
    _is_true(walk(mirror, tmp_path, commits, _PER_COMMIT, random.Random(3)), len(commits))  # noqa: S311 - a sample


def _is_true(verdict: Verdict, commits: int) -> None:
    assert verdict.differences == []
    assert verdict.comparisons.total() + verdict.left_out.total() == _PER_COMMIT * commits
    assert verdict.comparisons.total() > commits
    assert verdict.lines > commits


def _wild(folder: Path, dice: random.Random) -> Checkout:
    """Make a history that adds, changes, moves, links, empties, deletes and takes back."""
    checkout = Checkout(folder)
    names = [f"src/part_{number}.py" for number in range(9)]
    checkout.commit(dict.fromkeys(names, _CONTENTS[0]))
    for number in range(_MADE_COMMITS):
        if number % 7 == 3:
            checkout.git("revert", "--no-edit", "HEAD")
            continue
        files: dict[str | bytes, bytes | str | None] = {}
        present = checkout.git("ls-files").split("\n")
        one = dice.choice(present)
        match dice.randrange(4):
            case 0 if not (checkout.folder / one).is_symlink():
                files = {f"moved/{number}/file.py": (checkout.folder / one).read_bytes(), one: None}
            case 1 if len(present) > 4:
                files = {one: None}
            case 2:
                (checkout.folder / f"link-{number}").symlink_to(one)
            case _ if not (checkout.folder / one).is_symlink():
                (checkout.folder / one).chmod(0o755)
            case _:
                pass
        changed = dice.choice(names)
        files[changed] = dice.choice(_CONTENTS) + f"round {number}\n".encode()
        files[f"new/{number}.txt"] = dice.choice(_CONTENTS)
        checkout.commit(files)
    return checkout
