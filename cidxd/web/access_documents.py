"""What is sent and answered about access: whom a repository is shown to, personal tokens."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints
from typing_extensions import TypedDict

from cidxd.model import access as rules
from cidxd.model import grant, instant
from cidxd.model.account import PersonalToken, Principal, Scope
from cidxd.model.grant import Access, Level, Visibility
from cidxd.model.repository import Repository
from cidxd.web.route import Sent

UserName = Annotated[str, StringConstraints(min_length=1, max_length=100)]


# What the caller may do with a repository; `share` is to see and set whom it is shown to.
Right = Literal["read", "sync", "change", "share"]


class GrantBody(Sent):
    """A user, and what they may do."""

    user: UserName
    level: Level


class AccessBody(Sent):
    """Whom a repository is shown to: `all` users, or only those named; replaces what was set."""

    visibility: Visibility
    users: Annotated[list[GrantBody], Field(max_length=1000)] = Field(default=[])

    def access(self) -> Access:
        """Return it as it is kept; raises InvalidError if a user is named twice."""
        grant.check_named_once([one.user for one in self.users])
        return Access(visibility=self.visibility, users={one.user: one.level for one in self.users})


class GrantDocument(TypedDict):
    """A user, and what they may do."""

    user: str
    level: Level


class AccessDocument(TypedDict):
    """Whom a repository is shown to; for administrators and who added it."""

    visibility: Visibility
    users: list[GrantDocument]


class TokenBody(Sent):
    """A personal token to make; it ends after so many `days`."""

    name: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$"
        ),
    ]
    days: Annotated[int, Field(ge=1, le=36_500)]
    scopes: Annotated[list[Literal["read", "sync", "admin"]], Field(min_length=1, max_length=3)] = (
        Field(default=["read"])
    )


class TokenQuery(Sent):
    """Whose tokens: one's own, for an administrator any user's."""

    user: UserName | None = None


class TokenDocument(TypedDict):
    """A personal token; its secret is not kept."""

    id: str
    user: str
    name: str
    scopes: list[Scope]
    created_at: str
    expires_at: str
    last_used_at: str | None


class NewTokenDocument(TokenDocument):
    """A personal token with its secret, which is shown this once."""

    token: str


class TokenList(TypedDict):
    """Personal tokens, the oldest first."""

    tokens: list[TokenDocument]


def access_document(access: Access) -> AccessDocument:
    """Return *access* as the wire has it, users by name."""
    users: list[GrantDocument] = [
        {"user": name, "level": level} for name, level in sorted(access.users.items())
    ]
    return {"visibility": access.visibility, "users": users}


def rights_document(who: Principal, row: Repository) -> list[Right]:
    """Return what *who*, who may read *row*, may do with it."""
    judged: tuple[tuple[Right, bool], ...] = (
        ("read", True),
        ("sync", rules.may_sync(who, row)),
        ("change", rules.may_change(who, row)),
        ("share", rules.may_share(who, row)),
    )
    return [right for right, is_given in judged if is_given]


def token_document(token: PersonalToken) -> TokenDocument:
    """Return *token* as the wire has it."""
    return {
        "id": token.token_id,
        "user": token.user,
        "name": token.name,
        "scopes": list(token.scopes),
        "created_at": instant.to_wire(token.created_at),
        "expires_at": instant.to_wire(token.expires_at),
        "last_used_at": instant.optional(token.last_used_at),
    }
