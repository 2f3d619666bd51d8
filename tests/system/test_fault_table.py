"""Each fault of the outside world, driven through the daemon: what docs/faults.md tells of it."""

from __future__ import annotations

import datetime as dt
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import fault_page
import fault_rows_content
import fault_rows_disk
import fault_rows_remote
import fault_rows_ssh
import pytest
from drill import Drills, Row, Seen
from house import Home, Server
from programs import needs_mounts
from sshd import keypair
from tls_remote import Authority

from cidxd.errors import FAULTS

ROWS = [
    *fault_rows_remote.ROWS,
    *fault_rows_ssh.ROWS,
    *fault_rows_content.ROWS,
    *fault_rows_disk.ROWS,
]
ATTEMPTS = 2
LIMITS = f"""
[limits]
attempts = {ATTEMPTS}
stall_seconds = {fault_rows_remote.STALL_S}
running = 14
running_per_user = 14
queued_per_user = 200
incident_repositories = 100

[polling]
mode = "off"
"""
AGAIN = "make faults writes the table of docs/faults.md anew"
# The mounts of the daemon and its children are their own, /etc/hosts among them.
WITH_HOSTS = 'mount --bind "$0" /etc/hosts && exec "$@"'


@pytest.fixture(scope="module")
def drills(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Drills]:
    folder = tmp_path_factory.mktemp("faults")
    home, trusted = at_home(folder / "home")
    server = Server(home, folder / "server", more=LIMITS)
    if not needs_mounts.args[0]:
        hosts = str(home.folder / "hosts")
        server.starter = ("unshare", "--mount", "sh", "-c", WITH_HOSTS, hosts)
    server.start()
    server.sign_in(home)
    made = Drills(home, server, folder / "stages", trusted)
    made.begin([row for item in request.session.items if (row := wanted(item))])
    yield made
    made.close()
    assert server.stop() == 0
    assert "Traceback" not in server.log(), server.log()


def wanted(item: pytest.Item) -> Row | None:
    """Return the row that *item* will ask for."""
    callspec = getattr(item, "callspec", None)
    row = callspec and callspec.params.get("row")
    is_passed_by = any(mark.args[0] for mark in item.iter_markers("skipif"))
    return row if isinstance(row, Row) and not is_passed_by else None


def at_home(folder: Path) -> tuple[Home, Authority]:
    """Return a home whose ssh has a key and known hosts, and whose git trusts an authority."""
    home, trusted = Home(folder), Authority(folder / "authority")
    (folder / "hosts").write_text("127.0.0.1 localhost git.example.test\n")
    (folder / "ssh").mkdir()
    (folder / "ssh" / "known_hosts").touch()
    options = [
        f"-oIdentityFile={keypair(folder / 'ssh' / 'identity')}",
        "-oIdentitiesOnly=yes",
        f"-oUserKnownHostsFile={folder / 'ssh' / 'known_hosts'}",
    ]
    ssh = folder / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text(f'#!/bin/sh\nexec /usr/bin/ssh {shlex.join(options)} "$@"\n')
    ssh.chmod(0o755)
    home.env["PATH"] = f"{ssh.parent}:{home.env['PATH']}"
    home.env["GIT_SSL_CAINFO"] = str(trusted.file)
    return home, trusted


@pytest.mark.parametrize("row", [pytest.param(row, marks=row.marks, id=row.name) for row in ROWS])
def test_a_fault_is_what_the_page_says(row: Row, drills: Drills) -> None:
    seen = drills.seen(row)
    attempts = seen.job["attempts"]
    assert (seen.fault and seen.fault["code"]) == (row.code or None), attempts
    assert seen.ending == row.ends, attempts
    tries = ATTEMPTS if row.ends == "failed" and FAULTS[row.code].transient else row.attempts
    assert len(attempts) == tries
    assert re.search(row.log, seen.log), seen.log
    assert len(seen.lines) > 1, "searches go on"
    assert seen.exit_code == (5 if row.ends == "failed" else 0)
    if row.ends == "failed":
        assert_is_told(seen)
    if row.is_outage:
        assert_nothing_is_lost(seen)
    elif row.code:
        assert_is_read_until_replaced(seen)
    if seen.afterwards:
        assert seen.afterwards["status"] == "completed", seen.afterwards["attempts"]


def assert_is_told(seen: Seen) -> None:
    error = seen.job["error"]
    assert all("'first'" in line for line in seen.lines), "what was published last is found"
    assert {attempt["error"]["code"] for attempt in seen.job["attempts"]} == {error["code"]}
    assert f"error: {error['title']}" in seen.told
    assert f"hint: {error['hint']}" in seen.told
    assert f"fault in fetch: {error['code']}: {error['title']}" in seen.log
    assert f"hint: {error['hint']}" in seen.log


def assert_nothing_is_lost(seen: Seen) -> None:
    """Hold that the mirror is the one it was, and that what it had was not fetched again."""
    assert len(set(seen.mirrors)) == 1
    assert seen.packs[0] <= seen.packs[1]
    if seen.afterwards:
        before, now = seen.objects
        assert seen.afterwards["summary"]["objects_received"] <= now - before


def assert_is_read_until_replaced(seen: Seen) -> None:
    """Hold that there always was a mirror: the damaged one, and then another one."""
    before, now = seen.mirrors[0], seen.mirrors[-1]
    assert 0 != before != now != 0
    assert set(seen.mirrors) == {before, now}
    assert seen.mirrors.count(before) > 4, "it stays over the pause between the attempts"


def test_the_time_that_a_remote_names_is_waited_for(drills: Drills) -> None:
    [row] = [row for row in ROWS if row.name == "status-429"]
    first, second = drills.seen(row).job["attempts"]
    pause = dt.datetime.fromisoformat(second["started_at"]) - dt.datetime.fromisoformat(
        first["finished_at"]
    )
    assert 3 <= pause.total_seconds() < 30


def test_the_page_tells_what_was_driven(drills: Drills) -> None:
    driven = {row.fault: fault_page.line(row, drills.seen(row)) for row in drills.driven}
    every = [row.fault for row in ROWS]
    if os.environ.get("FAULTS_WRITE"):
        assert sorted(driven) == sorted(every), "a row was passed by"
        fault_page.write([driven[fault] for fault in every])
    told = fault_page.lines()
    assert list(told) == every, AGAIN
    assert driven == {fault: told[fault] for fault in driven}, AGAIN
