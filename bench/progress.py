"""
How far percentages and estimates are from what became true, on syncs of real repositories.

`make bench-progress`, or `python bench/progress.py [--rounds N] [REPO…]`: a REPO is any clone
on this machine, which is cloned once more; without one, this Python's standard library (one
commit) and this project's own history are synced.  A real daemon runs; each job is looked at
over HTTP every 20 ms, as a client would.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import corpus
from corpus import git
from daemon import Daemon

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from remote import Lie, RemoteThread  # noqa: E402 - the tests' own

SHORT_S: Final = 0.3
_LOOK_EVERY_S: Final = 0.02
_FIRST_S: Final = 20.0  # what a throttled first transfer takes at most,
_SLOWEST: Final = 250_000  # bytes a second,
_LATER_S: Final = 6.0  # and a later one about that, if this is enough text:
_ADDED_BYTES: Final = 30_000_000
_PACKED: Final = 0.35  # of text, in a pack
_TEXT_BYTES: Final = 500_000  # of one new file
_CREATED: Final = 201
_POSTS_OF_A_FETCH: Final = 3  # ls-remote asks for the refs, fetch asks again, then come objects


class Look(NamedTuple):
    """A job as a client saw it."""

    elapsed_s: float
    percentage: float
    left_s: float
    low_s: float
    high_s: float


class Course(NamedTuple):
    """
    One sync beside the truth.

    Attributes:
        kind: What was synced.
        took_s: From its first start to its end.
        distance: Mean of |percentage - elapsed share| over its time, in points.
        missed: |estimate - truth| / truth at half time; None without a look by then.
        covered: Share of the looks whose range had the truth in it.
        is_judged: From the second sync of its repository on.
    """

    kind: str
    took_s: float
    distance: float
    missed: float | None
    covered: float
    is_judged: bool


class SlowRemote(RemoteThread):
    """A remote with a bandwidth, which may cut one transfer after so many bytes."""

    rate: int | None = None
    cut_after: int | None = None
    _posts = 0

    def cut_next(self, after: int) -> None:
        self.cut_after, self._posts = after, 0

    def _lie_for(self, path: str) -> Lie:
        if not path.endswith("git-upload-pack"):
            return Lie()
        self._posts += 1
        if self.cut_after is not None and self._posts == _POSTS_OF_A_FETCH:
            cut, self.cut_after = self.cut_after, None
            return Lie(bytes_per_s=self.rate, drop_after=cut)
        return Lie(bytes_per_s=self.rate)


class Source:
    """A clone whose branch `main` is moved on; the daemon's remote."""

    def __init__(self, origin: Path | None, folder: Path) -> None:
        self.tree = folder / "tree"
        if origin is None:
            self.name = "the standard library"
            corpus.standard_library(self.tree)
        else:
            self.name = origin.resolve().name.removesuffix(".git")
            git(folder, "clone", "-q", "--no-checkout", str(origin.resolve()), str(self.tree))
            git(self.tree, "checkout", "-q", "-B", "main", "HEAD")
        git(self.tree, "config", "gc.auto", "0")
        names = git(self.tree, "ls-files", "-z").split(b"\0")[:-1]
        paths = [self.tree / os.fsdecode(name) for name in names]
        files = [path for path in paths if path.is_file() and not path.is_symlink()]
        self._files = {path: path.stat().st_size for path in files}
        self._dice = random.Random(20261125)  # noqa: S311 - the same in every run
        self._number = 0
        texts = (
            path.read_bytes()[:20_000] for path in self._dice.sample(files, min(200, len(files)))
        )
        self._words = list({word for text in texts for word in re.findall(rb"\w{3,20}", text)})

    @property
    def description(self) -> str:
        files, size = len(self._files), corpus.size_bytes(self.tree) / 1e6
        commits = git(self.tree, "rev-list", "--count", "HEAD").decode().strip()
        return f"{self.name}: {files:,} files, {size:.1f} MB, {commits} commits"

    def change(self, share: float, size: int = 0) -> None:
        """Commit another last line in this share of the files, and *size* bytes of new text."""
        self._number += 1
        for path in self._dice.sample(list(self._files), max(1, round(len(self._files) * share))):
            with path.open("r+b") as file:
                file.truncate(self._files[path])
                file.seek(0, os.SEEK_END)
                file.write(b"\nchange %d %d\n" % (self._number, self._dice.getrandbits(64)))
        for number in range(0, size, _TEXT_BYTES):
            text = b" ".join(self._dice.choices(self._words, k=_TEXT_BYTES // 8))
            (self.tree / f"text-{number}.txt").write_bytes(text[: min(_TEXT_BYTES, size - number)])
        git(self.tree, "add", "-A")
        git(self.tree, "commit", "-q", "-m", f"change {self._number}")


class Bench:
    """Syncs repositories of one daemon and watches them."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._known: set[str] = set()

    def register(self, remote: str, name: str) -> None:
        sent = {"remote": remote, "name": name}
        status, answer = self._daemon.ask("POST", "/api/repositories", sent)
        assert status == _CREATED, answer

    def sync(self, kind: str, name: str, **options: Any) -> tuple[Course, dict[str, Any]]:  # noqa: ANN401 - JSON
        _, job = self._daemon.ask("POST", "/api/sync", {"repository": name, **options})
        looks: list[Look] = []
        while job["status"] in {"queued", "running"}:
            if job["started_at"] and job["estimate"]:
                left = job["estimate"]
                seconds = (left[f"{word}_seconds"] for word in ("remaining", "low", "high"))
                looks.append(Look(job["elapsed_seconds"], job["progress_percentage"], *seconds))
            time.sleep(_LOOK_EVERY_S)
            _, job = self._daemon.ask("GET", f"/api/jobs/{job['job_id']}")
        assert job["status"] == "completed", job
        is_judged = name in self._known
        self._known.add(name)
        course = _course(kind, looks, job["elapsed_seconds"], is_judged=is_judged)
        _trace(name, course, looks, job)
        return course, job

    def own_account(self) -> list[dict[str, Any]]:
        _, answer = self._daemon.ask("GET", "/api/stats")
        return list(answer["repositories"])


def _course(kind: str, looks: Sequence[Look], took_s: float, *, is_judged: bool) -> Course:
    """Judge what was seen; between two looks a client sees the earlier one."""
    ends = [look.elapsed_s for look in looks[1:]] + [took_s]
    area = 0.0
    for look, end in zip(looks, ends, strict=True):
        middle = (look.elapsed_s + end) / 2 / took_s
        area += abs(look.percentage / 100 - middle) * max(0.0, end - look.elapsed_s)
    span = took_s - looks[0].elapsed_s if looks else 0.0
    half = [look for look in looks if look.elapsed_s <= took_s / 2]
    missed = None
    if half:
        truth = took_s - half[-1].elapsed_s
        missed = abs(half[-1].left_s - truth) / truth
    inside = [one.low_s <= took_s - one.elapsed_s + 0.05 <= one.high_s + 0.1 for one in looks]
    return Course(
        kind,
        took_s,
        100 * area / span if span > 0 else 0.0,
        missed,
        statistics.mean(inside) if inside else 0.0,
        is_judged,
    )


def _trace(name: str, course: Course, looks: Sequence[Look], job: dict[str, Any]) -> None:
    """Tell on stderr how one sync went."""
    phases = ", ".join(f"{p['name']} {p['duration_seconds'] or 0:.2f}" for p in job["phases"])
    missed = "–" if course.missed is None else f"{course.missed:.0%}"
    print(f"{name}: {course.kind}: {course.took_s:.2f} s, {course.distance:.1f} points, "
          f"at half time off by {missed}, covered {course.covered:.0%}; {phases}",
          file=sys.stderr)  # fmt: skip
    if os.environ.get("TRACE"):
        step = max(1, len(looks) // 25)
        for look in looks[::step]:
            share = 100 * look.elapsed_s / course.took_s
            print(f"    {look.elapsed_s:6.2f} s {share:5.1f} %: shown {look.percentage:5.1f} %, "
                  f"left {look.left_s:.1f} ({look.low_s:.1f} to {look.high_s:.1f}), "
                  f"true {course.took_s - look.elapsed_s:.1f}", file=sys.stderr)  # fmt: skip


def courses(bench: Bench, source: Source, rounds: int) -> Iterator[Course]:
    """Sync one repository in every way."""
    name = source.tree.parent.name
    bench.register(str(source.tree), name)
    first, job = bench.sync("first", name)
    size = job["summary"]["bytes_received"]
    yield first
    for _ in range(rounds):
        source.change(0)
        yield bench.sync("one file", name)[0]
        source.change(0.1)
        yield bench.sync("10 % of the files", name)[0]
        yield bench.sync("full again", name, full=True)[0]
    with SlowRemote(source.tree) as remote:
        slow = f"{name}-slow"
        bench.register(remote.url, slow)
        remote.rate = max(_SLOWEST, int(size / _FIRST_S))
        yield bench.sync("first, throttled", slow)[0]
        added = min(_ADDED_BYTES, int(remote.rate * _LATER_S / _PACKED))
        for _ in range(rounds):
            source.change(0.1, added)
            course, job = bench.sync("10 %, throttled", slow)
            yield course
            source.change(0.1, added)
            remote.cut_next(job["summary"]["bytes_received"] // 2)
            yield bench.sync("10 %, throttled, cut off, tried again", slow)[0]


def table(found: Sequence[Course]) -> None:
    print("| sync | syncs | seconds | distance, points | worst | off at half time "
          "| within 20 % | in the range |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|")
    for kind in dict.fromkeys(course.kind for course in found):
        _row(kind, [course for course in found if course.kind == kind])
    judged = [course for course in found if course.is_judged and course.took_s >= SHORT_S]
    _row("**all from the second on**", judged)
    _row("of them under 1 s", [course for course in judged if course.took_s < 1])


def _row(kind: str, found: Sequence[Course]) -> None:
    if not found:
        return
    missed = [course.missed for course in found if course.missed is not None]
    half = f"{statistics.median(missed):.0%}" if missed else "–"
    near = f"{sum(one <= 0.2 for one in missed)} of {len(missed)}"  # noqa: PLR2004 - the target
    distances = [course.distance for course in found]
    print(f"| {kind} | {len(found)} | {statistics.median(c.took_s for c in found):.2f} "
          f"| {statistics.mean(distances):.1f} | {max(distances):.1f} | {half} | {near} "
          f"| {statistics.mean(course.covered for course in found):.0%} |")  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repos", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=4)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        everything: list[Course] = []
        with Daemon(folder / "daemon") as daemon:
            bench = Bench(daemon)
            for number, origin in enumerate(asked.repos or [None, ROOT]):
                place = folder / f"repository-{number}"
                place.mkdir()
                source = Source(origin, place)
                print(f"\n{source.description}\n")
                found = list(courses(bench, source, asked.rounds))
                table([course for course in found if course.took_s >= SHORT_S])
                everything += found
            print("\nAll repositories:\n")
            table([course for course in everything if course.took_s >= SHORT_S])
            print(f"\nShorter than {SHORT_S} s, and in none of these rows:\n")
            table([course for course in everything if course.took_s < SHORT_S])
            for row in bench.own_account():
                print(f"\nThe daemon's own account of {row['repository']}: "
                      f"{row.get('estimate_error')}")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
