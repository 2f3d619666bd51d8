"""On a laptop with nothing set up: the client starts a daemon of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from house import PATIENCE_S, Home, wait_until
from remote import RemoteThread
from sandbox import Checkout, git


def clone(origin: Checkout, folder: Path) -> Path:
    folder.parent.mkdir(exist_ok=True)
    git(folder.parent, "clone", "-q", str(origin.folder), str(folder))
    return folder


def data(home: Home) -> Path:
    return home.folder / ".local/share/cidx"


def pid(home: Home) -> int:
    return int(home.json("up")["pid"])


def repositories(home: Home) -> dict[str, Any]:
    rows = home.json("repo", "list")["repositories"]
    return {row["name"]: row for row in rows}


def test_one_command_in_a_checkout_is_enough(home: Home, origin: Checkout, tmp_path: Path) -> None:
    work = clone(origin, tmp_path / "work")
    done = home.run("cidx", "sync", "--follow", cwd=work)
    assert done.stderr == f"registered {origin.folder} as work\n"
    assert "src/needle.py:1:" in home.cidx("query", "NEEDLE", cwd=work)
    first = pid(home)

    # A second checkout of the same remote: the same daemon, the same repository.
    second = clone(origin, tmp_path / "elsewhere" / "second")
    done = home.run("cidx", "sync", "--follow", cwd=second)
    assert done.stderr == ""
    assert list(repositories(home)) == ["work"]
    assert pid(home) == first

    kept_to_the_user(data(home))
    home.cidx("down")
    assert not (data(home) / "daemon.json").exists()
    assert "cidx up" in home.error("status", code=3)


def kept_to_the_user(folder: Path) -> None:
    assert folder.stat().st_mode & 0o777 == 0o700
    for name in (
        "daemon.json",
        "daemon.lock",
        "daemon.log",
        "token",
        "cidxd.db",
        "cidxd.db-wal",
        "admin.sock",
    ):
        assert (folder / name).stat().st_mode & 0o077 == 0, name


def test_up_status_and_down(home: Home) -> None:
    url = home.cidx("up").strip()
    assert url.startswith("http://127.0.0.1:")
    assert home.cidx("up").strip() == url
    facts = home.json("status")
    assert (facts["server_url"], facts["is_embedded"]) == (url, True)
    assert home.json("down") == {"stopped": True}
    assert home.json("down") == {"stopped": False}
    assert home.json("status", code=3)["server_url"] is None


def test_a_private_daemon_that_is_told_to_stop_ends_in_order(home: Home) -> None:
    home.cidx("up")
    home.cidx("down")
    log = data(home) / "daemon.log"

    def last_word() -> str:
        words = log.read_text("utf-8")
        return words if '"stopped"' in words or "Error" in words else ""

    assert "Traceback" not in wait_until("the end", last_word)


def test_a_checkout_without_a_remote_is_its_own(home: Home, tmp_path: Path) -> None:
    alone = Checkout(tmp_path / "alone")
    alone.commit({"a.txt": "hay\n"})
    done = home.run("cidx", "sync", "--timeout", "60", cwd=alone.folder)
    assert done.stderr == f"registered {alone.folder} as alone\n"
    assert "a.txt:1:" in home.cidx("query", "hay", cwd=alone.folder)


def test_two_remotes_whose_folders_have_one_name(home: Home, tmp_path: Path) -> None:
    for number in (1, 2):
        remote = Checkout(tmp_path / f"remote-{number}")
        remote.commit({"a.txt": f"straw {number}\n"})
        work = clone(remote, tmp_path / str(number) / "app")
        home.cidx("sync", "--timeout", "60", cwd=work)
        assert f"straw {number}" in home.cidx("query", "straw", cwd=work)
    assert set(repositories(home)) == {"app", "app-2"}


def test_the_branch_that_the_checkout_follows_is_synced_too(
    home: Home, origin: Checkout, tmp_path: Path
) -> None:
    origin.git("checkout", "-q", "-b", "topic")
    origin.commit({"topic.txt": "only on the topic\n"})
    origin.git("checkout", "-q", "main")
    work = clone(origin, tmp_path / "work")
    home.cidx("sync", "--timeout", "60", cwd=work)
    git(work, "checkout", "-q", "topic")
    done = home.run("cidx", "sync", "--timeout", "60", cwd=work)
    assert done.stderr == "work now tracks topic as well\n"
    assert "topic.txt:1:" in home.cidx("query", "only on", "--branch", "topic", cwd=work)


def test_an_idle_daemon_ends_by_itself_and_the_next_command_starts_another(
    home: Home, origin: Checkout, tmp_path: Path
) -> None:
    idle = subprocess.run(
        [
            *(sys.executable, "-m", "cidxd", "serve", "--embedded", "--idle", "0.5"),
            *("--data", str(data(home))),
        ],
        env=home.env,
        cwd=home.folder,
        capture_output=True,
        timeout=PATIENCE_S,
        check=True,
    )
    assert b"Traceback" not in idle.stderr
    assert not (data(home) / "daemon.json").exists()
    work = clone(origin, tmp_path / "work")
    home.cidx("sync", "--timeout", "60", cwd=work)


def test_a_killed_daemon_is_started_again_by_the_next_command(home: Home) -> None:
    first = pid(home)
    os.kill(first, signal.SIGKILL)
    wait_until("its end", lambda: home.json("up")["pid"] != first)
    assert home.json("status")["is_embedded"] is True


def test_two_clients_at_once_start_one_daemon(home: Home) -> None:
    clients = [home.start("cidx", "up", "--json") for _ in range(3)]
    said = [client.communicate(timeout=PATIENCE_S) for client in clients]
    assert [client.returncode for client in clients] == [0, 0, 0], said
    assert len({json.loads(out)["pid"] for out, _ in said}) == 1


def test_a_remote_that_wants_credentials_is_never_a_reason_to_ask(
    home: Home, origin: Checkout, tmp_path: Path
) -> None:
    work = clone(origin, tmp_path / "work")
    with RemoteThread(origin.folder, user="ada", password="secret") as remote:
        git(work, "remote", "set-url", "origin", remote.url)
        ours, theirs = os.pipe()
        os.write(theirs, b"ada\nsecret\n")
        done = subprocess.run(
            [sys.executable, "-m", "cidx", "sync", "--follow"],
            env=home.env,
            cwd=work,
            stdin=ours,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    assert "the remote wants credentials and there are none" in done.stderr, done
    assert "hint: give them: --token-stdin with cidx repo add or set; your own" in done.stderr
    assert done.returncode in {1, 5}
    assert os.read(ours, 100) == b"ada\nsecret\n", "nothing was read from stdin"
    os.close(ours)
    os.close(theirs)
