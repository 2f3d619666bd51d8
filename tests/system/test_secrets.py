"""A stored credential is nowhere but where it is sealed: all that a daemon writes is looked at."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from house import HeldRemote, Home, Server, curl, hosted, wait_until
from sandbox import Checkout
from sshd import Sshd, needs_sshd

SECRET = "s3cret/of+the forge"
FORMS = [
    SECRET,
    quote(SECRET, safe=""),
    base64.b64encode(SECRET.encode()).decode().rstrip("="),
    base64.b64encode(f"x-access-token:{SECRET}".encode()).decode().rstrip("="),
    "Basic ",
]


@pytest.fixture
def forge(origin: Checkout) -> Iterator[HeldRemote]:
    with HeldRemote(origin.folder, user="x-access-token", password=SECRET) as made:
        yield made


def holding(folder: Path, forms: list[str]) -> list[str]:
    """Return the files in *folder* that have one of *forms* in them."""
    found: list[str] = []
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            found += [f"{path}: {form}" for form in forms if form.encode() in content]
    return found


def command_lines() -> str:
    """Return the arguments of every process that there is, except ours."""
    told = b""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        if path.parent.name != str(os.getpid()):
            try:
                told += path.read_bytes() + b"\n"
            except (FileNotFoundError, ProcessLookupError):
                continue
    return told.replace(b"\0", b" ").decode("utf-8", "replace")


def answers(server: Server, job_id: str, folder: Path) -> list[str]:
    """Return all that the API tells, written to a file, that has a secret in it."""
    paths = [
        "/api/repositories", "/api/repositories/demo", "/api/jobs", f"/api/jobs/{job_id}",
        f"/api/jobs/{job_id}/events", "/api/events?after=0", "/api/queue", "/api/stats",
        "/readyz", "/healthz",
    ]  # fmt: skip
    told = json.dumps([curl(f"{server.url}{path}", server.token)[1] for path in paths])
    for path in (f"/api/jobs/{job_id}/log", "/metrics"):
        output = folder / "answer"
        curl_text(server, path, output)
        told += output.read_text()
    stream = folder / "stream"
    curl_text(server, f"/api/jobs/{job_id}/events", stream, "-H", "Accept: text/event-stream")
    told += stream.read_text()
    assert "event: " in told
    return [form for form in FORMS if form in told]


def curl_text(server: Server, path: str, output: Path, *more: str) -> None:
    curl(f"{server.url}{path}", server.token, "-o", str(output), "--max-time", "10", *more)


@contextmanager
def watched() -> Iterator[list[str]]:
    """Look at all command lines again and again; yield what is seen."""
    seen: list[str] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.005):
            seen.append(command_lines())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def test_a_token_is_in_no_argument_file_log_answer_or_event(
    tmp_path: Path, forge: HeldRemote
) -> None:
    more = '[log]\nlevel = "debug"\n'
    with hosted(tmp_path, more=more) as (home, server):
        added = home.cidx(
            *("repo", "add", forge.url, "--name", "demo", "--token-stdin"), stdin=f"{SECRET}\n"
        )
        assert "access    token, set" in added
        forge.hold()
        _, job = server.submit("demo")
        wait_until("a held fetch", forge.is_holding)
        seen = command_lines()
        assert "fetch --progress" in seen
        assert [form for form in FORMS if form in seen] == []
        assert holding(tmp_path / "server", FORMS) == []
        forge.release()
        assert server.ended(job["job_id"])["status"] == "completed"
        forge.takes("x-access-token", "another")
        failed = server.ended(server.submit("demo")[1]["job_id"])
        assert failed["error"]["code"] == "auth-failed"
        for job_id in (job["job_id"], failed["job_id"]):
            assert answers(server, job_id, tmp_path) == []
        assert holding(tmp_path / "server", FORMS) == []
        assert "fingerprint" in home.cidx("repo", "show", "demo", "--json")
        assert server.process is not None
        limits = Path(f"/proc/{server.process.pid}/limits").read_text()
        assert next(line for line in limits.splitlines() if "core file" in line).split()[4] == "0"
    assert holding(tmp_path / "server", FORMS) == []


@needs_sshd
def test_a_key_is_in_no_argument_and_no_file_not_even_after_a_crash(
    tmp_path: Path, origin: Checkout
) -> None:
    with Sshd(tmp_path / "sshd") as host:
        home = Home(tmp_path / "home")
        server = Server(home, tmp_path / "server")
        server.start()
        server.sign_in(home)
        url = host.url(origin.folder)
        lines = host.identity.read_text().splitlines()[1:-1]
        forms = [*lines, "PRIVATE KEY"]
        (home.folder / ".ssh").mkdir()
        (home.folder / ".ssh" / "known_hosts").write_text(host.known_hosts.read_text())
        shown = home.cidx(*("repo", "add", url, "--name", "demo", "--ssh-key", str(host.identity)))
        assert "access    ssh-key, set" in shown
        assert "SHA256:" in shown
        with watched() as seen:
            _, job = server.submit("demo")
            assert server.ended(job["job_id"])["status"] == "completed"
            server.submit("demo")
            server.kill()
        assert any("IdentityFile=/proc/" in lines for lines in seen)
        assert [form for form in forms if any(form in lines for lines in seen)] == []
        assert holding(tmp_path / "server", forms) == []
        server.start()
        server.ended(server.submit("demo")[1]["job_id"])
        assert holding(tmp_path / "server", forms) == []
        assert server.stop() == 0


def test_the_key_can_be_changed_be_the_service_managers_and_is_in_no_backup(
    tmp_path: Path, forge: HeldRemote
) -> None:
    home = Home(tmp_path / "home")
    server = Server(home, tmp_path / "server")
    server.start()
    server.sign_in(home)
    home.cidx("repo", "add", forge.url, "--name", "demo", "--token-stdin", stdin=f"{SECRET}\n")
    key = server.folder / "data" / "cidxd-key"
    first = key.read_text()
    backup = tmp_path / "backup.tar"
    home.run("cidxd", "backup", str(backup), "--config", str(server.config))
    assert first.strip().encode() not in backup.read_bytes()
    assert SECRET.encode() not in backup.read_bytes()

    given = tmp_path / "credentials"
    given.mkdir()
    (given / "cidxd-key").write_text(f"# new\n{base64.b64encode(os.urandom(32)).decode()}\n")
    (given / "cidxd-key").chmod(0o400)
    home.env["CREDENTIALS_DIRECTORY"] = str(given)
    assert server.stop() == 0
    server.start()
    wait_until("a new seal", lambda: "credentials_resealed" in server.log())
    key.unlink()
    assert synced(server)["status"] == "completed"
    looked = home.run("cidxd", "doctor", "--config", str(server.config))
    assert "credentials: each can be opened" in looked.stdout

    assert server.stop() == 0
    home.run("cidxd", "restore", str(backup), "--force", "--config", str(server.config))
    server.start()
    server.token = ""
    server.sign_in(home, "eve")
    assert "credential_key_unusable" in server.log()
    failed = synced(server)
    assert failed["error"]["code"] == "credential-unreadable"
    assert "add that key" in failed["error"]["hint"]
    key.write_text(first)
    key.chmod(0o600)
    assert synced(server)["status"] == "completed"
    assert server.stop() == 0


def synced(server: Server) -> Any:
    status, job = server.submit("demo")
    assert status == 202, job
    return server.ended(job["job_id"])


def test_an_embedded_daemon_uses_what_is_stored(home: Home, forge: HeldRemote) -> None:
    home.cidx("repo", "add", forge.url, "--name", "demo", "--token-stdin", stdin=f"{SECRET}\n")
    home.cidx("sync", "demo", "--timeout", "60")
    assert "access    token" in home.cidx("repo", "show", "demo")
    home.cidx("repo", "set", "demo", "--no-credentials")
    assert "access" not in home.cidx("repo", "show", "demo")
    home.cidx("sync", "demo", "--timeout", "60", code=5)
