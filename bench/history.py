"""
A history synced commit by commit, and every answer on the way held against `git grep`.

This is the core of `bench/truth.py` and of the tests' smaller run of the same.
"""

from __future__ import annotations

import base64
import random
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import children
import corpus
from children import MAX_FILE_BYTES, Searcher
from corpus import git
from samples import Sample, sample

Place = tuple[bytes, int]
Leaf = tuple[bytes, int, bytes]  # path, mode, binary blob id
_FILES: Final = 12  # read for the patterns of one commit
_ENGINE: Final = "tree-sitter"
_SYMLINK: Final = 0o120000  # the mode of a link; those of files are below it
_MOST: Final = 30_000  # matching lines of one comparison
_TIMEOUT_MS: Final = 600_000


@dataclass(slots=True)
class Verdict:
    """What was compared: how many patterns of each kind, how many lines, and what differs."""

    comparisons: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)


def first_parents(repository: Path, count: int, tip: str = "HEAD") -> list[str]:
    """Return up to *count* + 1 consecutive commits that end with *tip*, the oldest first."""
    argv = ("rev-list", "--first-parent", f"-{count + 1}", tip)
    return git(repository, *argv).decode().split()[::-1]


def walk(
    mirror: Path, folder: Path, commits: Sequence[str], per_commit: int, dice: random.Random
) -> Verdict:
    """
    Sync *mirror* to each of *commits* in turn and compare *per_commit* patterns at each.

    At each commit the catalogue must also hold what `git ls-tree` lists; after the last one
    the same as a full rebuild, whose index is put beside the other in *folder*.
    """
    verdict = Verdict()
    index = folder / "index"
    before = None
    # One search child for all of it: an index that moves under it is a case of its own.
    with Searcher(index) as searcher:
        for commit in commits:
            children.build(mirror, index, commit, symbols=_ENGINE)
            here = _Comparison(verdict, mirror, commit)
            here.leaves(index)
            lines = _lines(dice, mirror, before, commit)
            for _ in range(per_commit if lines else 0):
                here.answer(searcher, sample(dice, lines))
            before = commit
    rebuilt = folder / "rebuilt"
    children.build(mirror, rebuilt, commits[-1], symbols=_ENGINE)
    for what, listed in (("catalogue", entries), ("symbols", symbols)):
        if odd := listed(index) ^ listed(rebuilt):
            odder = sorted(map(repr, odd))[:5]
            verdict.differences.append(f"the {what} is not that of a rebuild: {odder}")
    return verdict


def entries(index: Path) -> set[Any]:
    """Return (branch, path, mode, blob id, reason of a skip) of everything in the catalogue."""
    return _rows(
        index,
        "SELECT b.name, e.path, e.mode, o.oid, o.skip FROM entry e"
        " JOIN branch b USING (branch_id) JOIN blob o USING (blob_id)",
    )


def symbols(index: Path) -> set[Any]:
    """Return (blob id, number, name, kind, line, scope) of every definition that can be found."""
    return _rows(
        index,
        "SELECT o.oid, s.number, s.name, s.kind, s.line, s.scope FROM symbol s"
        " JOIN blob o USING (blob_id) WHERE blob_id IN (SELECT blob_id FROM entry)",
    )


def _rows(index: Path, query: str) -> set[Any]:
    epoch = (index / "CURRENT").read_text().strip()
    with closing(sqlite3.connect(f"file:{index / epoch / 'catalog.db'}?mode=ro", uri=True)) as db:
        return set(db.execute(query))


class _Comparison:
    """What is held against git at one commit."""

    def __init__(self, verdict: Verdict, mirror: Path, commit: str) -> None:
        self._verdict = verdict
        self._mirror = mirror
        self._commit = commit
        self._unread = _too_large(mirror, commit)

    def leaves(self, index: Path) -> None:
        """Compare the catalogue with the tree."""
        ours = {(path, mode, oid) for _, path, mode, oid, _ in entries(index)}
        if odd := ours ^ set(_leaves(self._mirror, self._commit)):
            self._note(f"the catalogue is not the tree: {sorted(odd)[:5]}")

    def answer(self, searcher: Searcher, one: Sample) -> None:
        """Compare what one pattern finds."""
        theirs = by_git(self._mirror, self._commit, one)
        if theirs is None:
            self._verdict.left_out["git refuses it"] += 1
            return
        expected = {place for place in theirs if place[0] not in self._unread}
        if len(expected) > _MOST:
            self._verdict.left_out["it matches too much"] += 1
            return
        answer = by_cidx(searcher, one)
        if answer == "mode-unknown":
            self._verdict.left_out["regular expressions are not there yet"] += 1
            return
        self._verdict.comparisons[one.kind] += 1
        self._verdict.lines += len(expected)
        if isinstance(answer, str):
            self._note(f"{one}: {answer}")
        elif answer != expected:
            missing, more = sorted(expected - answer)[:3], sorted(answer - expected)[:3]
            self._note(f"{one}: missing {missing}, too many {more}")

    def _note(self, what: str) -> None:
        self._verdict.differences.append(f"{self._commit}: {what}")


