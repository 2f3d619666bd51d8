"""`cidx repo access`: whom a repository is shown to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cidx import repositories, terminal
from cidx.client import Client, repository_path
from cidx.errors import ClientError, NotAllowedError
from cidx.options import complete_repositories, json_option

if TYPE_CHECKING:
    from cidx.wire import Json

_LEVELS = ("read", "write")


def _grants(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """Return the level of each user in `USER=read` or `USER=write`."""
    grants = {}
    for word in given:
        user, _, level = word.partition("=")
        if not user or level not in _LEVELS:
            raise click.BadParameter(f"{word!r} is not USER=read or USER=write", ctx, param)
        grants[user] = level
    return grants


@click.command("access")
@click.argument("name", metavar="NAME", shell_complete=complete_repositories)
@click.option(
    "--grant",
    "grants",
    multiple=True,
    metavar="USER=LEVEL",
    callback=_grants,
    help="Let USER read it (USER=read) or write to it (USER=write); repeatable.",
)
@click.option(
    "--revoke", "revoked", multiple=True, metavar="USER", help="Take what was granted; repeatable."
)
@click.option(
    "--restricted/--open",
    "is_restricted",
    default=None,
    help="Show it to those named only, or to every user of the server.",
)
@json_option
def access(
    name: str,
    *,
    grants: dict[str, str],
    revoked: tuple[str, ...],
    is_restricted: bool | None,
    is_json: bool,
) -> None:
    """Show or set whom a repository is shown to, and who may write to it."""
    path = repository_path(name)
    with Client(repositories.server()) as client:
        before = _access_of(client.get(path), name)
        wanted = _changed(before, grants, revoked, is_restricted=is_restricted)
        if wanted != before:
            before = _access_of(client.patch(path, {"access": wanted}), name)
    if is_json:
        terminal.out_json({"repository": name, "access": before})
    else:
        terminal.out_lines(_lines(name, before))


def _access_of(repository: Json, name: str) -> Json:
    found = repository.get("access")
    if found is None:
        raise NotAllowedError(
            f"whom {name} is shown to is for who added it, and for administrators",
            hint=f"ask {repository.get('created_by')}",
        )
    return dict(found)


def _changed(
    before: Json, grants: dict[str, str], revoked: tuple[str, ...], *, is_restricted: bool | None
) -> Json:
    levels = {one["user"]: one["level"] for one in before["users"]} | grants
    for user in revoked:
        if levels.pop(user, None) is None:
            raise ClientError(f"nothing was granted to {user}", hint="cidx repo access NAME")
    visibility = before["visibility"]
    if is_restricted is not None:
        visibility = "restricted" if is_restricted else "all"
    users = [{"user": user, "level": level} for user, level in sorted(levels.items())]
    return {"visibility": visibility, "users": users}


def _lines(name: str, access: Json) -> list[str]:
    is_open = access["visibility"] == "all"
    shown = "every user of the server" if is_open else "who added it, and administrators"
    lines = [name, f"  shown to  {shown}"]
    return lines + [f"  {one['level']:8}  {one['user']}" for one in access["users"]]
