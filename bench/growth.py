"""
How a sync's cost grows: with the number of changed files, and with the size of the repository.

`python bench/growth.py [--rounds N] [--pictures FOLDER]` or `make growth`.  The repositories
are generated; what is timed is the build child, from its start to its end, fetch excluded.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import children
from corpus import git
from plot import log_log
from tables import table

CHANGED: Final = (1, 10, 100, 1_000, 10_000)
SIZES: Final = (1_000, 10_000, 50_000, 100_000)
_BASE: Final = 20_000  # files of the repository in which some are changed
_PER_FOLDER: Final = 50
_WORDS: Final = 3_000
_LINES: Final = 40  # of a file, about 1.5 KB
_PHASES: Final = ("diff", "index", "validate", "publish")


class Point(NamedTuple):
    """One measured sync: what was varied, seconds of each phase, and of the whole child."""

    size: int
    phases: dict[str, float]
    whole: float


class Generated:
    """A bare repository whose files were made by chance, with a branch `main`."""

    def __init__(self, folder: Path, files: int) -> None:
        self._dice = random.Random(files)  # noqa: S311 - the same repository in every run
        letters = "abcdefghijklmnopqrstuvwxyz_"
        self._words = [
            "".join(self._dice.choices(letters, k=self._dice.randint(2, 12))) for _ in range(_WORDS)
        ]
        self.folder = folder
        git(folder.parent, "init", "-q", "--bare", "-b", "main", str(folder))
        self.commit(range(files))

    def commit(self, numbers: Sequence[int]) -> str:
        """Give the files of these numbers new content, and return the commit."""
        stream = [b"commit refs/heads/main\ncommitter B <b@example.org> 1700000000 +0000\ndata 0\n"]
        stream += [b"from %s\n" % self.tip.encode()] if self.tip else []
        for number in numbers:
            content = self._content()
            stream.append(b"M 100644 inline %s\ndata %d\n" % (self._path(number), len(content)))
            stream.append(content + b"\n")
        git(self.folder, "fast-import", "--quiet", "--force", stdin=b"".join(stream))
        return self.tip

    def move(self, commit: str) -> None:
        """Put `main` at *commit*."""
        git(self.folder, "update-ref", "refs/heads/main", commit)

    @property
    def tip(self) -> str:
        """Where `main` is; empty before the first commit."""
        return git(self.folder, "for-each-ref", "--format=%(objectname)").decode().strip()

    def _path(self, number: int) -> bytes:
        folder = number // _PER_FOLDER
        return b"src/%02d/part%d/file%d.py" % (folder % 40, folder, number)

    def _content(self) -> bytes:
        lines = (" ".join(self._dice.choices(self._words, k=6)) for _ in range(_LINES))
        return "\n".join(lines).encode()


def main() -> int:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as temporary:
        changed = by_changed_files(Path(temporary), arguments.rounds)
    rows = [_cells(point) for point in changed]
    print(f"\n{_BASE:,} files, some of them changed (ms, medians of {arguments.rounds}):\n")
    print(table(("changed files", *_PHASES, "whole child"), rows), flush=True)
    sized = [_with_size(size, arguments.rounds) for size in SIZES]
    print("\nOne changed file in repositories of different size (ms):\n")
    print(table(("files", *_PHASES, "whole child"), [_cells(point) for point in sized]))
    if arguments.pictures:
        _draw(arguments.pictures, changed, sized)
    return 0


def by_changed_files(folder: Path, rounds: int) -> list[Point]:
    generated = Generated(folder / "repository.git", _BASE)
    index = folder / "index"
    children.build(generated.folder, index, generated.commit([0]))
    return [
        _measured(generated, index, count, rounds, _BASE)._replace(size=count) for count in CHANGED
    ]


def _with_size(files: int, rounds: int) -> Point:
    with tempfile.TemporaryDirectory() as temporary:
        generated = Generated(Path(temporary) / "repository.git", files)
        index = Path(temporary) / "index"
        children.build(generated.folder, index, generated.commit([0]))
        return _measured(generated, index, 1, rounds, files)


def _measured(generated: Generated, index: Path, count: int, rounds: int, files: int) -> Point:
    dice = random.Random(count)  # noqa: S311 - likewise
    builts = []
    kept, base = index.with_name("kept"), generated.tip
    shutil.copytree(index, kept)
    for _ in range(rounds):
        commit = generated.commit(sorted(dice.sample(range(files), count)))
        builts.append(children.build(generated.folder, index, commit))
        assert builts[-1].summary["files_modified"] == count
    # What these rounds left behind must not weigh on the next point.
    shutil.rmtree(index)
    kept.rename(index)
    generated.move(base)
    phases = {name: statistics.median(one.phases[name] for one in builts) for name in _PHASES}
    return Point(files, phases, statistics.median(one.seconds for one in builts))


def _cells(point: Point) -> list[str]:
    figures = [*(point.phases[name] for name in _PHASES), point.whole]
    return [f"{point.size:,}", *(f"{took * 1000:,.1f}" for took in figures)]


def _draw(folder: Path, changed: Sequence[Point], sized: Sequence[Point]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pictures = (
        (
            "growth-changed-files",
            f"A sync in a repository of {_BASE:,} files",
            "changed files",
            changed,
        ),
        ("growth-repository-size", "A sync of one changed file", "files in the repository", sized),
    )
    for name, title, horizontal, points in pictures:
        lines = {
            "whole build child": [(float(p.size), p.whole * 1000) for p in points],
            "its four phases": [(float(p.size), sum(p.phases.values()) * 1000) for p in points],
        }
        picture = log_log(title, horizontal, "milliseconds", lines)
        (folder / f"{name}.svg").write_text(picture)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pictures", type=Path, help="where to write the plots")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
