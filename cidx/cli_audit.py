"""`cidx audit`, `cidx auth sessions` and `cidx auth end`: who came in, and who changed what."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from cidx import repositories, terminal
from cidx.client import Client, found_or_none
from cidx.errors import ClientError, Exit
from cidx.options import json_option

if TYPE_CHECKING:
    from cidx.wire import Json, Query

_PAGE = 200


class _NotAdministratorError(ClientError):
    """Somebody else may."""

    exit_code = Exit.NOT_ALLOWED


@click.command()
@click.option("--actor", metavar="NAME", help="Only what this user did.")
@click.option("--action", metavar="ACTION", help="Only this, such as user.changed.")
@click.option("--target", metavar="NAME", help="Only what was done to this.")
@click.option("--since", metavar="INSTANT", help="Only what was done since (RFC 3339).")
@click.option("--until", metavar="INSTANT", help="Only what was done before (RFC 3339).")
@click.option(
    "--limit", type=click.IntRange(min=0), default=50, show_default=True, help="0 lists all."
)
@json_option
def audit(*, limit: int, is_json: bool, **filters: str | None) -> None:
    """Tell who changed what, newest first. For administrators."""
    with Client(repositories.server()) as client:
        found, cursor = _pages(client, filters, limit)
    if is_json:
        terminal.out_json({"entries": found, "next_cursor": cursor})
    elif found:
        from cidx import audit_tables  # noqa: PLC0415 - JSON does without

        terminal.out("\n".join(audit_tables.entries(found, terminal.room())))
    else:
        terminal.say("nothing of that kind")


def _pages(client: Client, filters: Query, limit: int) -> tuple[list[Json], str | None]:
    """Return up to *limit* entries (0: all), and the cursor of the rest."""
    found: list[Json] = []
    cursor: str | None = None
    while True:
        size = min(_PAGE, limit - len(found)) if limit else _PAGE
        page = found_or_none(client, "/api/audit", {**filters, "limit": size, "cursor": cursor})
        if page is None:  # to who is none, the server tells of nothing
            raise _NotAdministratorError("the audit log is for administrators", hint="ask one")
        found += page.get("entries") or []
        cursor = page.get("next_cursor")
        if cursor is None or (limit and len(found) >= limit):
            return found, cursor


@click.command()
@json_option
def sessions(*, is_json: bool) -> None:
    """List your logins, the one used last first."""
    with Client(repositories.server()) as client:
        answer = client.get("/api/sessions")
    if is_json:
        terminal.out_json(answer)
    elif answer.get("sessions"):
        from cidx import audit_tables, settings  # noqa: PLC0415 - JSON does without

        table = audit_tables.sessions(answer["sessions"], settings.now(), terminal.room())
        terminal.out("\n".join(table))
    else:
        terminal.say("no logins")


@click.command()
@click.argument("session_id", metavar="ID")
@json_option
def end(session_id: str, *, is_json: bool) -> None:
    """End one of your logins; ID is its beginning, as `cidx auth sessions` shows it."""
    with Client(repositories.server()) as client:
        rows = client.get("/api/sessions").get("sessions") or []
        found = [row["id"] for row in rows if str(row.get("id", "")).startswith(session_id)]
        if len(found) != 1:
            what = "more than one login begins" if found else "no login of yours begins"
            raise ClientError(f"{what} like that: {session_id}", hint="cidx auth sessions")
        client.delete(f"/api/sessions/{quote(found[0])}")
    if is_json:
        terminal.out_json({"id": found[0]})
    else:
        terminal.say(f"ended: {found[0]}")
