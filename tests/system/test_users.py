"""Users and their passwords, from a client's command line."""

from __future__ import annotations

from pathlib import Path

from house import Home, Server

OLD, NEW = "correct horse\n", "a better battery\n"


def test_an_administrator_adds_changes_and_disables_a_user(
    home: Home, server: Server, tmp_path: Path
) -> None:
    server.log_in(home)
    add = ("user", "add", "rea", "--role", "reader", "--password-stdin")
    assert home.run("cidx", *add, stdin=OLD).stderr == "rea: reader\n"
    assert "there is a user of that name: rea" in home.run("cidx", *add, stdin=OLD, code=1).stderr
    weak = home.run("cidx", "user", "add", "bea", "--password-stdin", stdin="short\n", code=1)
    assert "hint: " in weak.stderr
    rows = {row["name"]: row["role"] for row in home.json("user", "list")["users"]}
    assert rows["rea"] == "reader"
    assert "rea" in home.cidx("user", "list")
    rea = Home(tmp_path / "rea")
    server.log_in(rea, "rea")
    assert "only an administrator sees and changes users" in rea.error("user", "list", code=4)
    assert home.json("user", "set", "rea", "--disable", "--role", "member")["disabled"] is True
    assert "the session ended" in rea.error("jobs", "list", code=4)
    assert "nothing to change" in home.error("user", "set", "rea", code=2)
    assert "no user of that name: zoe" in home.error("user", "set", "zoe", "--enable", code=1)


def test_one_sets_ones_own_password(home: Home, server: Server) -> None:
    server.log_in(home)
    wrong = home.run("cidx", "auth", "passwd", "--password-stdin", stdin=NEW + NEW, code=4)
    assert "error: " in wrong.stderr
    done = home.run("cidx", "auth", "passwd", "--password-stdin", stdin=OLD + NEW)
    assert done.stderr == "the password is changed; your other logins have ended\n"
    login = ("login", server.url, "--username", "ada", "--password-stdin")
    assert "error: " in home.run("cidx", *login, stdin=OLD, code=4).stderr
    home.cidx(*login, stdin=NEW)
