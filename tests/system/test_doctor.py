"""`cidxd doctor` names what is wrong with an installation, and what mends it."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from house import Home, Server
from sandbox import Checkout


def findings(home: Home, server: Server, *more: str, code: int) -> dict[str, dict[str, Any]]:
    done = home.run("cidxd", "doctor", "--config", str(server.config), "--json", *more, code=code)
    return {found["what"]: found for found in map(json.loads, done.stdout.splitlines())}


def test_a_damaged_index_is_named_with_its_fix_and_the_next_sync_mends_it(
    home: Home, server: Server, origin: Checkout
) -> None:
    server.log_in(home)
    home.cidx("repo", "add", str(origin.folder), "--name", "work")
    assert findings(home, server, code=0)["index of work"]["told"] == "none yet"
    home.cidx("sync", "work", "--follow")
    sound = findings(home, server, code=0)
    assert "1 segment, " in sound["index of work"]["told"]
    (path,) = server.folder.glob("data/repositories/*/index/*/segments/*.seg")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    damaged = findings(home, server, code=1)["index of work"]
    assert path.name in damaged["told"]
    assert damaged["fix"] == "cidx sync work rebuilds it"
    assert "rebuilt " in home.cidx("sync", "work", "--follow")
    server.stop()
    assert findings(home, server, code=0)["index of work"]["is_sound"]


def test_a_sound_installation_has_no_finding_and_tells_who_holds_the_lock(
    home: Home, server: Server
) -> None:
    assert server.process is not None
    found = findings(home, server, code=0)
    assert f"process {server.process.pid} holds the lock" in found["daemon"]["told"]
    assert "free for" in found["disk"]["told"]
    assert {"configuration", "programs", "git", "data folder", "permissions", "clock"} <= set(found)
    server.stop()
    assert "none runs" in findings(home, server, code=0)["daemon"]["told"]


def test_what_is_open_to_others_is_named_with_the_command_that_closes_it(
    home: Home, server: Server
) -> None:
    data = server.folder / "data"
    data.chmod(0o755)
    (data / "admin.sock").chmod(0o666)
    found = findings(home, server, code=1)
    assert found["data folder"]["fix"] == f"chmod 700 {data}"
    assert found["permissions"]["fix"] == f"chmod 600 {data / 'admin.sock'}"


def test_a_holder_of_the_lock_that_does_not_answer_is_named(home: Home, server: Server) -> None:
    assert server.process is not None
    (server.folder / "data" / "admin.sock").unlink()
    found = findings(home, server, code=1)["daemon"]
    assert "does not answer" in found["told"]
    assert found["fix"].endswith(f"kill {server.process.pid}")


def test_remotes_are_asked_only_when_told_to(home: Home, server: Server, origin: Checkout) -> None:
    server.log_in(home)
    home.cidx("repo", "add", str(origin.folder), "--name", "work")
    assert findings(home, server, "--remotes", code=0)["remote of work"]["told"] == "1 branch"
    shutil.rmtree(origin.folder)
    assert "remote of work" not in findings(home, server, code=0)
    gone = findings(home, server, "--remotes", code=1)["remote of work"]
    assert "does not exist" in gone["told"]
    assert "check its address" in gone["fix"]


def test_a_clock_behind_the_records_and_a_newer_schema_are_named(
    home: Home, server: Server, origin: Checkout
) -> None:
    server.log_in(home)
    home.cidx("repo", "add", str(origin.folder), "--name", "work")
    home.cidx("sync", "work", "--timeout", "60")
    server.stop()
    connection = sqlite3.connect(server.folder / "data" / "cidxd.db", isolation_level=None)
    connection.execute("UPDATE event SET at = at + 7200")
    clock = findings(home, server, code=1)["clock"]
    assert re.search(r"7,\d\d\d s behind the newest record", clock["told"])
    connection.execute("PRAGMA user_version = 9999")
    connection.close()
    database = findings(home, server, code=1)["database"]
    assert "schema 9999" in database["told"]
    assert "newer cidxd" in database["fix"]


def test_a_damaged_database_is_named_with_the_way_back(home: Home, server: Server) -> None:
    server.stop()
    path = server.folder / "data" / "cidxd.db"
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)
    found = findings(home, server, code=1)["database"]
    assert "cidxd restore" in found["fix"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_as_another_user_nothing_is_touched_and_the_owner_is_named(
    home: Home, server: Server, tmp_path: Path
) -> None:
    server.stop()
    file = tmp_path / "backup"
    home.run("cidxd", "backup", str(file), "--config", str(server.config))
    data = server.folder / "data"
    os.chown(data, 65534, 65534)
    before = sorted(data.rglob("*"))
    found = findings(home, server, code=1)["data folder"]
    assert re.search(r"runuser -u \w+ -- cidxd doctor", found["fix"])
    argv = ("cidxd", "restore", str(file), "--force", "--config", str(server.config))
    assert "runuser -u" in home.run(*argv, code=1).stderr
    assert sorted(data.rglob("*")) == before


def test_a_data_folder_that_is_not_there_is_named_and_not_made(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "nowhere"
    done = home.run("cidxd", "doctor", "--data", str(folder), code=1)
    assert "it is not there" in done.stdout
    assert not folder.exists()


def test_a_configuration_that_cannot_be_read_or_is_wrong_is_a_finding(
    home: Home, server: Server, tmp_path: Path
) -> None:
    done = home.run("cidxd", "doctor", "--config", str(tmp_path / "no.toml"), code=1)
    assert "cannot be read" in done.stdout
    server.config.write_text(server.config.read_text() + "[limits]\nrunnin = 3\n")
    found = findings(home, server, code=1)["configuration"]
    assert "limits.runnin: unknown key" in found["told"]
    assert "check-config" in found["fix"]
