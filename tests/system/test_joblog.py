"""The log kept with a job, as its users read it."""

from __future__ import annotations

import shutil
from pathlib import Path

from house import HeldRemote, Home, Server, hosted, wait_until
from remote import Lie, RemoteThread
from sandbox import Checkout

_CHATTY_GIT = """#!/bin/sh
echo "http.extraheader=Authorization: Basic YWRhOnMzY3JldA==" >&2
echo "using https://ada:s3cret@h.example/r.git" >&2
exec {git} "$@"
"""


def chatty(home: Home) -> None:
    """Put a git first in *home*'s path that tells secrets before it works."""
    git, folder = shutil.which("git"), home.folder / "bin"
    folder.mkdir()
    (folder / "git").write_text(_CHATTY_GIT.format(git=git))
    (folder / "git").chmod(0o755)
    home.env["PATH"] = f"{folder}:{home.env['PATH']}"


def test_a_failing_remotes_log_has_gits_own_words_and_no_secret(
    home: Home, tmp_path: Path, origin: Checkout
) -> None:
    chatty(home)
    server = Server(home, tmp_path / "server")
    server.start()
    server.sign_in(home)
    with RemoteThread(origin.folder) as remote:
        home.cidx("repo", "add", remote.url, "--name", "gone")
        remote.lie = Lie(status=404)
        job_id = home.json("sync", "gone", "--timeout", "60", code=5)["job_id"]
    told = home.cidx("jobs", "log", job_id)
    server.stop()

    words = [line.split(" ", 1)[1] for line in told.splitlines()]
    assert words[0] == "attempt 1 started"
    assert any(line.startswith("git: fatal: repository 'http") for line in words)
    assert "git: using https://h.example/r.git" in words
    assert "git: http.extraheader=Authorization: Basic [redacted]" in words
    assert "fault in fetch: remote-not-found: the remote repository does not exist" in words
    assert words[-1] == "failed"
    files = (server.folder / "data" / "logs").rglob("*.log")
    everything = b"".join(file.read_bytes() for file in files)
    assert b"s3cret" not in everything
    assert b"YWRhOnMzY3JldA" not in everything


def test_a_followed_log_survives_a_restart_without_losing_or_repeating_a_byte(
    tmp_path: Path, origin: Checkout
) -> None:
    with hosted(tmp_path) as (home, server), HeldRemote(origin.folder) as remote:
        home.cidx("repo", "add", remote.url, "--name", "slow")
        remote.hold()
        job_id = home.json("sync", "slow")["job_id"]
        wait_until("the transfer", remote.is_holding)
        following = home.start("cidx", "jobs", "log", job_id[-8:], "--follow")
        assert following.stdout is not None
        assert following.stderr is not None
        first = following.stdout.readline()
        assert first.endswith("attempt 1 started\n")
        server.kill()
        remote.release()
        server.start()
        rest, said = following.stdout.read(), following.stderr.read()
        assert following.wait(60) == 0, said
        assert "Traceback" not in said
        following.communicate()  # closes the pipes

        whole = home.cidx("jobs", "log", job_id)
        assert first + rest == whole
        assert home.json("jobs", "log", job_id, "--follow") == {"job_id": job_id, "log": whole}
    words = [line.split(" ", 1)[1] for line in whole.splitlines()]
    assert words.count("attempt 1 started") == 2
    assert words.count("interrupted by the daemon's end: the attempt is given back") == 1
    assert words[-1] == "completed, updated"


def test_the_exit_code_of_a_followed_log_tells_how_the_job_ended(
    tmp_path: Path, origin: Checkout
) -> None:
    with hosted(tmp_path) as (home, _), HeldRemote(origin.folder) as remote:
        home.cidx("repo", "add", remote.url, "--name", "slow")
        remote.hold()
        job_id = home.json("sync", "slow")["job_id"]
        wait_until("the transfer", remote.is_holding)
        home.cidx("jobs", "cancel", job_id, "--reason", "enough")
        told = home.cidx("jobs", "log", job_id, "--follow", code=6)
        remote.release()
    assert told.splitlines()[-1].endswith("Z cancelled by ada: enough")
    assert "cancel requested by ada: enough" in told
