"""
What the `cidxd` command asks of a running daemon, over its 0600 socket.

Whoever can open the socket is the daemon's own user: nobody else is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from cidxd.model.account import Role, User
from cidxd.store.ledger import Ledger
from cidxd.web.identity import Identity
from cidxd.web.requests import UserBody, UserPatch
from cidxd.web.route import Call, Route, answer


def routes(ledger: Ledger, identity: Identity, clock: Callable[[], float]) -> list[Route]:
    """Return the routes of the admin socket."""

    async def list_users(_call: Call) -> web.Response:
        rows = sorted(ledger.state.users.values(), key=lambda user: user.name)
        return answer({"users": [user_document(user) for user in rows]})

    async def add_user(call: Call) -> web.Response:
        sent = call.sent(UserBody)
        user = User(
            name=sent.name,
            password_hash=await identity.hashed(sent.password),
            role=Role(sent.role),
            created_at=clock(),
        )
        return answer(user_document(await ledger.add_user(user)), status=201)

    async def change_user(call: Call) -> web.Response:
        sent = call.sent(UserPatch)
        hashed = None if sent.password is None else await identity.hashed(sent.password)
        changed = await ledger.change_user(
            call.part("name"), password_hash=hashed, is_disabled=sent.disabled
        )
        return answer(user_document(changed))

    return [
        Route("GET", "/users", list_users, "Users, by name"),
        Route("POST", "/users", add_user, "Add a user", body=UserBody),
        Route(
            "PATCH",
            "/users/{name}",
            change_user,
            "Set a password, disable or enable",
            body=UserPatch,
        ),
    ]


def user_document(user: User) -> dict[str, Any]:
    """Return *user* without the password."""
    return {"name": user.name, "role": user.role, "disabled": user.is_disabled}
