"""
A stand-in for `python -m cidxd serve --embedded`, in one file and the standard library.

It takes the lock, binds, writes the runtime file, says READY, and answers what the
client asks, each job ending at once.  FAKE_MODE changes what it does:
`crash` (a word on stderr, exit 1), `lose` (exit 0 as if the lock were taken),
`drop-once` (the first POST of a sync is cut off without an answer, and the daemon ends),
`linger` (keeps lock and file for a while after it stopped listening),
`slow-job` (jobs never end), `fail` (jobs fail), `unreadable` (an unknown wire).
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

MODE = os.environ.get("FAKE_MODE", "")
JOB_ID = "01930000-0000-7000-8000-00000000beef"
PHASES = ("fetch", "diff", "index", "validate", "publish")
FOLDER = Path(sys.argv[sys.argv.index("--data") + 1])
TOKEN = os.urandom(8).hex()


def job() -> dict[str, Any]:
    status = {"slow-job": "running", "fail": "failed"}.get(MODE, "completed")
    error = {"code": "remote-unreachable", "title": "the remote cannot be reached"}
    return {
        "job_id": JOB_ID,
        "repository": "work",
        "status": status,
        "outcome": "updated" if status == "completed" else None,
        "progress_percentage": 100 if status == "completed" else 40,
        "elapsed_seconds": 1.5,
        "phases": [{"name": name, "status": "completed"} for name in PHASES],
        "error": {**error, "detail": "", "hint": "check the network"} if MODE == "fail" else None,
    }


def registered() -> dict[str, Any] | None:
    file = FOLDER / "repository.json"
    return json.loads(file.read_text()) if file.exists() else None


def register(body: dict[str, Any]) -> dict[str, Any]:
    row = {
        "name": body.get("name") or body.get("name_suggestion") or "work",
        "remote": body["remote"],
        "default_branch": "main",
        "tracked": body.get("branches", []),
        "branches": [],
    }
    (FOLDER / "repository.json").write_text(json.dumps(row))
    return row


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass

    def answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def handle_any(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size) or b"{}")
        path = urlsplit(self.path).path
        asked = {"method": self.command, "path": path, "body": body, "pid": os.getpid()}
        asked["key"] = self.headers.get("Idempotency-Key")
        asked["token"] = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        with (FOLDER / "requests.jsonl").open("a") as file:
            file.write(json.dumps(asked) + "\n")
        if path == "/api/sync" and MODE == "drop-once" and not (FOLDER / "dropped").exists():
            (FOLDER / "dropped").touch()
            os._exit(9)
        if path == "/api/shutdown":
            self.answer(202, {})
            threading.Thread(target=self.server.shutdown).start()
            return
        self.answer(*self.content(self.command, path, body))

    do_GET = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815 - http.server's names

    def content(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        row = registered()
        if (method, path) == ("POST", "/api/repositories"):
            return 201, register(body)
        if path.startswith("/api/repositories") and row is not None:
            return 200, register({**row, **body}) if method == "PATCH" else row
        return CONTENT.get((method, path), lambda: (404, missing(path)))()


def missing(path: str) -> dict[str, Any]:
    return {"code": "not-found", "detail": f"there is no {path}", "hint": "look again"}


def queued() -> dict[str, Any]:
    return {**job(), "status": "queued", "queue": {"position": 1, "reason": "next"}}


def events() -> dict[str, Any]:
    data = {"status": "completed", "phase": None, "progress_percentage": 100, "message": ""}
    last = {"cursor": 7, "job_id": JOB_ID, "seq": 2, "type": "completed", "data": data}
    first = {"cursor": 5, "job_id": JOB_ID, "seq": 1, "type": "enqueued", "data": {}}
    return {"events": [first, last], "next_cursor": 7}


def troubled() -> dict[str, Any]:
    reason = "example.org has been unreachable since 14:02 UTC; next try in 4 s"
    pause = {"reason": "a new disk", "requested_by": "ada", "at": "2026-11-25T14:00:00Z"}
    incidents = [{"host": "example.org", "reason": reason, "waiting": 2}]
    return {"paused": True, "pause": pause, "incidents": incidents, "running": 0, "queued": 2}


CONTENT: dict[tuple[str, str], Callable[[], tuple[int, dict[str, Any]]]] = {
    ("POST", "/api/sync"): lambda: (202, queued()),
    ("GET", f"/api/jobs/{JOB_ID}"): lambda: (200, job()),
    ("GET", f"/api/jobs/{JOB_ID}/events"): lambda: (200, events()),
    ("GET", "/api/auth/me"): lambda: (200, {"name": "me", "role": "admin"}),
    ("GET", "/api/queue"): lambda: (200, troubled()) if MODE == "trouble" else (404, missing("")),
    ("GET", "/healthz"): lambda: (200, {"status": "ok", "version": "0.1.0", "wire": 1}),
}


def main() -> None:
    if MODE == "crash":
        sys.exit("the database is newer than this program")
    lock = (FOLDER / "daemon.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(0)
    if MODE == "lose":
        sys.exit(0)
    runtime = FOLDER / "daemon.json"
    runtime.unlink(missing_ok=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    url = f"http://127.0.0.1:{server.server_address[1]}"
    facts = {"url": url, "pid": os.getpid(), "version": "0.1.0", "wire": 1, "token": TOKEN}
    if MODE == "unreadable":
        facts["wire"] = 999
    runtime.with_suffix(".new").write_text(json.dumps(facts))
    runtime.with_suffix(".new").rename(runtime)
    os.write(int(sys.argv[sys.argv.index("--ready-fd") + 1]), f"READY {url}\n".encode())
    os.close(int(sys.argv[sys.argv.index("--ready-fd") + 1]))
    server.serve_forever(poll_interval=0.02)
    server.server_close()
    if MODE == "linger":
        time.sleep(0.5)
    runtime.unlink()


if __name__ == "__main__":
    main()
