"""What bad input gets: one line, a hint, the right exit code, and nothing lost."""

from __future__ import annotations

import base64
import json
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from house import Home, Server, hosted
from remote import Lie, RemoteThread
from sandbox import Checkout

LIMITS = "[limits]\nattempts = 1\n"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Server]]:
    """One daemon for the module: nothing here does it any harm."""
    with hosted(tmp_path_factory.mktemp("bad-input"), more=LIMITS) as made:
        yield made


@pytest.fixture
def user(house: tuple[Home, Server]) -> Home:
    return house[0]


@pytest.fixture
def daemon(house: tuple[Home, Server]) -> Server:
    return house[1]


@pytest.fixture
def stranger(tmp_path: Path) -> Home:
    """Somebody without a session."""
    return Home(tmp_path / "stranger")


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def test_not_a_git_checkout(user: Home) -> None:
    said = user.error("sync", "--follow", code=1)
    assert said == (
        f"error: not in a git checkout: {user.folder}\n"
        "hint: go to a checkout, or name a repository: cidx repo list\n"
    )


def test_an_unknown_repository_is_told_with_the_nearest_name(user: Home, tmp_path: Path) -> None:
    near = Checkout(tmp_path / "gearbox")
    near.commit({"a.txt": "a\n"})
    user.cidx("repo", "add", str(near.folder), "--name", "gearbox")
    said = user.error("sync", "gearbux", code=1)
    assert said == "error: no repository of that name: gearbux\nhint: did you mean gearbox?\n"


def test_a_remote_that_is_not_reachable(user: Home) -> None:
    url = f"http://127.0.0.1:{free_port()}/x.git"
    said = user.error("repo", "add", url, code=1)
    assert said.startswith("error: the remote cannot be reached: ")
    assert "hint: check the network and the remote's address" in said


def test_a_remote_that_was_reachable_once_fails_the_job(user: Home, tmp_path: Path) -> None:
    origin = Checkout(tmp_path / "flaky")
    origin.commit({"a.txt": "a flake\n"})
    with RemoteThread(origin.folder) as remote:
        user.cidx("repo", "add", remote.url, "--name", "flaky")
        user.cidx("sync", "flaky", "--timeout", "60")
        remote.lie = Lie(status=503)
        said = user.error("sync", "flaky", "--follow", code=5)
        assert "error: the remote answered with a server error" in said
        assert "hint: wait, or ask the remote's operator" in said
    assert "a flake" in user.cidx("query", "flake", "--repo", "flaky")


def test_a_remote_that_does_not_exist(user: Home, tmp_path: Path) -> None:
    said = user.error("repo", "add", str(tmp_path / "nothing.git"), code=1)
    assert said.startswith("error: the remote repository does not exist: ")
    assert "hint: check its address" in said


def test_an_empty_remote(user: Home, tmp_path: Path) -> None:
    empty = Checkout(tmp_path / "empty")
    user.cidx("repo", "add", str(empty.folder), "--name", "empty")
    said = user.error("sync", "empty", "--follow", code=5)
    assert "error: the remote repository has no commits" in said
    assert "hint: push a first commit, then sync again" in said
    empty.commit({"a.txt": "no longer empty\n"})
    user.cidx("sync", "empty", "--timeout", "60")


def test_a_branch_that_the_remote_does_not_have(user: Home, tmp_path: Path) -> None:
    origin = Checkout(tmp_path / "branchless")
    origin.commit({"a.txt": "a\n"})
    user.cidx("repo", "add", str(origin.folder), "--name", "branchless")
    user.cidx("sync", "branchless", "--timeout", "60")
    said = user.error("sync", "branchless", "--branch", "nope", code=1)
    assert said.startswith("error: branch is not tracked: nope\nhint: track it: ")
    said = user.error("repo", "set", "branchless", "--branch", "nope", code=1)
    assert said == "error: the remote has no such branch: nope\nhint: it has: main\n"
    origin.git("branch", "gone")
    user.cidx("repo", "set", "branchless", "--branch", "gone")
    origin.git("branch", "-D", "gone")
    said = user.error("sync", "branchless", "--follow", code=5)
    assert "error: a tracked branch does not exist on the remote" in said
    assert "hint: track another branch: " in said


def test_a_wrong_password(stranger: Home, daemon: Server) -> None:
    argv = ("cidx", "login", daemon.url, "--username", "ada", "--password-stdin")
    said = stranger.run(*argv, stdin="wrong horse\n", code=4).stderr
    assert said.startswith("error: ")
    assert "password" in said
    nobody = ("cidx", "login", daemon.url, "--username", "nobody", "--password-stdin")
    assert stranger.run(*nobody, stdin="wrong horse\n", code=4).stderr == said


