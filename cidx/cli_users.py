"""`cidx user …` for administrators, and `cidx auth passwd` for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from cidx import passwords, repositories, terminal
from cidx.client import Client
from cidx.options import json_option

if TYPE_CHECKING:
    from cidx.wire import Json

_ROLES = click.Choice(["reader", "member", "admin"])
_password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input."
)


@click.group()
def user() -> None:
    """The users of a server. For administrators."""


@user.command("list")
@json_option
def list_users(*, is_json: bool) -> None:
    """List them, by name."""
    with Client(repositories.server()) as client:
        answer = client.get("/api/users")
    if is_json:
        terminal.out_json(answer)
        return
    from cidx import layout  # noqa: PLC0415 - JSON does without

    columns = (layout.Column("NAME", least=8), layout.Column("ROLE"), layout.Column(""))
    rows = [
        [row["name"], row["role"], "disabled" if row["disabled"] else ""] for row in answer["users"]
    ]
    terminal.out("\n".join(layout.table(columns, rows, terminal.room())))


@user.command()
@click.argument("name")
@click.option("--role", type=_ROLES, default="member", show_default=True)
@_password_option
@json_option
def add(name: str, *, role: str, password_stdin: bool, is_json: bool) -> None:
    """Add one, with a first password."""
    password = passwords.given(is_piped=password_stdin, is_new=True)
    body: Json = {"name": name, "role": role, "password": password}
    with Client(repositories.server()) as client:
        _tell(client.post("/api/users", body), is_json=is_json)


@user.command("set")
@click.argument("name")
@click.option("--role", type=_ROLES, help="What they may do from now on.")
@click.option("--disable/--enable", "is_disabled", default=None, help="Let them in, or not.")
@click.option("--password", is_flag=True, help="Ask for a new password.")
@_password_option
@json_option
def change(
    name: str,
    *,
    role: str | None,
    is_disabled: bool | None,
    password: bool,
    password_stdin: bool,
    is_json: bool,
) -> None:
    """Change one; whatever is changed ends their logins."""
    body: Json = {"role": role, "disabled": is_disabled}
    body = {field: value for field, value in body.items() if value is not None}
    if password or password_stdin:
        body["password"] = passwords.given(is_piped=password_stdin, is_new=True)
    if not body:
        raise click.UsageError("nothing to change: give --role, --disable, --enable or --password")
    with Client(repositories.server()) as client:
        _tell(client.patch(f"/api/users/{quote(name, safe='')}", body), is_json=is_json)


@click.command()
@_password_option
@json_option
def passwd(*, password_stdin: bool, is_json: bool) -> None:
    """Set your own password; ends all your other logins.  Piped: the old, then the new one."""
    old = passwords.given("Old password", is_piped=password_stdin)
    new = passwords.given("New password", is_piped=password_stdin, is_new=True)
    with Client(repositories.server()) as client:
        client.post("/api/auth/password", {"old_password": old, "new_password": new})
    if is_json:
        terminal.out_json({"changed": True})
    else:
        terminal.say("the password is changed; your other logins have ended")


def _tell(row: Json, *, is_json: bool) -> None:
    if is_json:
        terminal.out_json(row)
    else:
        state = ", disabled" if row.get("disabled") else ""
        terminal.say(f"{row['name']}: {row['role']}{state}")
