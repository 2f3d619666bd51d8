"""
What the `cidxd` command asks of a running daemon, over its 0600 socket.

Whoever can open the socket is the daemon's own user: nobody else is asked for.
"""

from __future__ import annotations

from collections.abc import Callable

from cidxd.store.ledger import Ledger
from cidxd.web.identity import Identity
from cidxd.web.requests import UserBody, UserPatch
from cidxd.web.route import Route
from cidxd.web.users import Users


def routes(ledger: Ledger, identity: Identity, clock: Callable[[], float]) -> list[Route]:
    """Return the routes of the admin socket."""
    users = Users(ledger, identity, clock)
    change = "Set a password or a role, disable or enable"
    return [
        Route("GET", "/users", users.list, "Users, by name"),
        Route("POST", "/users", users.add, "Add a user", body=UserBody),
        Route("PATCH", "/users/{name}", users.change, change, body=UserPatch),
    ]
