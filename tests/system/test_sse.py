"""Server-sent events as curl gets them, over a restart of the daemon."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import IO, Any

import pytest
from house import PATIENCE_S, HeldRemote, Home, Server, wait_until
from sandbox import Checkout


def curl(server: Server, job_id: str, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *("curl", "-sN", "-H", f"Authorization: Bearer {server.token}"),
            *("-H", "Accept: text/event-stream", *more),
            f"{server.url}/api/jobs/{job_id}/events?after=0",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )


def whole(text: str) -> list[Any]:
    """Return the events of *text*; one that was cut off in the middle does not count."""
    frames = [frame for frame in text.split("\n\n")[:-1] if not frame.startswith(":")]
    return [json.loads(frame.split("\ndata: ")[1]) for frame in frames]


def until(stdout: IO[str], word: str) -> str:
    """Read up to the end of the event of type *word*."""
    text = ""
    while f"event: {word}\n" not in text or not text.endswith("\n\n"):
        line = stdout.readline()
        assert line, text
        text += line
    return text


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_what_came_before_and_after_a_restart_is_every_event_once(
    home: Home, origin: Checkout, tmp_path: Path, end: signal.Signals
) -> None:
    server = Server(home, tmp_path / "server", more="[limits]\ndrain_seconds = 0.1\n")
    server.start()
    server.sign_in(home)
    with HeldRemote(origin.folder) as remote:
        home.cidx("repo", "add", remote.url, "--name", "demo")
        remote.hold()
        job_id = home.json("sync", "demo")["job_id"]
        first = curl(server, job_id)
        assert first.stdout is not None
        text = until(first.stdout, "phase_started")
        wait_until("the transfer", remote.is_holding)
        if end is signal.SIGKILL:
            server.kill()
        else:
            assert server.stop() == 0
        text += first.communicate(timeout=PATIENCE_S)[0]
        assert (first.returncode == 0) == (end is signal.SIGTERM)
        assert (": stopping\n" in text) == (end is signal.SIGTERM)
        remote.release()
        server.start()
        before = whole(text)
        second = curl(server, job_id, "-H", f"Last-Event-ID: {before[-1]['cursor']}")
        after = whole(second.communicate(timeout=PATIENCE_S)[0])
        assert second.returncode == 0
    assert after[-1]["type"] == "completed"
    assert before + after == server.events(job_id)
    assert server.stop() == 0
    assert "Traceback" not in server.log()
