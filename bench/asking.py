"""GET of a job, beside bare handlers that check the same token and send the same bytes."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import bare
import stored
from callers import Asked, Called, call
from children import ENV
from daemon import Daemon
from rates import Rate, compared

_HERE: Final = Path(__file__).parent
_HEADERS: Final = {"Cache-Control": "no-cache", "X-Request-Id": "0123456789abcdef"}
OURS: Final = "cidxd"
AIOHTTP: Final = "a bare aiohttp handler"
FASTAPI: Final = "FastAPI, uvicorn with uvloop and httptools"
PLAIN: Final = "FastAPI, uvicorn with h11"


class _Server(NamedTuple):
    """Whom to ask what, and the process that answers."""

    pid: int
    asked: Asked


class _Round(NamedTuple):
    """What came of it, and the processor time of one answer in seconds."""

    called: Called
    cpu_s: float


def measured(folder: Path, rounds: int, connections: int, requests: int) -> tuple[list[Rate], str]:
    """Return how many answers a second each gives, and how sure the figures are."""
    stored.fill(folder / "data", 100, now=time.time())
    with ExitStack() as stack:
        daemon = stack.enter_context(Daemon(folder))
        _, answer = daemon.ask("GET", "/api/jobs?outcome=updated&limit=1")
        job = answer["jobs"][0]
        asked = Asked(
            daemon.port, f"/api/jobs/{job['job_id']}", daemon.token, connections, requests
        )
        headers = {"ETag": f'W/"{job["job_id"]}-17"', **_HEADERS}
        sent = json.dumps({"body": json.dumps(job, separators=(",", ":")), "headers": headers})
        servers = {OURS: _Server(daemon.process.pid, asked)}
        for name, argv in _peers().items():
            pid, port = stack.enter_context(served(argv, sent))
            servers[name] = _Server(pid, asked._replace(port=port, token=bare.token()))
        return _rates(_rounds(servers, rounds))


def _rounds(servers: dict[str, _Server], rounds: int) -> list[dict[str, _Round]]:
    for server in servers.values():
        call(server.asked._replace(requests=2_000))
    found = []
    for number in range(rounds):
        names = list(servers)[:: -1 if number % 2 else 1]
        found.append({name: _round(servers[name]) for name in names})
    return found


def _round(server: _Server) -> _Round:
    began = cpu_s(server.pid)
    called = call(server.asked)
    assert set(called.statuses) == {"200"}, called
    return _Round(called, (cpu_s(server.pid) - began) / server.asked.requests)


def cpu_s(pid: int) -> float:
    """Return the seconds that the process's main thread had the processor."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def _rates(found: list[dict[str, _Round]]) -> tuple[list[Rate], str]:
    answers = [{name: one.called.rate for name, one in each.items()} for each in found]
    per_cpu = [{name: 1 / one.cpu_s for name, one in each.items()} for each in found]
    wanted = {AIOHTTP: 0.7, FASTAPI: 1.5, PLAIN: 1.5}
    rates = [
        rate
        for peer in wanted
        if peer in answers[0]
        for rate in (
            compared(answers, "GET of a job", OURS, peer, wanted[peer], "/s"),
            compared(per_cpu, "the same, of processor time", OURS, peer, None, "/s"),
        )
    ]
    busy = max(one.called.busy for each in found for one in each.values())
    lengths = {name: one.called.length for name, one in found[0].items()}
    return rates, f"The asking process was busy {busy:.0%} of the time at most; bytes: {lengths}."


def _peers() -> dict[str, tuple[str, ...]]:
    peers: dict[str, tuple[str, ...]] = {AIOHTTP: ("bare.py",)}
    has = {name: importlib.util.find_spec(name) for name in ("fastapi", "uvloop", "httptools")}
    if not has["fastapi"]:
        print("FastAPI is not here: pip install -e '.[bench]'", file=sys.stderr)
        return peers
    if has["uvloop"] and has["httptools"]:
        peers[FASTAPI] = ("bare_fastapi.py", "auto")
    return {**peers, PLAIN: ("bare_fastapi.py", "plain")}


@contextmanager
def served(argv: tuple[str, ...], sent: str) -> Iterator[tuple[int, int]]:
    """Yield the process id and the port of a bare server, told *sent* on its standard input."""
    process = subprocess.Popen(
        [sys.executable, _HERE / argv[0], *argv[1:]],
        env=ENV,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(sent)
    process.stdin.close()
    try:
        yield process.pid, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
