"""One repository, its mirror and its index, driven through the children's line protocol only."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sandbox import Checkout, git

import cidxd
from cidxd.indexer import protocol

Json = dict[str, Any]
_PATIENCE_S = 60.0
_ROOT = Path(cidxd.__file__).parent.parent


class Child:
    """A child with pipes; one that hangs is killed, so that a test fails instead of waiting."""

    def __init__(self, role: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cidxd.indexer", role],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._watchdog = threading.Timer(_PATIENCE_S, self.process.kill)
        self._watchdog.start()
        self.is_ended = False

    def send(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def line(self) -> bytes:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def hang_up(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def end(self, *, is_killed: bool = False) -> int:
        """Wait for the end, which closing stdin or a kill brings; return the exit code."""
        if is_killed:
            self.process.kill()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        code = self.process.wait(_PATIENCE_S)
        self.is_ended = True
        self._watchdog.cancel()
        self.stderr = self.process.stderr.read().decode(errors="replace")
        self.process.stdout.close()
        self.process.stderr.close()
        return code


class Build(Child):
    """A build child that was sent its request."""

    def __init__(self, request: Json) -> None:
        super().__init__("build")
        self.send(protocol.encode(request))
        self.messages: list[Json] = []

    def until(self, *kinds: str) -> Json:
        """Read on to a message of one of *kinds* and return it; the end of output is a failure."""
        while True:
            line = self.line()
            if not line:
                code = self.end()
                pytest.fail(f"the child ended with {code}: {self.stderr[-2000:]}")
            message = protocol.decode(line)
            self.messages.append(message)
            if message["type"] in kinds:
                return message

    def publish(self) -> None:
        self.send(protocol.encode({"type": "publish"}))


class Search(Child):
    """A search child; every question gets the next number."""

    def __init__(self) -> None:
        super().__init__("search")
        self._number = 0

    def ask(self, question: Json) -> tuple[int, Json]:
        self._number += 1
        self.send(json.dumps({"id": self._number, **question}).encode() + b"\n")
        number, status, body = protocol.decode_answer(self.line())
        assert number == self._number
        return status, json.loads(body)


class House:
    """A work tree, the mirror made of it, and the index of that."""

    def __init__(self, folder: Path) -> None:
        self.checkout = Checkout(folder / "work")
        self.mirror = folder / "mirror.git"
        self.index = folder / "index"
        self.searcher = Search()

    def request(self, *branches: str, **more: Any) -> Json:
        """Fetch, and return the request that indexes *branches*, the first being the default."""
        self.checkout.mirror(self.mirror)
        rows = [
            {"name": name, "commit": git(self.mirror, "rev-parse", name), "default": not number}
            for number, name in enumerate(branches or ("main",))
        ]
        return {
            "type": "build",
            "version": protocol.VERSION,
            "job_id": "job-1",
            "mirror": str(self.mirror),
            "index": str(self.index),
            "branches": rows,
            "full": False,
            "max_file_bytes": 1 << 20,
        } | more

    def sync(self, *branches: str, **more: Any) -> Json:
        """Build and publish; return the ready message."""
        build = Build(self.request(*branches, **more))
        ready = build.until("ready", "failed")
        assert ready["type"] == "ready", ready
        build.publish()
        done = build.until("done", "failed")
        assert done["type"] == "done", done
        assert build.end() == 0
        return ready

    def tips(self) -> Json:
        status, body = self.searcher.ask({"op": "tips", "index": str(self.index)})
        assert status == 200, body
        return body

    def ask(self, q: str, **more: Any) -> tuple[int, Json]:
        """Search the repository for *q*; `branch` says where."""
        place = {
            "name": "house",
            "index": str(self.index),
            "mirror": str(self.mirror),
            "branch": more.pop("branch", None),
        }
        question = {
            "op": "search",
            "repositories": [place],
            "q": q,
            "mode": "literal",
            "case": "sensitive",
            "word": False,
            "path": [],
            "lang": [],
            "limit": 0,
            "context": 0,
            "cursor": None,
            "timeout_ms": 30_000,
        }
        return self.searcher.ask(question | more)

    def found(self, q: str, **more: Any) -> list[Json]:
        """Return every match of *q*, page by page."""
        matches: list[Json] = []
        cursor: str | None = None
        while True:
            status, body = self.ask(q, cursor=cursor, **more)
            assert status == 200, body
            assert body["complete"], body
            matches += body["matches"]
            cursor = body["next_cursor"]
            if cursor is None:
                return matches

    def lines(self, q: str, **more: Any) -> set[tuple[str, int]]:
        return {(match["path"], match["line"]) for match in self.found(q, **more)}

    def file(self, path: str, **more: Any) -> tuple[int, Json]:
        place = {"index": str(self.index), "mirror": str(self.mirror), "branch": None}
        return self.searcher.ask({"op": "file", "commit": None, "path": path, **place, **more})

    def grep(
        self, q: str | bytes, *flags: str, revision: str = "main", syntax: str = "-F"
    ) -> set[tuple[str, int]]:
        """Return what git itself finds in the bare mirror; *syntax* -P is for expressions."""
        argv = ["git", f"--git-dir={self.mirror}", "grep", "-I", syntax, "-z", "-n", *flags]
        done = subprocess.run(
            [*argv, "-e", q, revision],
            capture_output=True,
            check=False,
            env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin:/usr/local/bin"},
        )
        assert done.returncode in (0, 1), done.stderr
        rows = (line.split(b"\0", 2) for line in done.stdout.split(b"\n") if line)
        return {
            (name.split(b":", 1)[1].decode(errors="replace"), int(number))
            for name, number, _ in rows
        }

    def segments(self) -> list[Path]:
        return sorted(self.index.glob("*/segments/*.seg"))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.searcher.end()


@pytest.fixture(scope="module")
def shared_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for a module whose tests only ask."""
    made = House(tmp_path_factory.mktemp("house"))
    yield made
    made.searcher.end()


@pytest.fixture
def start_build() -> Iterator[Callable[[Json], Build]]:
    """Start build children that are surely gone after the test."""
    started: list[Build] = []

    def start(request: Json) -> Build:
        started.append(Build(request))
        return started[-1]

    yield start
    for child in started:
        if not child.is_ended:
            child.end(is_killed=True)


@pytest.fixture
def keep_up() -> Iterator[Callable[[Path], Json]]:
    """Let an upkeep child look after an index; return what it counted."""
    started: list[Child] = []

    def keep_up(index: Path) -> Json:
        child = Child("upkeep")
        started.append(child)
        request = {"type": "upkeep", "version": protocol.VERSION, "index": str(index)}
        child.send(protocol.encode(request))
        while (message := protocol.decode(child.line()))["type"] in {"hello", "progress"}:
            continue
        assert message["type"] == "done", message
        assert child.end() == 0
        counters: Json = message["counters"]
        return counters

    yield keep_up
    for child in started:
        if not child.is_ended:
            child.end(is_killed=True)
