"""`cidx login`, `cidx logout`, `cidx auth …`."""

from __future__ import annotations

from urllib.parse import urlsplit

import click

from cidx import cli_tokens, passwords, repositories, settings, terminal
from cidx.__about__ import VERSION, WIRE
from cidx.access import EMBEDDED, LoginAccess, address_of, is_loopback
from cidx.client import Client
from cidx.credentials import Credentials, session_of
from cidx.errors import ClientError, NotLoggedInError
from cidx.lazy import LazyGroup
from cidx.options import json_option
from cidx.wire import Connection, json_of


@click.command()
@click.argument("url", required=False, metavar="[URL]")
@click.option("--username", metavar="NAME", help="Asked for if not given.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@json_option
def login(url: str | None, *, username: str | None, password_stdin: bool, is_json: bool) -> None:
    """
    Log in to a server, and use it from now on.

    Without URL the server is meant that is in use already.
    """
    server = address_of(url or _usual_server())
    _warn_if_open(server)
    connection = Connection(server)
    try:
        _check_wire(connection)
        name = username or passwords.asked("Username")
        answer = connection.exchange(
            "POST",
            "/api/auth/login",
            body={"username": name, "password": passwords.given(is_piped=password_stdin)},
        )
        session = session_of(json_of(answer, server), now=settings.now())
    finally:
        connection.close()
    Credentials(settings.config_folder()).remember(server, session)
    if is_json:
        terminal.out_json({"server_url": server, "user": session.user})
    else:
        role = f" ({session.user['role']})" if session.user.get("role") else ""
        terminal.say(f"logged in to {server} as {session.user.get('name', name)}{role}")


def _usual_server() -> str:
    checkout = repositories.here()
    for known in (
        settings.server(),
        checkout.server if checkout else "",
        Credentials(settings.config_folder()).current(),
    ):
        if known and known != EMBEDDED:
            return known
    raise click.UsageError("which server? give its URL: cidx login URL")


def _warn_if_open(server: str) -> None:
    parts = urlsplit(server)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        terminal.say(f"warning: the password goes to {server} unencrypted; prefer https")


def _check_wire(connection: Connection) -> None:
    health = json_of(connection.exchange("GET", "/healthz", timeout_s=15), connection.url)
    if health.get("wire") != WIRE:
        raise ClientError(
            f"the server is version {health.get('version')} and this client is {VERSION}: "
            "they do not understand each other",
            hint="install the client of the server's version",
        )


@click.command()
@json_option
def logout(*, is_json: bool) -> None:
    """End the session with the server."""
    access = repositories.server()
    if not isinstance(access, LoginAccess):
        raise NotLoggedInError("nobody is logged in", hint="cidx login URL")
    access.session()
    try:
        with Client(access) as client:
            client.post("/api/auth/logout")
    except ClientError as err:
        if not isinstance(err, NotLoggedInError):
            terminal.say(f"warning: the server was not told: {err.message}")
    Credentials(settings.config_folder()).forget(access.url)
    if is_json:
        terminal.out_json({"server_url": access.url})
    else:
        terminal.say(f"logged out of {access.url}")


@click.group(
    cls=LazyGroup,
    places={
        "sessions": "cidx.cli_audit:sessions",
        "end": "cidx.cli_audit:end",
        "passwd": "cidx.cli_users:passwd",
    },
)
def auth() -> None:
    """Tokens for curl and for programs, your logins, and your password."""


for _command in (cli_tokens.token, cli_tokens.tokens, cli_tokens.revoke):
    auth.add_command(_command)
