"""
Logins and tokens on the real daemon: what it logs, and what a restart changes.

Nothing of a bad token is in the log, at its most talkative; see tests/web/test_token_attacks.py
for the answers.
"""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from attacks import Attack, Loot, attacks, mark
from house import Home, Server, curl, wait_until

POSTED = ("-H", "Content-Type: application/json", "-d")
LOGIN = '{"username": "ada", "password": "correct horse"}'


@pytest.fixture
def daemon(home: Home, tmp_path: Path) -> Iterator[Server]:
    made = Server(home, tmp_path / "server", more="[log]\nlevel = 'debug'\nformat = 'json'\n")
    made.start()
    made.add_user("ada", "--admin")
    yield made
    made.stop()


def posted(daemon: Server, path: str, body: object, token: str = "") -> tuple[int, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    return curl(f"{daemon.url}{path}", token, *POSTED, text)


def loot_of(daemon: Server) -> Loot:
    _, pair = posted(daemon, "/api/auth/login", LOGIN)
    database = sqlite3.connect(f"file:{daemon.folder}/data/cidxd.db?mode=ro", uri=True)
    [(key_id, key)] = database.execute("SELECT key_id, secret FROM signing_key")
    database.close()
    return Loot(pair["access_token"], key, key_id, pair["refresh_token"])


def told(daemon: Server, attack: Attack) -> tuple[int, bytes]:
    """Return status and body."""
    parts = urlsplit(daemon.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        head = f"GET {attack.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n"
        lines = [name.encode() + b": " + value + b"\r\n" for name, value in attack.headers]
        connection.sendall(head.encode() + b"".join(lines) + b"\r\n")
        answer = connection.makefile("rb").read()
    return int(answer.split()[1]), answer.partition(b"\r\n\r\n")[2]


def test_nothing_of_a_bad_token_is_logged(daemon: Server) -> None:
    loot = loot_of(daemon)
    sent = list(attacks(loot))
    for attack in sent:
        assert told(daemon, attack)[0] == 401, attack
    for value in (b"Bearer " + b"a-secret" * 2000, b"a-secret\0a-secret", b"a-secret\x01"):
        status, body = told(daemon, Attack("beyond", [("Authorization", value)]))
        assert status in {400, 431}
        assert b"a-secret" not in body
    refresh = {"refresh_token": loot.token}
    assert posted(daemon, "/api/auth/refresh", refresh)[0] == 401
    wrong = {"username": "ada", "password": "a wrong horse of mine"}
    assert posted(daemon, "/api/auth/login", wrong)[0] == 401
    daemon.stop()
    log = daemon.log()
    assert '"event": "ready"' in log
    secrets = [loot.token, loot.key, loot.refresh, wrong["password"], "correct horse", "a-secret"]
    pieces = {piece for attack in sent for piece in mark(attack)} | {*secrets}
    assert len(pieces) > 100
    assert [piece for piece in pieces if piece in log] == []


def test_a_refresh_family_is_the_same_after_a_restart(daemon: Server) -> None:
    loot = loot_of(daemon)
    first = {"refresh_token": loot.refresh}
    assert posted(daemon, "/api/auth/refresh", first)[0] == 200
    daemon.kill()
    daemon.start()
    status, pair = posted(daemon, "/api/auth/refresh", first)
    assert status == 200, "within the grace"
    assert curl(f"{daemon.url}/api/auth/me", pair["access_token"])[0] == 200
    assert curl(f"{daemon.url}/api/auth/me", loot.token)[0] == 200, "the key is the same"
    used = {"refresh_token": pair["refresh_token"]}
    assert posted(daemon, "/api/auth/refresh", used)[0] == 200
    database = sqlite3.connect(f"{daemon.folder}/data/cidxd.db")
    daemon.kill()
    with database:
        database.execute("UPDATE session SET rotated_at = ?", (time.time() - 31,))
    database.close()
    daemon.start()
    assert posted(daemon, "/api/auth/refresh", used)[0] == 401, "the grace is over"
    assert curl(f"{daemon.url}/api/auth/me", pair["access_token"])[0] == 401


def test_keys_rotate_beside_a_daemon_and_without_one_and_nobody_is_logged_out(
    home: Home, daemon: Server
) -> None:
    daemon.log_in(home)
    old = home.cidx("auth", "token").strip()
    config = str(daemon.folder / "cidxd.toml")
    said = home.run("cidxd", "keys", "rotate", "--config", config).stdout
    assert said.startswith("new signing key: ")
    assert "verify for 900 s more" in said
    assert curl(f"{daemon.url}/api/auth/me", old)[0] == 200
    daemon.stop()
    home.run("cidxd", "keys", "rotate", "--config", config)
    daemon.start()
    assert curl(f"{daemon.url}/api/auth/me", old)[0] == 200
    said = home.run("cidxd", "keys", "rotate", "--at-once", "--config", config).stdout
    assert said.endswith("the older ones are gone\n")
    assert curl(f"{daemon.url}/api/auth/me", old)[0] == 401
    assert home.json("jobs", "list")["jobs"] == [], "the client has refreshed its token"
    entries = home.json("audit", "--action", "keys.rotated")["entries"]
    assert len(entries) == 3
    assert {entry["actor"].partition(":")[0] for entry in entries} == {"operator"}


def test_one_sees_ones_logins_and_the_audit_log_on_the_command_line(
    home: Home, daemon: Server, tmp_path: Path
) -> None:
    daemon.log_in(home)
    other = Home(tmp_path / "other")
    daemon.log_in(other)
    daemon.signal(signal.SIGHUP)
    rows = home.json("auth", "sessions")["sessions"]
    (mine,) = [row for row in rows if row["current"]]
    (theirs,) = [row for row in rows if not row["current"]]
    assert theirs["agent"].startswith("cidx/")
    assert f"{mine['id'][:8]} (this)" in home.cidx("auth", "sessions")
    home.cidx("auth", "end", theirs["id"][:8])
    assert "hint: cidx login" in other.error("jobs", "list", code=4)
    assert "hint: cidx auth sessions" in home.error("auth", "end", "zzz", code=1)

    def reloaded() -> Any:
        return home.json("audit", "--action", "config.reloaded")["entries"]

    (entry,) = wait_until("the reload", reloaded)
    assert (entry["actor"], entry["address"]) == ("operator", "signal")
    table = home.cidx("audit", "--limit", "0")
    for word in ("ACTOR", "user.added", "session.ended", "operator:", "127.0.0.1"):
        assert word in table
    (first,) = home.json("audit", "--limit", "1")["entries"]
    assert home.json("audit", "--limit", "1")["next_cursor"] == str(first["id"])
    daemon.add_user("bob")
    member = Home(tmp_path / "member")
    daemon.log_in(member, "bob")
    member.error("audit", code=4)
