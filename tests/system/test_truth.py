"""What a search finds is what `git grep` finds, on real code."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from house import PATIENCE_S, Home, Server
from sandbox import Checkout

SAMPLES = 60
FILES = 250
GLOBS = ("*.py", "asyncio/*.py", "email/*.py", "json/*.py")


class Library(NamedTuple):
    """A user, the daemon's mirror, and the commit that is indexed."""

    home: Home
    mirror: Path
    commit: str


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """A part of the standard library, synced."""
    folder = tmp_path_factory.mktemp("truth")
    home = Home(folder / "home")
    server = Server(home, folder / "server")
    server.start()
    server.sign_in(home)
    origin = Checkout(folder / "origin")
    stdlib = Path(sysconfig.get_path("stdlib"))
    for path in sorted(path for glob in GLOBS for path in stdlib.glob(glob))[:FILES]:
        copy = origin.folder / path.relative_to(stdlib)
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(path, copy)
    commit = origin.commit({})
    home.cidx("repo", "add", str(origin.folder), "--name", "library")
    home.cidx("sync", "library", "--timeout", "60")
    [mirror] = (server.folder / "data" / "repositories").glob("*/mirror.git")
    yield Library(home, mirror, commit)
    assert server.stop() == 0


def literals(library: Library) -> list[str]:
    """Return words, parts of words and pieces of lines, some rare, some everywhere."""
    dice = random.Random(20_240_531)  # noqa: S311 - a sample, no secret
    listed = git(library.mirror, "ls-tree", "-r", "--name-only", "-z", library.commit)
    names = listed.decode().split("\0")[:-1]
    found: list[str] = ["self", "é", "->", "  # ", "x" * 40]
    while len(found) < SAMPLES:
        text = git(library.mirror, "show", f"{library.commit}:{dice.choice(names)}").decode()
        line = dice.choice([line for line in text.splitlines() if len(line) > 3] or ["pass"])
        words = re.findall(r"\w+", line) or [line]
        begin = dice.randrange(len(line) - 2)
        piece = line[begin : begin + dice.randint(2, 25)]
        literal = dice.choice([dice.choice(words), piece])
        if literal.strip() and literal not in found:
            found.append(literal)
    return found


def git(mirror: Path, *args: str, codes: tuple[int, ...] = (0,)) -> bytes:
    done = subprocess.run(
        ["git", *args],
        cwd=mirror,
        env={**os.environ, "LC_ALL": "C.UTF-8", "GIT_CONFIG_GLOBAL": "/dev/null"},
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode in codes, done.stderr
    return done.stdout


def grepped(library: Library, literal: str) -> set[tuple[str, int]]:
    argv = ("grep", "-I", "-F", "-n", "-z", "-e", literal, library.commit)
    # With -z a match is COMMIT:path NUL number NUL line.
    rows = [row.split(b"\0", 2) for row in git(library.mirror, *argv, codes=(0, 1)).split(b"\n")]
    return {(row[0].decode().partition(":")[2], int(row[1])) for row in rows if len(row) > 1}


def queried(library: Library, literal: str) -> set[tuple[str, int]]:
    argv = ("query", "--repo", "library", "--limit", "0", "--json", "--", literal)
    matches = [json.loads(line) for line in library.home.cidx(*argv).splitlines()]
    found = {(match["path"], match["line"]) for match in matches}
    assert len(found) == len(matches), "a line is told once"
    return found


def test_a_query_finds_exactly_the_lines_that_git_grep_finds(library: Library) -> None:
    total = 0
    for literal in literals(library):
        expected = grepped(library, literal)
        assert queried(library, literal) == expected, f"{literal!r}"
        total += len(expected)
    assert total > 10_000
