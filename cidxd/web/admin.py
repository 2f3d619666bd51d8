"""
What the `cidxd` command asks of a running daemon, over its 0600 socket.

Whoever can open the socket is the daemon's own user: nobody else is asked for.
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from cidxd.__about__ import VERSION
from cidxd.store import backups
from cidxd.store.ledger import Ledger
from cidxd.web.identity import Identity
from cidxd.web.requests import UserBody, UserPatch
from cidxd.web.route import Call, Route, answer
from cidxd.web.users import Users
from cidxd.work.folders import DataFolder


def routes(
    ledger: Ledger, identity: Identity, clock: Callable[[], float], data: DataFolder
) -> list[Route]:
    """Return the routes of the admin socket."""
    users = Users(ledger, identity, clock)
    change = "Set a password or a role, disable or enable"

    async def snapshot(_call: Call) -> web.Response:
        schema = await backups.snapshot(data.database, data.snapshot)
        return answer({"schema": schema}, status=201)

    async def version(_call: Call) -> web.Response:
        return answer({"version": VERSION})

    return [
        Route("GET", "/users", users.list, "Users, by name"),
        Route("POST", "/users", users.add, "Add a user", body=UserBody),
        Route("PATCH", "/users/{name}", users.change, change, body=UserPatch),
        Route("GET", "/version", version, "The version of the program that answers"),
        Route("POST", "/snapshot", snapshot, "Copy the database within the data folder"),
    ]
