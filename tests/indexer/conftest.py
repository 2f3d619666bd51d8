from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sandbox import git

Message = dict[str, Any]


class BuildChild:
    """A real `python -m cidxd.indexer build`, spoken to through its pipes."""

    def __init__(self, index: Path) -> None:
        self.index = index
        self.messages: list[Message] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cidxd.indexer", "build"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C"},
        )

    def send(self, message: Message) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def until(self, kind: str) -> Message:
        """Read messages up to the first of this type; the end or `failed` fails the test."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.messages.append(json.loads(line))
            if self.messages[-1]["type"] == kind:
                return self.messages[-1]
            assert self.messages[-1]["type"] != "failed", self.messages[-1]
        raise AssertionError(f"the child ended before {kind}: {self.messages}")

    def publish(self) -> None:
        self.send({"type": "publish"})
        self.until("done")
        assert self.ended() == 0

    def ended(self) -> int:
        return self.process.wait(timeout=30)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:
                continue


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., BuildChild]]:
    """Start a build of a mirror's branches; the index is `tmp_path/index` unless told."""
    children: list[BuildChild] = []

    def start(
        mirror: Path,
        *branches: str,
        index: Path | None = None,
        full: bool = False,
        limit: int = 1 << 20,
        job_id: str = "job-1",
        **more: Any,
    ) -> BuildChild:
        child = BuildChild(index or tmp_path / "index")
        children.append(child)
        names = branches or ("main",)
        tips = [git(mirror, "rev-parse", f"refs/heads/{name}") for name in names]
        child.send(
            {
                "type": "build",
                "version": 1,
                "job_id": job_id,
                "mirror": str(mirror),
                "index": str(child.index),
                "branches": [
                    {"name": name, "commit": tip, "default": number == 0}
                    for number, (name, tip) in enumerate(zip(names, tips, strict=True))
                ],
                "full": full,
                "max_file_bytes": limit,
                **more,
            }
        )
        return child

    yield start
    for child in children:
        child.close()


@pytest.fixture
def build(start: Callable[..., BuildChild]) -> Callable[..., Message]:
    """Build and publish; return the summary."""

    def build(mirror: Path, *branches: str, **options: Any) -> Message:
        child = start(mirror, *branches, **options)
        summary: Message = child.until("ready")["summary"]
        child.publish()
        return summary

    return build
