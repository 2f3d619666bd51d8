"""Rows of syncs: nothing new beside `git fetch`, some commits beside a re-run of cindex."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import peers
from corpus import git
from daemon import Daemon
from stopwatch import alternating, seconds
from subject import Subject
from tables import Row

MANY_REFS: Final = 5000
_ROUNDS: Final = 9  # of what takes milliseconds
_SLACK_S: Final = 0.025
_TARGET: Final = 0.15
_STEPS: Final = (1, 10)  # commits at once


def nothing_new(subject: Subject, daemon: Daemon, folder: Path) -> list[Row]:
    """Return rows with few refs and with many; *folder* is the repository's in the daemon."""
    mirror = folder / "mirror.git"
    few = _alternated(subject, daemon, {"git fetch": mirror})
    whole = folder / "whole.git"
    try:
        _put_many_refs(subject)
        git(folder, "clone", "-q", "--mirror", str(subject.tree), str(whole))
        many = _alternated(subject, daemon, {"git fetch": mirror, "git fetch of all": whole})
    finally:
        _put_many_refs(subject, verb="delete")
    what, refs = "sync with nothing new", f"{MANY_REFS:,} refs"
    one, every = "`git fetch` of the branch", "`git fetch` of all branches"
    return [
        Row(f"{what}, few refs, over HTTP", few["HTTP"], one, few["git fetch"], slack=_SLACK_S),
        Row(f"{what}, few refs, `cidx sync`", few["cidx sync"], one, few["git fetch"]),
        Row(f"{what}, {refs}, over HTTP", many["HTTP"], every, many["git fetch of all"], 1.0),
        Row(f"{what}, {refs}, `cidx sync`", many["cidx sync"], every, many["git fetch of all"]),
        Row(f"{what}, {refs}, over HTTP", many["HTTP"], one, many["git fetch"]),
    ]


def some_commits(
    subject: Subject, daemon: Daemon, codesearches: Sequence[peers.Codesearch], rounds: int
) -> list[Row]:
    """Move the remote's branch on and sync, again and again; `main` ends far from where it was."""
    rows = []
    at = 0
    for step in _STEPS:
        jobs: list[dict[str, Any]] = []
        reruns: dict[str, list[float]] = {one.cindex: [] for one in codesearches}
        for _ in range(rounds):
            at += step
            subject.move(at)
            jobs.append(daemon.sync(subject.name))
            for one in codesearches:
                reruns[one.cindex].append(seconds(one.rerun))
        theirs = {name: statistics.median(took) for name, took in reruns.items()}
        rows += _rows(step, jobs, min(theirs.values(), default=None))
    return rows


def _rows(step: int, jobs: list[dict[str, Any]], theirs: float | None) -> list[Row]:
    job = sorted(jobs, key=_without_fetch)[len(jobs) // 2]
    changed = sorted(_changed(one) for one in jobs)
    files = f"{changed[0]} to {changed[-1]} files"
    what = f"sync of {step} commit{'s'[: step > 1]} ({files}), fetch excluded"
    phases = ", ".join(
        f"{p['name']} {(p['duration_seconds'] or 0) * 1000:.0f}" for p in job["phases"]
    )
    note = f"ms of each phase: {phases}; the job {job['elapsed_seconds'] * 1000:.0f}"
    return [Row(what, _without_fetch(job), "cindex, re-run", theirs, _TARGET, note=note)]


def _without_fetch(job: dict[str, Any]) -> float:
    fetch = next(p["duration_seconds"] for p in job["phases"] if p["name"] == "fetch")
    return float(job["elapsed_seconds"]) - float(fetch or 0)


def _changed(job: dict[str, Any]) -> int:
    names = ("files_added", "files_modified", "files_deleted", "files_renamed")
    return sum(int(job["summary"][name]) for name in names)


def _alternated(subject: Subject, daemon: Daemon, mirrors: dict[str, Path]) -> dict[str, float]:
    def fetch(mirror: Path) -> None:
        if mirror.name == "whole.git":
            git(mirror, "fetch", "-q")
        else:
            peers.fetch(mirror, subject.tree, "main")

    works: dict[str, Any] = {
        "HTTP": lambda: _unchanged(daemon.sync(subject.name)),
        "cidx sync": lambda: daemon.cidx("sync", subject.name, "--timeout", "60"),
    }
    for name, mirror in mirrors.items():
        works[name] = lambda mirror=mirror: fetch(mirror)
    return alternating(works, _ROUNDS)


def _unchanged(job: dict[str, Any]) -> None:
    assert job["outcome"] == "unchanged", job


def _put_many_refs(subject: Subject, verb: str = "create") -> None:
    commit = "" if verb == "delete" else f" {subject.commits[0]}"
    lines = [f"{verb} refs/heads/many/{n}{commit}" for n in range(MANY_REFS)]
    git(subject.tree, "update-ref", "--stdin", stdin="\n".join(lines).encode() + b"\n")
    git(subject.tree, "pack-refs", "--all")
