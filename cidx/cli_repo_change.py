"""`cidx repo set`, `remove` and `webhook`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Unpack

import click

from cidx import remote_credentials, repositories, schedules, settings, tables, terminal
from cidx.client import Client, repository_path
from cidx.errors import ClientError
from cidx.options import complete_repositories, json_option
from cidx.remote_credentials import Given, credential_options
from cidx.schedules import schedule_option, timezone_option

if TYPE_CHECKING:
    from cidx.wire import Json

_name_argument = click.argument("name", metavar="NAME", shell_complete=complete_repositories)


@click.command("set")
@_name_argument
@click.option("--name", "new_name", metavar="NEW", help="Rename it; its history stays with it.")
@click.option("--remote", metavar="URL", help="Fetch it from there; the remote is asked at once.")
@click.option(
    "--branch",
    "branches",
    multiple=True,
    metavar="BRANCH",
    help="Track this branch beside the default one, and no others; may be repeated.",
)
@click.option("--no-branches", is_flag=True, help="Track the default branch only.")
@schedule_option
@timezone_option
@credential_options
@click.option("--no-credentials", is_flag=True, help="Take the stored credentials away.")
@json_option
def change(
    name: str,
    *,
    new_name: str | None,
    remote: str | None,
    branches: tuple[str, ...],
    no_branches: bool,
    schedule: Json | None,
    timezone: str | None,
    no_credentials: bool,
    is_json: bool,
    **given: Unpack[Given],
) -> None:
    """Change a repository: its name, remote, branches, schedule, or what its remote is given."""
    is_given = remote_credentials.is_given(given)
    if branches and no_branches:
        raise click.UsageError("--branch and --no-branches exclude each other")
    if no_credentials and is_given:
        raise click.UsageError("--no-credentials takes away what the other options give")
    body: Json = {
        "name": new_name,
        "remote": remote,
        "branches": list(branches) if branches or no_branches else None,
        "schedule": schedules.wanted(schedule, timezone),
    }
    body = {field: value for field, value in body.items() if value is not None}
    if not (body or no_credentials or is_given):
        raise click.UsageError(
            "nothing to change: give --name, --remote, --branch, --schedule, or credentials"
        )
    if no_credentials:
        body["credentials"] = None
    with Client(repositories.server()) as client:
        if is_given:
            body["credentials"] = remote_credentials.body_of(
                given, lambda: remote or str(repositories.named(client, name)["remote"])
            )
        changed = client.patch(repository_path(name), body)
    if is_json:
        terminal.out_json(changed)
    else:
        terminal.out_lines(tables.repository_lines(changed, settings.now()))


@click.command()
@_name_argument
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@json_option
def remove(name: str, *, yes: bool, is_json: bool) -> None:
    """Remove a repository with its index; a sync of it is cancelled, the remote not touched."""
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("removing needs --yes where nobody can be asked")
        click.confirm(f"Remove {name} and its index?", abort=True, err=True)
    with Client(repositories.server()) as client:
        client.delete(repository_path(name))
    if is_json:
        terminal.out_json({"removed": name})
    else:
        terminal.say(f"removed {name}")


@click.command()
@_name_argument
@click.option("--rotate", is_flag=True, help="Make a new secret; the old one is good no longer.")
@click.option("--remove", "is_removed", is_flag=True, help="Take no more deliveries.")
@json_option
def webhook(name: str, *, rotate: bool, is_removed: bool, is_json: bool) -> None:
    """Let a git host tell of pushes: print the addresses and the secret to give it."""
    if rotate and is_removed:
        raise click.UsageError("--rotate and --remove exclude each other")
    with Client(repositories.server()) as client:
        path = f"{repository_path(name)}/webhook"
        if is_removed:
            client.delete(path)
            made: Json = {"removed": name}
        else:
            _check_is_new(repositories.named(client, name), rotate=rotate)
            made = client.post(path)
    if is_json:
        terminal.out_json(made)
    elif is_removed:
        terminal.say(f"{name} takes no deliveries any more")
    else:
        terminal.out_lines(_lines(made))


def _check_is_new(repository: Json, *, rotate: bool) -> None:
    if repository.get("webhook") and not rotate:
        raise ClientError(
            f"{repository['name']} has a webhook; its secret is not shown again",
            hint=f"for a new secret: cidx repo webhook {repository['name']} --rotate",
        )


def _lines(made: Json) -> list[str]:
    lines = [f"secret     {made['secret']}"]
    lines += [f"{provider:9}  {url}" for provider, url in made["urls"].items()]
    terminal.say("the secret is shown this once; give it and an address to your git host")
    return lines
