"""A real daemon in a folder of its own, and a client that keeps its connection."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from children import ENV, MAX_FILE_BYTES, resident

_LONGEST_S = 600
_CREATED = 201
_KNOWN = 409  # the folder had a daemon before
_LOOK_EVERY_S = 0.2
_SYMBOLS_S = 1800
# What is measured is how fast it is, not that it says no.
UNLIMITED = (
    "[http]\nrequests_per_second = 0\naddress_requests_per_second = 0\n"
    "streams_per_user = 10000\nconnections_per_address = 10000\nconnections_per_user = 10000\n"
)


class Daemon:
    """`cidxd serve`, an administrator, and one connection that is kept open."""

    def __init__(
        self,
        folder: Path,
        *,
        max_file_bytes: int = MAX_FILE_BYTES,
        limits: str = "",
        more: str = "",
        door: str = UNLIMITED,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.data = folder / "data"
        self._config = folder / "cidxd.toml"
        self._config.write_text(
            f'[server]\nlisten = "127.0.0.1:0"\ndata = "{self.data}"\n'
            "[remotes]\nallow_local = true\n[auth]\naccess_minutes = 1440\n"
            f"[limits]\nsearch_seconds = 60\nmax_file_bytes = {max_file_bytes}\n"
            f"{limits}{more}\n{door}"
        )
        self._log = folder / "log"
        self.env = {**ENV, "HOME": str(folder)}
        for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            self.env.pop(name, None)
        began = time.perf_counter()
        self.process, address = self._started()
        self.started_s = time.perf_counter() - began
        self.url = address
        where = urlsplit(address)
        assert where.hostname is not None
        assert where.port is not None
        self.port = where.port
        self._connection = http.client.HTTPConnection(where.hostname, where.port)
        self._headers = {"Content-Type": "application/json"}
        self.token = self._signed_in()
        self._headers["Authorization"] = f"Bearer {self.token}"
        self.env.update(CIDX_SERVER=address, CIDX_TOKEN=self.token)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:  # noqa: ANN401 - JSON
        """Return status and answer; None for an answer without a body."""
        sent = None if body is None else json.dumps(body)
        self._connection.request(method, path, sent, {**self._headers, **headers})
        answer = self._connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None

    def register(self, remote: Path, name: str) -> Path:
        """Register a repository and sync it; return the folder of its mirror and index."""
        before = self._folders()
        status, answer = self.ask(
            "POST", "/api/repositories", {"remote": str(remote), "name": name}
        )
        assert status == _CREATED, answer
        self.sync(name)
        [folder] = self._folders() - before
        return folder

    def sync(self, name: str) -> dict[str, Any]:
        """Sync, hold the line until the job ends, return the job."""
        body = {"repository": name}
        _, answer = self.ask("POST", "/api/sync", body, Prefer=f"wait={_LONGEST_S}")
        job: dict[str, Any] = answer.get("job", answer)
        assert job["status"] == "completed", job
        return job

    def wait_for_symbols(self, name: str) -> float:
        """Wait until no definition is to be made any more; return the seconds it took."""
        began = time.perf_counter()
        while self.search(name, "the", limit=1)["searched"][0]["symbols"] not in {
            "complete",
            "off",
        }:
            time.sleep(_LOOK_EVERY_S)
            if time.perf_counter() - began > _SYMBOLS_S:
                raise TimeoutError(f"the symbols of {name} do not get complete")
        return time.perf_counter() - began

    def search(self, name: str, q: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - any value
        """Return the answer to one search of one repository."""
        asked = urlencode({"q": q, "repository": name, **options})
        status, answer = self.ask("GET", f"/api/search?{asked}")
        if status != http.client.OK:
            raise LookupError(f"{q!r} {options}: {answer}")
        return dict(answer)

    def cidx(self, *argv: str) -> str:
        """Run the client as a process of its own and return what it prints."""
        command = [sys.executable, "-m", "cidx", *argv]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, check=True)
        return done.stdout

    def memory(self, field: str) -> int:
        """Return bytes of the daemon and all its children."""
        return sum(resident(pid, field) for pid in family(self.process.pid))

    def _folders(self) -> set[Path]:
        return set(self.data.glob("repositories/*"))

    def _started(self) -> tuple[subprocess.Popen[bytes], str]:
        read_end, write_end = os.pipe()
        argv = (sys.executable, "-m", "cidxd", "serve", "--config", str(self._config))
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [*argv, "--ready-fd", str(write_end)],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[write_end],
            )
        os.close(write_end)
        with os.fdopen(read_end) as ready:
            line = ready.readline()
        assert line.startswith("READY "), self._log.read_text()
        return process, line.split()[1]

    def _signed_in(self) -> str:
        user = {"name": "bench", "password": "correct horse", "role": "admin"}
        with _Unix(self.data / "admin.sock") as admin:
            admin.request("POST", "/users", json.dumps(user), self._headers)
            assert admin.getresponse().status in {_CREATED, _KNOWN}
        sent = {"username": "bench", "password": "correct horse"}
        _, answer = self.ask("POST", "/api/auth/login", sent)
        return str(answer["access_token"])


class _Unix(http.client.HTTPConnection):
    """HTTP over the admin socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self._path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


def family(pid: int) -> list[int]:
    """Return a process and its descendants."""
    try:
        words = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for word in words for one in family(int(word)))]
