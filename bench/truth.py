"""
Literals sampled from a real repository: `cidx query --limit 0` beside `git grep -F`.

`python bench/truth.py [COUNT]`: every literal must give the same set of (path, line).
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import corpus
from sync import User

LONGEST = 60


def sampled(remote: Path, count: int) -> list[str]:
    """Return *count* literals of 1 to 60 bytes that stand somewhere in *remote*'s text files."""
    dice = random.Random(20261124)  # noqa: S311 - the same literals in every run
    names = corpus.git(remote, "ls-files", "-z", "*.py", "*.txt", "*.h", "*.cfg").split(b"\0")[:-1]
    literals: list[str] = []
    while len(literals) < count:
        path = remote / dice.choice(names).decode()
        lines = path.read_bytes().split(b"\n")
        line = dice.choice(lines)
        if b"\0" in line or not line.strip():
            continue
        start = dice.randrange(len(line))
        part = line[start : start + dice.randint(1, LONGEST)]
        if not part.startswith(b"-") and part.decode("utf-8", "replace").encode() == part:
            literals.append(part.decode())
    return literals


def by_git(remote: Path, literal: str) -> set[tuple[str, int]]:
    argv = ["git", "grep", "-z", "-n", "-I", "-F", "-e", literal, "HEAD"]
    done = subprocess.run(argv, cwd=remote, env=corpus.ENV, capture_output=True, check=False)
    found = set()
    for line in done.stdout.split(b"\n"):
        if line.startswith(b"HEAD:"):
            path, number, _ = line.removeprefix(b"HEAD:").split(b"\0", 2)
            found.add((path.decode(), int(number)))
    return found


def by_cidx(user: User, literal: str) -> set[tuple[str, int]]:
    out = user.cidx("query", "--repo", "bench", "--limit", "0", "--json", "--", literal)
    return {(match["path"], match["line"]) for match in map(json.loads, out.splitlines())}


def main() -> int:
    count = int(sys.argv[1]) if sys.argv[1:] else 200
    wrong = matches = 0
    with tempfile.TemporaryDirectory() as temporary:
        remote = corpus.standard_library(Path(temporary) / "remote")
        user = User(Path(temporary) / "home")
        try:
            user.cidx("repo", "add", str(remote), "--name", "bench")
            skipped = user.sync("bench")["summary"]["skipped_by_reason"]
            unread = too_large(remote)
            for literal in sampled(remote, count):
                expected = {place for place in by_git(remote, literal) if place[0] not in unread}
                answer = by_cidx(user, literal)
                matches += len(expected)
                if answer != expected:
                    wrong += 1
                    print(f"{literal!r}: missing {sorted(expected - answer)[:3]}, "
                          f"too many {sorted(answer - expected)[:3]}")  # fmt: skip
        finally:
            user.cidx("down")
    print(f"{count} literals, {matches:,} matching lines, {wrong} differ; skipped {skipped}")
    return 1 if wrong else 0


def too_large(remote: Path) -> set[str]:
    """Return the files over the default limit of 1 MiB, which are found by path only."""
    lines = corpus.git(remote, "ls-tree", "-r", "-l", "HEAD").decode().splitlines()
    rows = (line.split(None, 4) for line in lines)
    return {row[4] for row in rows if row[1] == "blob" and int(row[3]) > 1 << 20}


if __name__ == "__main__":
    sys.exit(main())
