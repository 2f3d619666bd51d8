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
from cidxd.web.route import Call, Route, Sent, answer
from cidxd.web.users import Users
from cidxd.work.folders import DataFolder


class KeysBody(Sent):
    """`at_once` believes nothing any more that an older key has signed."""

    at_once: bool = False


def routes(
    ledger: Ledger, identity: Identity, clock: Callable[[], float], data: DataFolder
) -> list[Route]:
    """Return the routes of the admin socket."""
    users = Users(ledger, identity, clock)
    change = "Set a password or a role, disable or enable"

    async def snapshot(_call: Call) -> web.Response:
        schema = await backups.snapshot(data.database, data.snapshot)
        await ledger.note("backup.made")
        return answer({"schema": schema}, status=201)

    async def version(_call: Call) -> web.Response:
        return answer({"version": VERSION})

    async def rotate(call: Call) -> web.Response:
        made, kept_s = await identity.rotate_keys(at_once=call.sent(KeysBody).at_once)
        return answer({"key_id": made.key_id, "kept_seconds": int(kept_s)}, status=201)

    return [
        Route("POST", "/keys", rotate, "Sign with a new key from now on", body=KeysBody),
        Route("GET", "/users", users.list, "Users, by name"),
        Route("POST", "/users", users.add, "Add a user", body=UserBody),
        Route("PATCH", "/users/{name}", users.change, change, body=UserPatch),
        Route("GET", "/version", version, "The version of the program that answers"),
        Route("POST", "/snapshot", snapshot, "Copy the database within the data folder"),
    ]
