"""`cidx repo …` and `cidx link`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from cidx import checkout as checkouts
from cidx import repositories, settings, tables, terminal
from cidx.access import EMBEDDED, choose
from cidx.cli_repo_access import access
from cidx.client import Client, repository_path
from cidx.errors import ClientError, NoCheckoutError
from cidx.options import complete_repositories, json_option

if TYPE_CHECKING:
    from cidx.wire import Json

_PAGE = 100
_name_argument = click.argument("name", metavar="NAME", shell_complete=complete_repositories)
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
@json_option
def add(remote: str, *, name: str | None, branches: tuple[str, ...], is_json: bool) -> None:
    """Register the repository at URL; the first `cidx sync NAME` indexes it."""
    body: Json = {"remote": remote, "branches": list(branches)}
    if name:
        body["name"] = name
    with _client() as client:
        if client.access.is_embedded and not repositories.is_address(remote):
            checkout = repositories.checkout_for(f"{remote}/")
            body["remote"] = str(checkout.root) if checkout else remote
        added = client.post("/api/repositories", body)
    _print(added, is_json=is_json)


@repo.command("set")
@_name_argument
@click.option(
    "--branch",
    "branches",
    multiple=True,
    required=True,
    metavar="BRANCH",
    help="Track this branch beside the default one, and no others; may be repeated.",
)
@json_option
def change(name: str, *, branches: tuple[str, ...], is_json: bool) -> None:
    """Change which branches of a repository are tracked."""
    with _client() as client:
        changed = client.patch(repository_path(name), {"branches": list(branches)})
    _print(changed, is_json=is_json)


@repo.command()
@_name_argument
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@json_option
def remove(name: str, *, yes: bool, is_json: bool) -> None:
    """Remove a repository with its index; the remote is not touched."""
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("removing needs --yes where nobody can be asked")
        click.confirm(f"Remove {name} and its index?", abort=True, err=True)
    with _client() as client:
        client.delete(repository_path(name))
    if is_json:
        terminal.out_json({"removed": name})
    else:
        terminal.say(f"removed {name}")


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