def _leaves(mirror: Path, commit: str) -> Iterator[Leaf]:
    for line in git(mirror, "ls-tree", "-r", "-z", commit).split(b"\0")[:-1]:
        head, path = line.split(b"\t", 1)
        mode, _, oid = head.split()
        yield path, int(mode, 8), bytes.fromhex(oid.decode())


def by_git(mirror: Path, commit: str, one: Sample) -> set[Place] | None:
    """Return the lines that git grep finds on *commit*; None if it refuses the pattern."""
    argv = ["git", "grep", "-I", "-n", "-z", *one.flags, "-e", one.text, commit]
    done = subprocess.run(argv, cwd=mirror, env=corpus.ENV, capture_output=True, check=False)
    if done.returncode > 1:
        return None
    start = commit.encode() + b":"
    found = set()
    for line in done.stdout.split(b"\n"):
        if line.startswith(start) and line.count(b"\0") > 1:
            path, number, text = line[len(start) :].split(b"\0", 2)
            if text.isascii() or not one.is_ascii:
                found.add((path, int(number)))
    return found


def by_cidx(searcher: Searcher, one: Sample) -> set[Place] | str:
    """Return the lines that a search finds, page by page; or the code of its refusal."""
    found: set[Place] = set()
    cursor = None
    while True:
        status, body = searcher.ask(
            one.text, limit=0, cursor=cursor, timeout_ms=_TIMEOUT_MS, **one.options
        )
        if status != 200:  # noqa: PLR2004 - an HTTP status
            return str(body["code"])
        if not body["complete"]:
            return f"incomplete: {body['reason']}"
        for match in body["matches"]:
            if match["text"].isascii() or not one.is_ascii:
                raw = match.get("path_base64")
                path = base64.b64decode(raw) if raw else match["path"].encode()
                found.add((path, match["line"]))
        cursor = body["next_cursor"]
        if cursor is None:
            return found


def _lines(dice: random.Random, mirror: Path, before: str | None, commit: str) -> list[str]:
    """Return lines of some files, above all of those that changed, as they are and as they were."""
    now = _files(mirror, commit)
    chosen = set(dice.sample(sorted(now.values()), min(_FILES // 2, len(now))))
    if before is not None:
        changed = sorted({oid for _, oid in now.items() ^ _files(mirror, before).items()})
        chosen |= set(dice.sample(changed, min(_FILES // 2, len(changed))))
    lines = []
    for oid in sorted(chosen):
        content = git(mirror, "cat-file", "blob", oid.hex())
        if b"\0" not in content[:8000] and len(content) <= MAX_FILE_BYTES:
            lines += [line for line in content.split(b"\n") if line.strip() and b"\0" not in line]
    texts = (line.decode("utf-8", "replace") for line in lines)
    return [text for text in texts if text.strip() and "\ufffd" not in text]


def _files(mirror: Path, commit: str) -> dict[bytes, bytes]:
    """Return the blob id of each regular file."""
    return {path: oid for path, mode, oid in _leaves(mirror, commit) if mode < _SYMLINK}


def _too_large(mirror: Path, commit: str) -> set[bytes]:
    """Return the files over the limit, which are found by path only."""
    listed = git(mirror, "ls-tree", "-r", "-l", "-z", commit).split(b"\0")[:-1]
    rows = (line.split(b"\t", 1) for line in listed)
    sizes = ((path, head.split()[3]) for head, path in rows)
    return {path for path, size in sizes if size != b"-" and int(size) > MAX_FILE_BYTES}
