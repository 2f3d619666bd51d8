"""Who may do what, from the command line: a restricted repository, and tokens for programs."""

from __future__ import annotations

from pathlib import Path

from house import Home, Server
from sandbox import Checkout


def test_a_repository_is_shown_to_some_and_a_token_does_what_it_is_for(
    home: Home, server: Server, origin: Checkout, tmp_path: Path
) -> None:
    bob = Home(tmp_path / "bob")
    server.token = server.log_in(home)
    server.log_in(bob, "bob")
    home.cidx("repo", "add", str(origin.folder), "--name", "secret")
    assert bob.json("repo", "show", "secret")["rights"] == ["read", "sync"]
    shown = home.cidx("repo", "access", "secret", "--restricted")
    assert shown == "secret\n  shown to  who added it, and administrators\n"
    assert bob.json("repo", "list")["repositories"] == []
    told = bob.error("repo", "show", "secret", code=1)
    assert told.startswith("error: no repository of that name: secret\n")
    home.cidx("repo", "access", "secret", "--grant", "bob=read")
    assert bob.json("repo", "show", "secret")["name"] == "secret"
    assert "you may read secret, and not sync it" in bob.error("sync", "secret", code=4)
    assert "for who added it" in bob.error("repo", "access", "secret", code=4)
    assert "error: no user of that name: zoe" in home.error(
        "repo", "access", "secret", "--grant", "zoe=read", code=1
    )
    given = home.json("repo", "access", "secret", "--revoke", "bob", "--open")["access"]
    assert given == {"visibility": "all", "users": []}

    secret = home.cidx("auth", "token", "--days", "7", "--scope", "sync", "--name", "ci").strip()
    program = Home(tmp_path / "program")
    program.env |= {"CIDX_SERVER": server.url, "CIDX_TOKEN": secret}
    assert "updated" in program.cidx("sync", "secret", "--timeout", "60")
    assert "the token's scope is not enough" in program.error(
        "repo", "remove", "secret", "--yes", code=4
    )
    (row,) = home.json("auth", "tokens")["tokens"]
    assert (row["name"], row["scopes"]) == ("ci", ["sync"])
    assert row["last_used_at"] is not None
    assert secret not in home.cidx("auth", "tokens")
    home.cidx("auth", "revoke", row["id"])
    assert "the server refused the token" in program.error("jobs", "list", code=4)
    assert home.json("auth", "tokens") == {"tokens": []}
    assert secret not in server.log()
