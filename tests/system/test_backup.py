"""What a backup of a running daemon brings back, and what a restore refuses to touch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemas
from house import Home, Server, Trap, curl, wait_until
from sandbox import Checkout

from cidxd.work import archive
from cidxd.work.archive import Manifest


@pytest.fixture
def other(home: Home, tmp_path: Path) -> Iterator[Server]:
    """Another place for a daemon, with nothing there."""
    made = Server(home, tmp_path / "other")
    yield made
    if made.process is not None:
        made.stop()


def cidxd(server: Server, command: str, *more: str, code: int = 0) -> str:
    """Run a command on the server's data; return its output, or how it failed."""
    home = server.home
    done = home.run("cidxd", command, *more, "--config", str(server.config), code=code)
    return done.stderr if code else done.stdout


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith("lock")
    }


def test_a_backup_of_a_running_daemon_brings_back_users_jobs_and_logs_elsewhere(
    home: Home, server: Server, other: Server, origin: Checkout, tmp_path: Path
) -> None:
    server.log_in(home)
    home.cidx("repo", "add", str(origin.folder), "--name", "work")
    job = home.json("sync", "work", "--timeout", "60")
    log = home.cidx("jobs", "log", job["job_id"])
    file = tmp_path / "backup.tar.gz"
    assert "1 logs" in cidxd(server, "backup", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    assert not (server.folder / "data" / "snapshot.db").exists()
    home.cidx("sync", "work", "--full", "--timeout", "60")  # is not in it

    assert "1 logs" in cidxd(other, "restore", str(file))
    other.start()
    other.log_in(home, "bob")
    other.log_in(home)
    assert [row["job_id"] for row in home.json("jobs", "list")["jobs"]] == [job["job_id"]]
    assert home.json("jobs", "show", job["job_id"]) == job
    (told,) = home.json("audit", "--action", "backup.restored")["entries"]
    assert told["actor"].startswith("operator:")
    assert home.cidx("jobs", "log", job["job_id"]) == log
    assert home.json("repo", "show", "work")["branches"] == []
    assert "sync" in home.error("query", "NEEDLE", "--repo", "work", code=1)
    assert home.json("sync", "work", "--timeout", "60")["outcome"] == "updated"
    assert "src/needle.py:1:" in home.cidx("query", "NEEDLE", "--repo", "work")


def test_a_restore_in_place_moves_what_is_there_and_never_beside_a_daemon(
    home: Home, server: Server, origin: Checkout, tmp_path: Path
) -> None:
    server.log_in(home)
    home.cidx("repo", "add", str(origin.folder), "--name", "work")
    file = tmp_path / "backup.tar"
    cidxd(server, "backup", str(file))
    home.cidx("sync", "work", "--timeout", "60")
    second = Checkout(tmp_path / "second")
    second.commit({"a.py": "pass\n"})
    home.cidx("repo", "add", str(second.folder), "--name", "later")

    said = cidxd(server, "restore", str(file), "--force", code=1)
    assert "another cidxd uses" in said
    assert "stop it first" in said
    server.stop()
    before = tree(server.folder / "data")
    said = cidxd(server, "restore", str(file), code=1)
    assert "cidxd.db, logs, repositories" in said
    assert "--force" in said
    assert tree(server.folder / "data") == before

    told = cidxd(server, "restore", str(file), "--force")
    (aside,) = (server.folder / "data").glob("replaced-*")
    assert str(aside) in told
    assert tree(aside) == before
    server.start()
    assert [row["name"] for row in home.json("repo", "list")["repositories"]] == ["work"]
    assert home.json("jobs", "list")["jobs"] == []
    assert home.json("sync", "work", "--timeout", "60")["outcome"] == "updated"


def test_a_job_that_ran_when_the_backup_was_made_runs_again_after_the_restore(
    home: Home, trap: Trap, origin: Checkout, tmp_path: Path
) -> None:
    server = Server(home, tmp_path / "server")
    server.start()
    server.sign_in(home)
    home.cidx("repo", "add", str(origin.folder), "--name", "work")
    trap.arm("subprocess.Popen", "cat-file")
    job_id = home.json("sync", "work")["job_id"]
    trap.caught()
    cidxd(server, "backup", str(tmp_path / "backup"))
    trap.release()
    server.ended(job_id)
    server.stop()
    cidxd(server, "restore", str(tmp_path / "backup"), "--force")
    server.start()
    job = server.ended(job_id)
    assert job["status"] == "completed"
    assert [attempt["interrupted"] for attempt in job["attempts"]] == [True, False]
    assert server.stop() == 0


def test_a_backup_is_refused_where_it_cannot_be_written_or_would_replace_something(
    server: Server, other: Server, tmp_path: Path
) -> None:
    file = tmp_path / "backup.tar.gz"
    file.write_text("precious")
    said = cidxd(server, "backup", str(file), code=1)
    assert "exists already" in said
    assert "--force" in said
    assert file.read_text() == "precious"
    cidxd(server, "backup", str(file), "--force")
    cidxd(other, "restore", str(file))
    assert "no such folder" in cidxd(server, "backup", str(tmp_path / "no" / "backup"), code=1)
    assert "exists already" in cidxd(server, "backup", str(tmp_path), "--force", code=1)
    empty = Server(server.home, tmp_path / "empty")
    assert "there is no database" in cidxd(empty, "backup", str(tmp_path / "new"), code=1)
    assert not (empty.folder / "data").exists()
    if os.geteuid():
        tmp_path.chmod(0o500)
        said = cidxd(server, "backup", str(tmp_path / "new"), code=1)
        tmp_path.chmod(0o700)
        assert "cannot write" in said


def test_a_backup_is_made_without_a_daemon_too(server: Server, tmp_path: Path) -> None:
    server.stop()
    cidxd(server, "backup", str(tmp_path / "backup"))
    cidxd(server, "restore", str(tmp_path / "backup"), "--force")
    server.start()
    server.log_in(server.home)


@pytest.mark.parametrize("schema", [1, schemas.EVERY[-1] + 1])
def test_a_backup_of_an_older_program_is_brought_up_and_one_of_a_newer_is_refused(
    server: Server, schema: int, tmp_path: Path
) -> None:
    server.stop()
    schemas.create(tmp_path / "database", min(schema, schemas.EVERY[-1]))
    about = Manifest(version="9.9", schema_number=schema, made_at="2026-11-25T19:00:00Z", files={})
    file = tmp_path / "backup"
    archive.pack(file, [("cidxd.db", tmp_path / "database")], about)
    before = tree(server.folder / "data")
    if schema == 1:
        assert "schema 1" in cidxd(server, "restore", str(file), "--force")
        server.start()
        names = {"gone", "site", "slow", "tools"}
        token = server.log_in(server.home)
        _, found = curl(f"{server.url}/api/repositories", token)
        assert {row["name"] for row in found["repositories"]} == names
    else:
        said = cidxd(server, "restore", str(file), "--force", code=1)
        assert "newer cidxd" in said
        assert tree(server.folder / "data") == before


def test_a_daemon_finishes_a_restore_whose_command_was_killed(
    home: Home, server: Server, tmp_path: Path
) -> None:
    file = tmp_path / "backup"
    cidxd(server, "backup", str(file))
    server.add_user("later")
    server.stop()
    killer = home.folder / "killer"
    killer.mkdir()
    (killer / "sitecustomize.py").write_text(_KILLER)
    path = home.env["PYTHONPATH"]
    home.env["PYTHONPATH"] = f"{killer}:{path}"
    done = home.start("cidxd", "restore", str(file), "--force", "--config", str(server.config))
    done.communicate()
    assert done.returncode == -9
    home.env["PYTHONPATH"] = path
    assert not (server.folder / "data" / "cidxd.db").exists()
    server.start()
    listed = home.run("cidxd", "user", "list", "--config", str(server.config)).stdout
    assert "ada" in listed
    assert "later" not in listed
    wait_until("readiness", lambda: server.readiness() == (200, []))


_KILLER = """
import os, signal, sys


def kill(event, arguments):
    if event == "os.rename" and str(arguments[0]).endswith("restore.ready"):
        os.kill(os.getpid(), signal.SIGKILL)


sys.addaudithook(kill)
"""
