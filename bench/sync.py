"""
First sync, no-change sync and one-commit sync of a real repository, beside git itself.

`make bench`, or `python bench/sync.py [REPO]`: REPO is a checkout that may be committed
to (it is cloned first); without it the standard library of this Python is used.
All of it runs on this machine, in one run, the page cache warm; figures are medians.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import corpus

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 9
PHASES = ("fetch", "diff", "index", "validate", "publish")


class User:
    """Somebody with an empty home and the client."""

    def __init__(self, home: Path) -> None:
        home.mkdir()
        self.env = {**corpus.ENV, "HOME": str(home), "PYTHONPATH": str(ROOT)}
        for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "CIDX_SERVER", "CIDX_TOKEN"):
            self.env.pop(name, None)

    def cidx(self, *argv: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "cidx", *argv],
            env=self.env,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def sync(self, name: str) -> dict[str, Any]:
        return dict(json.loads(self.cidx("sync", name, "--timeout", "600", "--json")))


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def median(work: Callable[[], float], rounds: int = ROUNDS) -> float:
    return statistics.median(work() for _ in range(rounds))


def git_fetch(mirror: Path, remote: Path) -> None:
    subprocess.run(
        [
            *("git", f"--git-dir={mirror}", "fetch", "-q", "--no-tags", str(remote)),
            "+refs/heads/main:refs/heads/main",
        ],
        env=corpus.ENV,
        check=True,
    )


def fresh_mirror(folder: Path) -> Path:
    subprocess.run(["git", "init", "-q", "--bare", str(folder)], env=corpus.ENV, check=True)
    return folder


def phase_row(what: str, job: dict[str, Any]) -> str:
    took = [phase["duration_seconds"] for phase in job["phases"]]
    cells = [f"{part * 1000:.0f}" if part is not None else "–" for part in took]
    peak = job["resources"]["peak_rss_bytes"] / 1e6
    cpu = job["resources"]["cpu_seconds"]
    return (
        f"| {what} | {' | '.join(cells)} | {job['elapsed_seconds'] * 1000:.0f} "
        f"| {cpu:.2f} | {peak:.0f} |"
    )


def median_job(jobs: list[dict[str, Any]]) -> dict[str, Any]:
    return sorted(jobs, key=lambda job: float(job["elapsed_seconds"]))[len(jobs) // 2]


def syncs(user: User, remote: Path, folder: Path) -> None:
    first = user.sync("bench")
    nothing = [user.sync("bench") for _ in range(ROUNDS)]
    ones, fetches = [], []
    mirror = fresh_mirror(folder / "mirror.git")
    first_fetch = seconds(lambda: git_fetch(mirror, remote))
    nothing_fetch = median(lambda: seconds(lambda: git_fetch(mirror, remote)))
    for number in range(ROUNDS):
        corpus.change_one_file(remote, number)
        ones.append(user.sync("bench"))
        fetches.append(seconds(lambda: git_fetch(mirror, remote)))
    assert first["outcome"] == "updated"
    assert {job["outcome"] for job in nothing} == {"unchanged"}
    assert {job["summary"]["blobs_new"] for job in ones} == {1}
    print("\nMilliseconds of each phase, by the job's own account (medians of "
          f"{ROUNDS}; the first sync once):\n")  # fmt: skip
    print(f"| sync | {' | '.join(PHASES)} | whole | CPU s | peak MB |")
    print("|---|" + "---|" * (len(PHASES) + 3))
    print(phase_row("first", first))
    print(phase_row("nothing new", median_job(nothing)))
    print(phase_row("one commit, one file", median_job(ones)))
    print("\n`git fetch` of the same into a mirror of its own: "
          f"first {first_fetch * 1000:.0f} ms, nothing new {nothing_fetch * 1000:.0f} ms, "
          f"one commit {statistics.median(fetches) * 1000:.0f} ms.")  # fmt: skip
    summary = first["summary"]
    print(f"First sync: {summary['files_total']:,} files, {summary['files_indexed']:,} indexed, "
          f"{summary['bytes_indexed'] / 1e6:.1f} MB of text, "
          f"skipped {summary['skipped_by_reason']}.")  # fmt: skip


def queries(user: User, remote: Path) -> None:
    print("\n| search | cidx query | git grep in the work tree | matches |")
    print("|---|---|---|---|")
    for literal in ("ArgumentParser", "def __init__", "NotAnywhereAtAll", "import"):
        found = user.cidx("query", literal, "--repo", "bench", "--limit", "50", "--json")
        ours = median(
            lambda literal=literal: seconds(  # type: ignore[misc]
                lambda: user.cidx("query", literal, "--repo", "bench", "--limit", "50", "--json")
            )
        )
        grep = ["git", "grep", "-n", "-I", "-F", "-e", literal]
        theirs = median(
            lambda grep=grep: seconds(  # type: ignore[misc]
                lambda: subprocess.run(
                    grep, cwd=remote, env=corpus.ENV, capture_output=True, check=False
                )
            )
        )
        print(f"| `{literal}`, first 50 | {ours * 1000:.0f} ms | {theirs * 1000:.0f} ms "
              f"| {found.count(chr(10))} |")  # fmt: skip
    start = median(lambda: seconds(lambda: user.cidx("--version")))
    print(f"\nOf that, starting the client (`cidx --version`): {start * 1000:.0f} ms.")


def main() -> int:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        remote = folder / "remote"
        if sys.argv[1:]:
            subprocess.run(["git", "clone", "-q", sys.argv[1], str(remote)], check=True)
        else:
            corpus.standard_library(remote)
        print(f"{corpus.size_bytes(remote) / 1e6:.1f} MB in HEAD, {os.cpu_count()} cores, "
              f"Python {sys.version.split()[0]}, "
              f"{corpus.git(remote, 'version').decode().strip()}")  # fmt: skip
        user = User(folder / "home")
        try:
            user.cidx("repo", "add", str(remote), "--name", "bench")
            syncs(user, remote, folder)
            queries(user, remote)
        finally:
            user.cidx("down")
    return 0


if __name__ == "__main__":
    sys.exit(main())
