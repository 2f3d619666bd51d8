"""A whole daemon whose build child lies: the job fails with a code, and the next one is as ever."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from house import Home, Server, descendants, wait_until
from sandbox import Checkout

MORE: Final = """
[limits]
attempts = 1
stall_seconds = 3
index_seconds = 5
search_children = 1
"""
BROKEN: Final = ("Traceback", "job_broke", "request_broke", "never retrieved")
HELLO: Final = b'{"type": "hello", "version": 1}\n'
USAGE: Final = {"cpu_seconds": 0.5, "peak_rss_bytes": 7, "read_bytes": 1, "written_bytes": 2}

# Says what is in `said`, in place of the build child; then, as `ending` tells, it leaves, lives on
# without a voice, says it again and again, or is killed.
LIAR: Final = """
import os, signal, sys, time

FOLDER = os.path.dirname(__file__)
if sys.orig_argv[-3:] == ["-m", "cidxd.indexer", "build"] and os.path.exists(FOLDER + "/said"):
    with open(FOLDER + "/said", "rb") as file:
        said = file.read()
    with open(FOLDER + "/ending") as file:
        ending = file.read()
    os.write(1, said)
    while ending == "again":
        os.write(1, said.splitlines(keepends=True)[-1])
    if ending == "mute":
        os.close(1)
        os.close(2)
        time.sleep(1000)
    if ending == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(0)
"""


class Lie(NamedTuple):
    """What a child says, how it ends, and what the job's fault is called."""

    said: bytes
    ending: str
    code: str


def lines(*messages: dict[str, Any]) -> bytes:
    return HELLO + b"".join(json.dumps(message).encode() + b"\n" for message in messages)


def phase(name: str, **more: Any) -> list[dict[str, Any]]:
    ended = {"type": "phase_done", "name": name, "counters": {}, "usage": USAGE}
    return [{"type": "phase", "name": name}, {**ended, **more}]


READY: Final = {"type": "ready", "summary": {"files_total": 1}, "commits": []}
PROGRESS: Final = {"type": "progress", "done": 1, "total": 2, "unit": "files"}
LIES: Final = {
    "garbage": Lie(b"\0\xff\n" * 10, "exit", "child-protocol"),
    "a line without an end": Lie(HELLO + b"x" * (1 << 21), "exit", "child-protocol"),
    "half a line": Lie(HELLO + b'{"type": "pha', "exit", "child-crashed"),
    "nothing, with its pipes closed": Lie(HELLO, "mute", "stalled"),
    "a phase before its time": Lie(lines({"type": "phase", "name": "publish"}), "exit", ""),
    "ready before any work, twice": Lie(lines(READY, READY), "exit", ""),
    "less than nothing done": Lie(
        lines({"type": "phase", "name": "diff"}, {**PROGRESS, "done": -5}), "exit", ""
    ),
    "time without an end": Lie(
        lines(*phase("diff", usage={**USAGE, "cpu_seconds": float("inf")})), "exit", ""
    ),
    "progress for ever": Lie(
        lines({"type": "phase", "name": "diff"}, PROGRESS), "again", "limit-exceeded"
    ),
    "a fault of its own making": Lie(
        lines({"type": "failed", "code": ["x"], "detail": "\ud800"}), "exit", "index-failed"
    ),
    "its last word": Lie(HELLO, "killed", "out-of-memory"),
}


class Liar:
    """Takes the place of the build child once it has something to say."""

    def __init__(self, home: Home) -> None:
        self._folder = home.folder / "liar"
        self._folder.mkdir()
        (self._folder / "sitecustomize.py").write_text(LIAR)
        home.env["PYTHONPATH"] = f"{self._folder}:{home.env['PYTHONPATH']}"

    def tell(self, lie: Lie) -> None:
        (self._folder / "ending").write_text(lie.ending)
        (self._folder / "said").write_bytes(lie.said)

    def hush(self) -> None:
        (self._folder / "said").unlink()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def liar(home: Home) -> Liar:
    return Liar(home)


@pytest.fixture
def server(home: Home, liar: Liar, tmp_path: Path) -> Iterator[Server]:
    assert liar is not None  # the daemon inherits it
    made = Server(home, tmp_path / "server", more=MORE)
    made.start()
    made.sign_in(home)
    yield made
    made.stop()


def test_a_daemon_outlives_every_lie_of_its_build_child(
    home: Home, liar: Liar, server: Server, tmp_path: Path
) -> None:
    origin = Checkout(tmp_path / "origin")
    origin.commit({"a.py": "def needle():\n    return 1\n"})
    home.cidx("repo", "add", str(origin.folder), "--name", "tools")
    assert home.json("sync", "tools", "--timeout", "60")["status"] == "completed"
    assert server.process is not None
    pid = server.process.pid
    wait_until("an end of upkeep", lambda: len(descendants(pid)) <= 1)
    files = len(list(Path(f"/proc/{pid}/fd").iterdir()))

    codes = {}
    for name, lie in LIES.items():
        origin.commit({"b.txt": f"{name}\n"})
        liar.tell(lie)
        _, job = server.submit("tools")
        codes[name] = server.ended(job["job_id"])["error"]["code"]
        server.events(job["job_id"])
    assert codes == {name: lie.code or "child-protocol" for name, lie in LIES.items()}

    liar.hush()
    job = home.json("sync", "tools", "--timeout", "60")
    assert (job["status"], job["outcome"]) == ("completed", "updated")
    wait_until("no child but the one that searches", lambda: len(descendants(pid)) <= 1)
    wait_until(
        "as many open files as before",
        lambda: len(list(Path(f"/proc/{pid}/fd").iterdir())) <= files,
    )
    assert server.stop() == 0
    log = server.log().splitlines()
    assert [line for line in log if any(word in line for word in BROKEN)] == []
