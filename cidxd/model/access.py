"""
What one may do: by role, by a token's scope, and by a repository's list of users.

Role and scope are judged by the route alone, so that a refusal tells nothing of any
repository; who may not read one learns nothing of it at all.
"""

from __future__ import annotations

import enum
from typing import Final

from cidxd.errors import ForbiddenError
from cidxd.model.account import Principal, Role, Scope
from cidxd.model.grant import Level
from cidxd.model.repository import Repository


class Need(enum.Enum):
    """What a route takes, beside what it says of a repository."""

    READ = enum.auto()  # nothing more: any role, any token
    SYNC = enum.auto()  # to ask for syncs, cancel and retry: no reader, no token to read with
    CHANGE = enum.auto()  # to change what is kept: no reader, and a token of all rights
    LOGIN = enum.auto()  # one's own account: any role, and no personal token


_SUFFICE: Final = {Need.SYNC: {Scope.SYNC, Scope.ADMIN}, Need.CHANGE: {Scope.ADMIN}}


def check(who: Principal, need: Need) -> None:
    """
    Refuse *who* what their role, or the token they use, does not allow.

    Raises:
        ForbiddenError: `login-needed`, `scope-insufficient` or `role-insufficient`.
    """
    if need is Need.READ:
        return
    if need is Need.LOGIN:
        if who.token is not None:
            raise ForbiddenError(
                "a personal token does not do for this", code="login-needed", hint="cidx login"
            )
        return
    if who.scope not in _SUFFICE[need]:
        raise ForbiddenError(
            f"the token's scope is not enough: {who.scope}",
            code="scope-insufficient",
            hint="make a token with another scope: cidx auth token --days N --scope …",
        )
    if who.role is Role.READER:
        raise ForbiddenError(
            "a reader reads and searches, and changes nothing",
            code="role-insufficient",
            hint="ask an administrator to make you a member",
        )


def may_read(who: Principal, row: Repository) -> bool:
    """Return whether *row*, its jobs and its content are shown to *who*."""
    return (
        not row.access.is_restricted
        or who.role is Role.ADMIN
        or who.name == row.created_by
        or who.name in row.access.users
    )


def may_sync(who: Principal, row: Repository) -> bool:
    """Return whether *who* may ask for syncs of *row*."""
    if who.role is Role.READER or who.scope not in _SUFFICE[Need.SYNC]:
        return False
    return not row.access.is_restricted or who.role is Role.ADMIN or _writes(who, row)


def may_change(who: Principal, row: Repository) -> bool:
    """Return whether *who* may change or remove *row*."""
    if who.role is Role.READER or who.scope not in _SUFFICE[Need.CHANGE]:
        return False
    return who.role is Role.ADMIN or _writes(who, row)


def may_share(who: Principal, row: Repository) -> bool:
    """Return whether *who* may see and set whom *row* is shown to."""
    return may_change(who, row) and (who.role is Role.ADMIN or who.name == row.created_by)


def _writes(who: Principal, row: Repository) -> bool:
    return who.name == row.created_by or row.access.users.get(who.name) is Level.WRITE


def check_may_sync(who: Principal, row: Repository) -> None:
    """Raise ForbiddenError unless *who*, who may read *row*, may ask for syncs of it."""
    if not may_sync(who, row):
        raise ForbiddenError(
            f"you may read {row.name}, and not sync it",
            hint=f"ask {row.created_by}, who added it, or an administrator for write access",
        )


def check_may_change(who: Principal, row: Repository) -> None:
    """Raise ForbiddenError unless *who*, who may read *row*, may change it."""
    if not may_change(who, row):
        raise ForbiddenError(
            f"you may read {row.name}, and not change it",
            hint=f"ask {row.created_by}, who added it, or an administrator for write access",
        )


def check_may_share(who: Principal, row: Repository) -> None:
    """Raise ForbiddenError unless *who*, who may read *row*, may set whom it is shown to."""
    if not may_share(who, row):
        raise ForbiddenError(
            f"whom {row.name} is shown to is for who added it, and for administrators",
            hint=f"ask {row.created_by} or an administrator",
        )
