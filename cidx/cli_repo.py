"""`cidx repo …` and `cidx link`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import click

from cidx import checkout as checkouts
from cidx import (
    cli_repo_change,
    remote_credentials,
    repositories,
    schedules,
    settings,
    tables,
    terminal,
)
from cidx.access import EMBEDDED, choose
from cidx.cli_repo_access import access
from cidx.client import Client, repository_path
from cidx.errors import ClientError, NoCheckoutError
from cidx.options import complete_repositories, json_option
from cidx.remote_credentials import Given, credential_options
from cidx.schedules import schedule_option, timezone_option

if TYPE_CHECKING:
    from cidx.wire import Json

_PAGE = 100
_optional_name_argument = click.argument(
    "name", required=False, metavar="[NAME]", shell_complete=complete_repositories
)


def _client() -> Client:
    return Client(repositories.server())


def _print(repository: Json, *, is_json: bool) -> None:
    if is_json:
        terminal.out_json(repository)
    else:
        terminal.out_lines(tables.repository_lines(repository, settings.now()))


@click.group()
def repo() -> None:
    """Register repositories, and see how fresh their index is."""


@repo.command("list")
@json_option
def list_repositories(*, is_json: bool) -> None:
    """List the registered repositories."""
    with _client() as client:
        found = _all(client)
    if is_json:
        terminal.out_json({"repositories": found, "next_cursor": None})
    elif found:
        table = tables.repositories_table(found, settings.now(), terminal.room())
        terminal.out("\n".join(table))
    else:
        terminal.say("no repositories; cidx sync in a checkout, or cidx repo add URL")


def _all(client: Client) -> list[Json]:
    return list(client.listed("/api/repositories", {"limit": _PAGE}, "repositories"))


@repo.command()
@_optional_name_argument
@json_option
def show(name: str | None, *, is_json: bool) -> None:
    """Show one repository; without NAME, that of the checkout around you."""
    checkout = repositories.here()
    with Client(choose(checkout)) as client:
        found = repositories.named(client, name) if name else of_here(client, checkout)
    _print(found, is_json=is_json)


def of_here(client: Client, checkout: checkouts.Checkout | None) -> Json:
    """
    Return the repository of the checkout around the user.

    Raises:
        NoCheckoutError: There is no checkout.
        ClientError: Its remote is not registered.
    """
    if checkout is None:
        raise NoCheckoutError("not in a git checkout", hint="name a repository: cidx repo list")
    found = repositories.of_checkout(client, checkout)
    if found is None:
        hint = "cidx sync" if client.access.is_embedded else f"cidx repo add {checkout.remote}"
        raise ClientError(f"this remote is not registered: {checkout.remote}", hint=hint)
    return found


@repo.command()
@_optional_name_argument
@click.option("--branch", metavar="BRANCH", help="Default: the default branch.")
@click.option(
    "--reason",
    type=click.Choice(["binary", "too-large", "symlink", "submodule", "missing"]),
    help="Only files skipped for this reason.",
)
@json_option
def skipped(name: str | None, *, branch: str | None, reason: str | None, is_json: bool) -> None:
    """List the files whose content is not searched, with size in bytes and reason."""
    checkout = repositories.here()
    with Client(choose(checkout)) as client:
        found = name or str(of_here(client, checkout)["name"])
        asked: Json = {"branch": branch, "reason": reason}
        for file in client.listed(f"{repository_path(found)}/skipped", asked, "files"):
            if is_json:
                terminal.out_json(file)
            else:
                terminal.out(tables.skipped_line(file))


@repo.command()
@click.argument("remote", metavar="URL")
@click.option("--name", metavar="NAME", help="Default: the last part of the URL, without .git.")
@click.option("--branch", "branches", multiple=True, help="Track it beside the default branch.")
@credential_options
@schedule_option
@timezone_option
@json_option
def add(
    remote: str,
    *,
    name: str | None,
    branches: tuple[str, ...],
    schedule: Json | None,
    timezone: str | None,
    is_json: bool,
    **given: Unpack[Given],
) -> None:
    """
    Register the repository at URL; `cidx sync NAME` indexes it, or its schedule does.

    A remote that wants to know who asks is given a token, a user and password, or a key.
    """
    body: Json = {"remote": remote, "branches": list(branches)}
    if when := schedules.wanted(schedule, timezone):
        body["schedule"] = when
    if name:
        body["name"] = name
    if remote_credentials.is_given(given):
        body["credentials"] = remote_credentials.body_of(given, lambda: remote)
    with _client() as client:
        if client.access.is_embedded and not repositories.is_address(remote):
            checkout = repositories.checkout_for(f"{remote}/")
            body["remote"] = str(checkout.root) if checkout else remote
        added = client.post("/api/repositories", body)
    _print(added, is_json=is_json)


repo.add_command(cli_repo_change.change)
repo.add_command(cli_repo_change.remove)
repo.add_command(cli_repo_change.webhook)


repo.add_command(access)


@click.command()
@_optional_name_argument
@json_option
def link(name: str | None, *, is_json: bool) -> None:
    """
    Tie the checkout around you to a registered repository.

    Without NAME it is found by the checkout's remote.  Both the repository and the server
    are remembered in the checkout's own git configuration.
    """
    checkout = repositories.here()
    if checkout is None:
        raise NoCheckoutError("not in a git checkout", hint="go to a checkout first")
    with Client(choose(checkout)) as client:
        if name is not None:
            found = repositories.named(client, name)
        else:
            found = _found_by_remote(client, checkout.remote)
        server = EMBEDDED if client.access.is_embedded else client.access.url
        linked = {"repository": str(found["name"]), "server": server}
    checkouts.link(checkout, **linked)
    if is_json:
        terminal.out_json({**linked, "checkout": str(checkout.root)})
    else:
        terminal.say(f"linked {checkout.root} to {linked['repository']} at {server}")


def _found_by_remote(client: Client, remote: str) -> Json:
    found = repositories.discovered(client, remote)
    if found is None:
        raise ClientError(
            f"this remote is not registered: {remote}",
            hint=f"cidx repo add {remote}, or cidx link NAME",
        )
    return found
