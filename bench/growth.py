"""
How a sync's cost grows: with the number of changed files, and with the size of the repository.

`python bench/growth.py [--rounds N] [--pictures FOLDER]` or `make growth`.  The repositories
are generated; each sync is a job of a real daemon, and the figures are the job's own.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from corpus import git
from daemon import Daemon
from plot import log_log
from tables import table

CHANGED: Final = (1, 10, 100, 1_000, 10_000)
SIZES: Final = (1_000, 10_000, 50_000, 100_000)
_BASE: Final = 20_000  # files of the repository in which some are changed
_PER_FOLDER: Final = 50
_WORDS: Final = 3_000
_FUNCTIONS: Final = 10  # of a file, about 0.8 KB
_PHASES: Final = ("fetch", "diff", "index", "validate", "publish")
_HEAD: Final = (*_PHASES, "fetch excluded", "whole job")


class Point(NamedTuple):
    """One measured sync: what was varied, seconds of each phase, and of the whole job."""

    size: int
    phases: dict[str, float]
    whole: float

    @property
    def without_fetch(self) -> float:
        return self.whole - self.phases["fetch"]


class Generated:
    """A bare repository whose files were made by chance, with a branch `main`."""

    def __init__(self, folder: Path, files: int) -> None:
        self._dice = random.Random(files)  # noqa: S311 - the same repository in every run
        letters = "abcdefghijklmnopqrstuvwxyz_"
        self._words = [
            "".join(self._dice.choices(letters, k=self._dice.randint(2, 12))) for _ in range(_WORDS)
        ]
        self.folder = folder
        self.files = files
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

    @property
    def tip(self) -> str:
        """Where `main` is; empty before the first commit."""
        return git(self.folder, "for-each-ref", "--format=%(objectname)").decode().strip()

    def _path(self, number: int) -> bytes:
        folder = number // _PER_FOLDER
        return b"src/%02d/part%d/file%d.py" % (folder % 40, folder, number)

    def _content(self) -> bytes:
        words = self._dice.choices(self._words, k=5 * _FUNCTIONS)
        parts = (
            f"def {a}_{b}({c}, {d}):\n    return {c}.{e} + {d}\n"
            for a, b, c, d, e in zip(*[iter(words)] * 5, strict=True)
        )
        return "\n".join(parts).encode()


def main() -> int:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as temporary, Daemon(Path(temporary) / "daemon") as daemon:
        folder = Path(temporary)
        changed = [*_by_changed_files(folder, daemon, arguments.rounds)]
        sized = [
            _measured(_made(folder, daemon, size), daemon, 1, arguments.rounds) for size in SIZES
        ]
    print(f"\n{_BASE:,} files, some of them changed (ms, medians of {arguments.rounds}):\n")
    print(table(("changed files", *_HEAD), [_cells(point) for point in changed]))
    print("\nOne changed file in repositories of different size (ms):\n")
    sized = [point._replace(size=size) for point, size in zip(sized, SIZES, strict=True)]
    print(table(("files", *_HEAD), [_cells(point) for point in sized]))
    if arguments.pictures:
        _draw(arguments.pictures, changed, sized)
    return 0


def _by_changed_files(folder: Path, daemon: Daemon, rounds: int) -> Iterator[Point]:
    generated = _made(folder, daemon, _BASE)
    for count in CHANGED:
        yield _measured(generated, daemon, count, rounds)


def _made(folder: Path, daemon: Daemon, files: int) -> Generated:
    """Return a repository that is registered and synced."""
    generated = Generated(folder / f"files-{files}", files)
    daemon.register(generated.folder, generated.folder.name)
    daemon.wait_for_symbols(generated.folder.name)
    return generated


def _measured(generated: Generated, daemon: Daemon, count: int, rounds: int) -> Point:
    dice = random.Random(count)  # noqa: S311 - the same files in every run
    jobs = []
    for _ in range(rounds):
        generated.commit(sorted(dice.sample(range(generated.files), count)))
        jobs.append(daemon.sync(generated.folder.name))
        assert jobs[-1]["summary"]["files_modified"] == count
    took = [{p["name"]: float(p["duration_seconds"] or 0) for p in job["phases"]} for job in jobs]
    phases = {name: statistics.median(one[name] for one in took) for name in _PHASES}
    return Point(count, phases, statistics.median(job["elapsed_seconds"] for job in jobs))


def _cells(point: Point) -> list[str]:
    figures = [*(point.phases[name] for name in _PHASES), point.without_fetch, point.whole]
    return [f"{point.size:,}", *(f"{took * 1000:,.0f}" for took in figures)]


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
            "whole job": [(float(p.size), p.whole * 1000) for p in points],
            "fetch excluded": [(float(p.size), p.without_fetch * 1000) for p in points],
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