def test_no_session_at_all(stranger: Home, daemon: Server) -> None:
    stranger.env["CIDX_SERVER"] = daemon.url
    said = stranger.error("jobs", "list", code=4)
    assert said == f"error: not logged in: {daemon.url}\nhint: cidx login {daemon.url}\n"


@pytest.mark.parametrize("what", ["expired", "foreign", "garbage"])
def test_a_token_that_is_of_no_use(stranger: Home, daemon: Server, what: str) -> None:
    claims = jwt.decode(daemon.token, options={"verify_signature": False})
    database = sqlite3.connect(f"file:{daemon.folder}/data/cidxd.db?mode=ro", uri=True)
    [(key_id, key)] = database.execute("SELECT key_id, secret FROM signing_key")
    database.close()
    header = {"typ": "at+jwt", "kid": key_id}
    tokens = {
        "expired": jwt.encode({**claims, "exp": int(time.time()) - 3600}, key, headers=header),
        "foreign": jwt.encode(claims, "another daemon's key, of a good length"),
        "garbage": "garbage",
    }
    stranger.env.update(CIDX_SERVER=daemon.url, CIDX_TOKEN=tokens[what])
    said = stranger.error("jobs", "list", code=4)
    assert said.startswith("error: ")
    assert "\nhint: " in said


def test_a_daemon_that_does_not_run(stranger: Home) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    stranger.env.update(CIDX_SERVER=url, CIDX_TOKEN="any")
    said = stranger.error("jobs", "list", code=3)
    assert said.startswith("error: ")
    assert url in said
    assert "\nhint: " in said


def refused(home: Home, folder: Path, text: str) -> list[str]:
    """Start a daemon that cannot start; return its lines."""
    config = folder / "cidxd.toml"
    folder.mkdir(exist_ok=True)
    config.write_text(text)
    return home.run("cidxd", "serve", "--config", str(config), code=1).stderr.splitlines()


def test_a_port_that_is_taken(stranger: Home, daemon: Server, tmp_path: Path) -> None:
    address = daemon.url.removeprefix("http://")
    text = f'[server]\nlisten = "{address}"\ndata = "{tmp_path / "data"}"\n'
    *_, fault, hint = refused(stranger, tmp_path / "conf", text)
    assert fault.startswith(f"error: cannot listen on {address}: ")
    assert hint == "hint: stop what uses the port, or set server.listen"


def test_a_data_folder_that_cannot_be_written(stranger: Home, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "data"  # root may write into any folder, but not into a file
    text = f'[server]\nlisten = "127.0.0.1:0"\ndata = "{folder}"\n'
    *_, fault, hint = refused(stranger, tmp_path / "conf", text)
    assert fault.startswith(f"error: cannot write the data folder: {folder}: ")
    assert hint == "hint: make it writable for this user, or set server.data"


def test_a_second_daemon_on_the_same_data(stranger: Home, daemon: Server, tmp_path: Path) -> None:
    data = daemon.folder / "data"
    text = f'[server]\nlisten = "127.0.0.1:0"\ndata = "{data}"\n'
    assert refused(stranger, tmp_path, text) == [
        f"error: another cidxd uses this data folder: {data}",
        "hint: stop it first, or give this one a folder of its own",
    ]
    assert daemon.ask("/api/jobs") is not None


def test_a_configuration_with_three_faults(stranger: Home, tmp_path: Path) -> None:
    text = '[server]\nlisten = "here"\n[limits]\nattempts = 0\n[colour]\nname = "red"\n'
    first, *faults, hint = refused(stranger, tmp_path, text)
    assert first.startswith("error: 3 fault")
    named = [fault.split(":")[0].strip() for fault in faults]
    assert named == ["server.listen", "limits.attempts", "colour"]
    assert hint == "hint: see docs/operations.md"


def test_odd_files_and_an_odd_name(user: Home, tmp_path: Path) -> None:
    origin = Checkout(tmp_path / "odd")
    odd_name = b"odd-\xff\xfe.txt"
    origin.commit(
        {
            "binary.bin": b"\0\1 marmalade \2",
            "huge.txt": "marmalade\n" * 200_000,
            "latin.txt": b"caf\xe9 marmalade\n",
            odd_name: "marmalade inside\n",
        }
    )
    user.cidx("repo", "add", str(origin.folder), "--name", "odd")
    job = user.json("sync", "odd", "--timeout", "60")
    assert job["outcome"] == "updated"
    assert job["summary"]["files_total"] == 4
    assert job["summary"]["skipped_by_reason"] == {"binary": 1, "too-large": 1}

    lines = user.cidx("query", "marmalade", "--repo", "odd", "--limit", "0", "--json").splitlines()
    matches = [json.loads(line) for line in lines]
    assert len(matches) == 2
    assert {match["path"] for match in matches} == {
        "latin.txt",
        "odd-\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}.txt",
    }
    named = next(match for match in matches if match["path"] != "latin.txt")
    assert base64.b64decode(named["path_base64"]) == odd_name
