"""
Histories synced commit by commit: every answer beside `git grep` on that commit.

`python bench/truth.py REPO… [--commits 50] [--patterns 700]` or `make truth REPOS="…"`.
Of each REPO the last commits of the first-parent line are taken, the oldest first; the
patterns are spread over them.  Exits 1 if a single answer differs.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import history
from corpus import git
from tables import table


def main() -> int:
    arguments = _arguments()
    rows: list[tuple[str, ...]] = []
    differences: list[str] = []
    kinds: Counter[str] = Counter()
    for repository in arguments.repositories:
        name = Path(repository).resolve().name.removesuffix(".git")
        began = time.perf_counter()
        verdict, commits = examined(Path(repository), arguments)
        kinds += verdict.comparisons
        differences += [f"{name}: {one}" for one in verdict.differences]
        rows.append(
            (
                *(name, str(commits), f"{verdict.comparisons.total():,}", f"{verdict.lines:,}"),
                *(str(len(verdict.differences)), f"{time.perf_counter() - began:.0f} s"),
            )
        )
        print(f"{name}: {verdict.comparisons.total()} compared, {len(verdict.differences)} differ, "
              f"left out: {dict(verdict.left_out)}", file=sys.stderr)  # fmt: skip
    head = ("repository", "commits", "comparisons", "matching lines", "differences", "took")
    print(table(head, rows))
    print(f"\n{kinds.total():,} comparisons: {', '.join(f'{n:,} {k}' for k, n in kinds.items())}.")
    print("\n".join(differences))
    return 1 if differences else 0


def examined(repository: Path, arguments: argparse.Namespace) -> tuple[history.Verdict, int]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        mirror = folder / "mirror.git"
        git(folder, "clone", "-q", "--bare", str(repository.resolve()), str(mirror))
        commits = history.first_parents(mirror, arguments.commits)
        dice = random.Random(arguments.seed)  # noqa: S311 - the same patterns in every run
        per_commit = -(-arguments.patterns // len(commits))
        return history.walk(mirror, folder, commits, per_commit, dice), len(commits)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip())
    parser.add_argument("repositories", nargs="+", metavar="REPO")
    parser.add_argument("--commits", type=int, default=50)
    parser.add_argument("--patterns", type=int, default=700, help="for each repository")
    parser.add_argument("--seed", type=int, default=20261125)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
