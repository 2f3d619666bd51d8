"""What answers about users and sessions contain.  OpenAPI is generated from these."""

from __future__ import annotations

from typing_extensions import TypedDict


class UserDocument(TypedDict):
    """A user."""

    name: str
    role: str


class FullUserDocument(UserDocument):
    """A user, as an administrator sees one."""

    disabled: bool


class UserList(TypedDict):
    """Users, by name."""

    users: list[FullUserDocument]


class TokenPair(TypedDict):
    """A login's answer; `expires_in` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int
    user: UserDocument


class MeDocument(TypedDict):
    """Who one is; `kind` tells how one came in, `scope` how much of one's rights that gives."""

    name: str
    role: str
    kind: str
    scope: str


class SessionDocument(TypedDict):
    """Who a browser speaks for, null for nobody."""

    user: MeDocument | None


class CodeDocument(TypedDict):
    """Lets a browser in, once, within so many seconds."""

    code: str
    expires_in: int
