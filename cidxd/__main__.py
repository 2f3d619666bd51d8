"""The `cidxd` command: serve, check a configuration, look after users, and what `keeping` has."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from pathlib import Path
from typing import Any, Final

import click
import orjson

from cidxd import keeping, runtime
from cidxd.__about__ import VERSION
from cidxd.command import CONFIG, DATA, configured, load, says_errors, tls_pair
from cidxd.config import Config
from cidxd.errors import ConfigError, LockHeldError
from cidxd.keys import keys
from cidxd.model import password
from cidxd.work import folders

EMBEDDED_IDLE_S: Final = 15 * 60.0


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="cidxd")
def main() -> None:
    """Keep a searchable index of git repositories in step with their remotes."""


@main.command()
@CONFIG
@DATA
@click.option("--embedded", is_flag=True, help="A user's private daemon, as `cidx up` starts it.")
@click.option("--idle", "idle_s", type=float, default=EMBEDDED_IDLE_S, hidden=True)
@click.option("--ready-fd", type=int, help="Write READY and the URL to this descriptor.")
@says_errors
def serve(
    config_file: Path | None,
    data: Path | None,
    embedded: bool,  # noqa: FBT001 - click passes options by name
    idle_s: float,
    ready_fd: int | None,
) -> None:
    """Run the daemon until it is told to stop."""
    from cidxd import app, log  # noqa: PLC0415 - aiohttp costs a third of a second

    os.umask(0o077)  # what is kept is this user's alone
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold keys and credentials
    config = configured(config_file, data)
    log.configure(config.log.level, config.log.format)
    folder = folders.prepared(config.server.data)
    try:
        with folders.claimed(folder):
            token = runtime.own_token(folder) if embedded else None
            embedding = app.Embedding(token, runtime.user_name(), idle_s) if token else None
            ready = runtime.Ready(folder, token, ready_fd)
            asyncio.run(
                runtime.until_told(config, embedding, ready, lambda: _reread(config_file, data))
            )
    except LockHeldError:
        if embedded:  # the winner of the race serves this client too
            sys.exit(0)
        raise


@main.command("check-config")
@click.argument("config_file", type=click.Path(path_type=Path, dir_okay=False))
@says_errors
def check_config(config_file: Path) -> None:
    """Say whether CONFIG_FILE is good; name every fault if not."""
    config = load(config_file)
    if (pair := tls_pair(config)) is not None:
        from cidxd import app  # noqa: PLC0415 - aiohttp costs a third of a second
        from cidxd.web import tls  # noqa: PLC0415 - likewise

        if tls.not_after(tls.Pair(*pair)) <= app.clock():
            click.echo(f"warning: server.tls_certificate: has expired: {pair[0]}", err=True)
    click.echo(f"{config_file}: good")


@main.group()
def user() -> None:
    """Look after who may log in."""


@user.command("add")
@CONFIG
@DATA
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["reader", "member", "admin"]),
    help="Reads only; syncs and adds repositories (default); sees and changes everything.",
)
@click.option("--admin", is_flag=True, help="The same as --role admin.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@says_errors
def user_add(
    *,
    config_file: Path | None,
    data: Path | None,
    name: str,
    role: str | None,
    admin: bool,
    password_stdin: bool,
) -> None:
    """Add the user NAME; asks for a password of at least 12 characters."""
    if admin and role not in {None, "admin"}:
        raise click.UsageError(f"--admin and --role {role} exclude each other")
    body = {
        "name": name,
        "password": _password(name, from_stdin=password_stdin),
        "role": "admin" if admin else role or "member",
    }
    added = _ask(configured(config_file, data), "POST", "/users", body)
    click.echo(f"added {added['name']} ({added['role']})")


@user.command("passwd")
@CONFIG
@DATA
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@says_errors
def user_passwd(
    config_file: Path | None,
    data: Path | None,
    name: str,
    password_stdin: bool,  # noqa: FBT001 - click passes options by name
) -> None:
    """Set a new password for NAME; every session and token of theirs ends."""
    body = {"password": _password(name, from_stdin=password_stdin)}
    _ask(configured(config_file, data), "PATCH", f"/users/{name}", body)
    click.echo(f"new password for {name}; their sessions and tokens have ended")


@user.command("disable")
@CONFIG
@DATA
@click.argument("name")
@click.option("--undo", is_flag=True, help="Let them in again.")
@says_errors
def user_disable(
    config_file: Path | None,
    data: Path | None,
    name: str,
    undo: bool,  # noqa: FBT001 - click passes options by name
) -> None:
    """Keep NAME out; every session and token of theirs ends."""
    _ask(configured(config_file, data), "PATCH", f"/users/{name}", {"disabled": not undo})
    click.echo(f"{name} may log in again" if undo else f"{name} is disabled")


@user.command("list")
@CONFIG
@DATA
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@says_errors
def user_list(
    config_file: Path | None,
    data: Path | None,
    as_json: bool,  # noqa: FBT001 - click passes options by name
) -> None:
    """List the users."""
    answer = _ask(configured(config_file, data), "GET", "/users", None)
    if as_json:
        click.echo(orjson.dumps(answer).decode())
        return
    for row in answer["users"]:
        click.echo(f"{row['name']:<24} {row['role']}{' (disabled)' if row['disabled'] else ''}")


def _reread(config_file: Path | None, data: Path | None) -> Config:
    """Return the configuration as it is now; raises ConfigError."""
    if config_file is None:
        raise ConfigError("the configuration", ["no file: the daemon was started without --config"])
    return configured(config_file, data)


def _ask(config: Config, method: str, path: str, body: object) -> dict[str, Any]:
    os.umask(0o077)  # what is kept is this user's alone
    from cidxd import admin  # noqa: PLC0415 - aiohttp costs a third of a second

    return asyncio.run(admin.ask(config, method, path, body))


def _password(name: str, *, from_stdin: bool) -> str:
    if from_stdin:
        given = sys.stdin.readline().rstrip("\n")
    else:
        given = str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    password.check(given, name, pointer="")
    return given


for _command in (keys, keeping.backup, keeping.restore, keeping.doctor):
    main.add_command(_command)


if __name__ == "__main__":
    main()
