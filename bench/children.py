"""The indexer's own children, spoken to as the daemon does, and what they use."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple, Self

import corpus

ROOT = Path(__file__).resolve().parent.parent
MAX_FILE_BYTES = 1 << 20
ENV = {**corpus.ENV, "PYTHONPATH": str(ROOT)}
_SAMPLE_EVERY_S = 0.02


class Built(NamedTuple):
    """
    One build, published.

    Attributes:
        seconds: From starting the child to its end.
        phases: Seconds of each phase.
        peak_bytes: The child's largest resident memory (VmHWM) before it publishes.
        git_peak_bytes: The largest of any of its git children, sampled.
        summary: As the job has it.
    """

    seconds: float
    phases: dict[str, float]
    peak_bytes: int
    git_peak_bytes: int
    summary: dict[str, Any]


def build(
    mirror: Path,
    index: Path,
    commit: str,
    *,
    branch: str = "main",
    full: bool = False,
    symbols: str = "off",
    max_file_bytes: int = MAX_FILE_BYTES,
) -> Built:
    """Bring *index* in step with *commit* of *mirror*; *symbols* names their engine."""
    request = {
        "type": "build",
        "version": 1,
        "job_id": "bench",
        "mirror": str(mirror),
        "index": str(index),
        "branches": [{"name": branch, "commit": commit, "default": True}],
        "full": full,
        "max_file_bytes": max_file_bytes,
        "symbols": symbols,
        # All of them at once, however much there is.
        "symbol_bytes": 1 << 50,
    }
    index.mkdir(exist_ok=True)
    began = time.perf_counter()
    with _started("build") as child, _Watch(child.pid) as watch:
        talk = _Talk(child)
        talk.send(request)
        summary = talk.until("ready")["summary"]
        peak = resident(child.pid, "VmHWM")
        talk.send({"type": "publish"})
        talk.until("done")
        assert child.wait() == 0
        took = time.perf_counter() - began
    return Built(took, talk.phases, peak, watch.peak_bytes, summary)


def _started(role: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "cidxd.indexer", role],
        env=ENV,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


class _Talk:
    """The conversation with a build child, and how long its phases take."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stdin is not None
        assert child.stdout is not None
        self._stdin, self._stdout = child.stdin, child.stdout
        self._since = 0.0
        self.phases: dict[str, float] = {}

    def send(self, message: dict[str, Any]) -> None:
        self._stdin.write(json.dumps(message).encode() + b"\n")
        self._stdin.flush()

    def until(self, kind: str) -> dict[str, Any]:
        for line in self._stdout:
            message: dict[str, Any] = json.loads(line)
            if message["type"] == "failed":
                raise RuntimeError(f"the build failed: {message}")
            if message["type"] == "phase":
                self._since = time.perf_counter()
            if message["type"] == "phase_done":
                self.phases[message["name"]] = time.perf_counter() - self._since
            if message["type"] == kind:
                return message
        raise RuntimeError(f"the build child ended before {kind}")


class _Watch:
    """Samples the memory of a process's git children until it is closed."""

    def __init__(self, pid: int) -> None:
        self._children = Path(f"/proc/{pid}/task/{pid}/children")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self.peak_bytes = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._over.wait(_SAMPLE_EVERY_S):
            try:
                pids = [int(word) for word in self._children.read_text().split()]
            except OSError:
                return
            self.peak_bytes = max([self.peak_bytes, *(resident(pid, "VmHWM") for pid in pids)])


def resident(pid: int, field: str) -> int:
    """Return a field of a process's memory account in bytes; 0 once it has ended."""
    where = "smaps_rollup" if field == "Pss" else "status"
    try:
        lines = Path(f"/proc/{pid}/{where}").read_text().splitlines()
    except OSError:
        return 0
    found = [line.split()[1] for line in lines if line.startswith(f"{field}:")]
    return int(found[0]) * 1024 if found else 0


class Searcher:
    """A search child with one index before it."""

    def __init__(self, index: Path) -> None:
        self._index = index
        self._child = _started("search")
        self._asked = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.close()
        self._child.wait()
        self._child.stdout.close()

    def ask(self, q: str, **options: Any) -> tuple[int, dict[str, Any]]:  # noqa: ANN401 - JSON
        """Return status and body of one answer."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._asked += 1
        place = {"name": "it", "index": str(self._index), "mirror": "/", "branch": None}
        request = {"id": self._asked, "op": "search", "repositories": [place], "q": q, **options}
        self._child.stdin.write(json.dumps(request).encode() + b"\n")
        self._child.stdin.flush()
        _, status, body = self._child.stdout.readline().split(b" ", 2)
        return int(status), json.loads(body)
