"""Logs that tell whom each line is for, and a trace from the client to the children."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from house import ROOT, Home, Server, Trap, hosted
from sandbox import Checkout

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
SAY = "from cidxd import log; import structlog; log.configure('info', 'auto'); "


def entries(server: Server) -> list[dict[str, Any]]:
    lines = [line for line in server.log().splitlines() if line.startswith("{")]
    return [json.loads(line) for line in lines]


def test_a_trace_goes_from_the_client_to_the_children_and_the_log(
    home: Home, trap: Trap, origin: Checkout, tmp_path: Path
) -> None:
    server = Server(home, tmp_path / "server")
    server.start()
    server.sign_in(home)
    home.cidx("repo", "add", str(origin.folder), "--name", "demo")
    trap.arm("subprocess.Popen", "cat-file")
    home.env["TRACEPARENT"] = TRACEPARENT
    job_id = home.json("sync", "demo")["job_id"]
    child = trap.caught()
    environ = Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
    assert f"TRACEPARENT={TRACEPARENT}".encode() in environ
    trap.release()
    server.ended(job_id)
    home.env.pop("TRACEPARENT")
    untraced = home.json("sync", "demo", "--timeout", "60")["job_id"]
    assert server.stop() == 0
    of_job = [entry for entry in entries(server) if entry.get("job_id") == job_id]
    assert {entry["event"] for entry in of_job} >= {"job_started", "job_ended"}
    for entry in of_job:
        assert (entry["repository"], entry["trace_id"]) == ("demo", TRACE)
    for entry in entries(server):
        assert entry.get("job_id") != untraced or "trace_id" not in entry


def test_a_request_is_bound_to_its_own_lines_and_to_no_later_ones(tmp_path: Path) -> None:
    with hosted(tmp_path) as (home, server):
        home.cidx("jobs", "pause", "--reason", "a new disk")
        [paused] = [entry for entry in entries(server) if entry["event"] == "queue_paused"]
        assert paused["user"] == "ada"
        assert re.fullmatch("[0-9a-f]{16}", paused["request_id"])
    stopped = entries(server)[-1]
    assert (stopped["event"], "request_id" in stopped) == ("stopped", False)


@pytest.mark.parametrize("surroundings", [{}, {"INVOCATION_ID": "a1", "JOURNAL_STREAM": "8:1"}])
def test_logs_are_json_under_a_service_manager_and_in_a_file(surroundings: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{SAY}structlog.get_logger().info('job_started', job_id='j')"],
        env={**os.environ, **surroundings, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    said = json.loads(done.stderr)
    assert (said["event"], said["job_id"], said["level"]) == ("job_started", "j", "info")


def test_logs_are_for_people_on_a_terminal() -> None:
    ours, theirs = pty.openpty()
    subprocess.run(
        [sys.executable, "-c", f"{SAY}structlog.get_logger().info('job_started', job_id='j')"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=theirs,
        check=True,
    )
    os.close(theirs)
    said = os.read(ours, 4096).decode()
    os.close(ours)
    assert "job_started" in said
    assert not said.startswith("{")
