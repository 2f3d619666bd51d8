"""A real search child, spoken to through its pipes; and git grep, which is the truth."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from cidxd.indexer import protocol

Answer = dict[str, Any]


class SearchChild:
    """`python -m cidxd.indexer search`."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cidxd.indexer", "search"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C"},
        )
        self._asked = 0

    def say(self, line: bytes) -> tuple[int, int, Answer]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()
        request_id, status, body = protocol.decode_answer(self.process.stdout.readline())
        return request_id, status, json.loads(body)

    def ask(self, op: str, **request: Any) -> tuple[int, Answer]:
        self._asked += 1
        line = json.dumps({"id": self._asked, "op": op, **request}).encode() + b"\n"
        request_id, status, body = self.say(line)
        assert request_id == self._asked
        return status, body

    def search(self, index: Path, q: str, **request: Any) -> tuple[int, Answer]:
        branch = request.pop("branch", None)
        places = [{"name": "it", "index": str(index), "mirror": "/", "branch": branch}]
        return self.ask("search", **{"repositories": places, "q": q, **request})

    def matches(self, index: Path, q: str, **request: Any) -> list[Answer]:
        status, body = self.search(index, q, **request)
        assert status == 200, body
        found: list[Answer] = body["matches"]
        return found

    def end(self) -> tuple[int, str]:
        """Close stdin; return the exit code and stderr."""
        _, stderr = self.process.communicate(timeout=20)
        return self.process.returncode, stderr.decode()


def places(matches: list[Answer]) -> list[tuple[str, int]]:
    return [(match["path"], match["line"]) for match in matches]


def git_grep(mirror: Path, commit: str, pattern: str, *options: str) -> set[tuple[str, int]]:
    """What `LC_ALL=C.UTF-8 git grep -I -F` finds on a commit, as (path, line)."""
    done = subprocess.run(
        [
            *("git", "--git-dir", str(mirror), "grep", "-I", "-F", "-n", "-z", "--full-name"),
            *(*options, "-e", pattern, commit),
        ],
        capture_output=True,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8", "GIT_CONFIG_NOSYSTEM": "1"},
    )
    assert done.returncode in {0, 1}, done.stderr
    found = set()
    for record in done.stdout.split(b"\n"):
        if record.count(b"\0") >= 2:
            place, line, _ = record.split(b"\0", 2)
            path = place.removeprefix(commit.encode() + b":")
            found.add((path.decode("utf-8", "replace"), int(line)))
    return found
