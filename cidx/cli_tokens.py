"""`cidx auth token`, `cidx auth tokens`, `cidx auth revoke`."""

from __future__ import annotations

import platform

import click

from cidx import amounts, layout, repositories, settings, terminal
from cidx.access import LoginAccess
from cidx.client import Client
from cidx.layout import Column
from cidx.options import json_option

_LEAST_S = 600
_TOKENS = (
    Column("TOKEN"),
    Column("NAME", least=8),
    Column("SCOPES", least=5),
    Column("CREATED"),
    Column("ENDS"),
    Column("LAST USED"),
)


@click.command()
@click.option("--days", type=click.IntRange(min=1), help="Make a personal token for so many days.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(["read", "sync", "admin"]),
    help="What it may do: read (default), sync, or admin for all that you may; with --days.",
)
@click.option("--name", metavar="NAME", help="What it is for; default: this machine's name.")
@json_option
def token(*, days: int | None, scopes: tuple[str, ...], name: str | None, is_json: bool) -> None:
    """
    Print a bearer token, and nothing else.

    It is good for at least ten minutes:
    curl -H "Authorization: Bearer $(cidx auth token)" …

    With --days it is a personal token for programs, which is shown this once:
    CIDX_TOKEN has other runs of cidx use it, beside CIDX_SERVER.
    """
    if days is None and (scopes or name):
        raise click.UsageError("--scope and --name are of a personal token: give --days too")
    if days is not None:
        _personal(days, scopes or ("read",), name or platform.node() or "cidx", is_json=is_json)
        return
    access = repositories.server()
    if isinstance(access, LoginAccess):
        found = access.fresh_token(least_s=_LEAST_S)
    else:
        found = access.token()
    if is_json:
        terminal.out_json({"token": found, "server_url": access.url})
    else:
        terminal.out(found)


def _personal(days: int, scopes: tuple[str, ...], name: str, *, is_json: bool) -> None:
    body = {"name": name, "days": days, "scopes": list(dict.fromkeys(scopes))}
    with Client(repositories.server()) as client:
        made = client.post("/api/tokens", body)
        server = client.access.url
    if is_json:
        terminal.out_json({**made, "server_url": server})
    else:
        terminal.out(str(made["token"]))


@click.command()
@click.option("--user", metavar="NAME", help="Another user's; for administrators.")
@json_option
def tokens(*, user: str | None, is_json: bool) -> None:
    """List your personal tokens; what they are is shown only when they are made."""
    with Client(repositories.server()) as client:
        found = client.get("/api/tokens", {"user": user})
    if is_json:
        terminal.out_json(found)
    elif found["tokens"]:
        now = settings.now()
        rows = [
            [
                str(one["id"]),
                str(one["name"]),
                ", ".join(one["scopes"]),
                amounts.age(one["created_at"], now),
                str(one["expires_at"])[:10],
                amounts.age(one["last_used_at"], now) if one["last_used_at"] else "never",
            ]
            for one in found["tokens"]
        ]
        terminal.out("\n".join(layout.table(_TOKENS, rows, terminal.room(), heads=2)))
    else:
        terminal.say("no personal tokens; cidx auth token --days N makes one")


@click.command()
@click.argument("token_id", metavar="TOKEN")
@json_option
def revoke(token_id: str, *, is_json: bool) -> None:
    """End the personal token of that id; who uses it is out at once."""
    with Client(repositories.server()) as client:
        client.delete(f"/api/tokens/{token_id}")
    if is_json:
        terminal.out_json({"revoked": token_id})
    else:
        terminal.say(f"revoked {token_id}")
