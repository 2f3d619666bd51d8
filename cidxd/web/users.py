"""
Users: listed, added, changed.

Over the network by administrators; over the admin socket by whoever can open it, who is
the daemon's own user and is not asked further.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import web

from cidxd.errors import ForbiddenError
from cidxd.model.account import Role, User
from cidxd.store.ledger import Ledger
from cidxd.web import account_documents as doc
from cidxd.web.identity import Identity
from cidxd.web.requests import UserBody, UserPatch
from cidxd.web.route import Call, Route, answer

_ADMINS: Final = {403: "only an administrator may do this"}


class Users:
    """Handlers of users."""

    def __init__(self, ledger: Ledger, identity: Identity, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._identity = identity
        self._clock = clock

    def routes(self) -> list[Route]:
        """Return the routes for administrators."""
        return [
            Route(
                "GET", "/api/users", self.list, "Users, by name",
                answer=doc.UserList, faults=_ADMINS,
            ),
            Route(
                "POST", "/api/users", self.add, "Add a user", body=UserBody,
                answer=doc.FullUserDocument, status=201,
                faults={**_ADMINS, 409: "the name is taken"},
            ),
            Route(
                "PATCH", "/api/users/{name}", self.change,
                "Set a user's password or role, disable or enable; ends their sessions",
                body=UserPatch, answer=doc.FullUserDocument,
                faults={**_ADMINS, 409: "no administrator would be left"},
            ),
        ]  # fmt: skip

    async def list(self, call: Call) -> web.Response:
        """`GET /api/users`."""
        _check(call)
        rows = sorted(self._ledger.state.users.values(), key=lambda user: user.name)
        return answer(doc.UserList(users=[_document(user) for user in rows]))

    async def add(self, call: Call) -> web.Response:
        """`POST /api/users`."""
        _check(call)
        sent = call.sent(UserBody)
        user = User(
            name=sent.name,
            password_hash=await self._identity.hashed(
                sent.password, sent.name, pointer="/password"
            ),
            role=Role(sent.role),
            created_at=self._clock(),
        )
        return answer(_document(await self._ledger.add_user(user)), status=201)

    async def change(self, call: Call) -> web.Response:
        """`PATCH /api/users/{name}`."""
        _check(call)
        sent = call.sent(UserPatch)
        name, hashed = call.part("name"), None
        if sent.password is not None:
            hashed = await self._identity.hashed(sent.password, name, pointer="/password")
        changed = await self._ledger.change_user(
            name,
            password_hash=hashed,
            is_disabled=sent.disabled,
            role=None if sent.role is None else Role(sent.role),
            needs_admin=call.who is not None,
        )
        return answer(_document(changed))


def _check(call: Call) -> None:
    if call.who is not None and not call.who.is_admin:
        raise ForbiddenError("only an administrator sees and changes users", hint="ask one")


def _document(user: User) -> doc.FullUserDocument:
    """Return *user* without the password."""
    return {"name": user.name, "role": user.role, "disabled": user.is_disabled}
