"""Whom a repository is shown to: everybody of the server, or those it names."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Collection, Container

from cidxd.errors import InvalidError


class Visibility(enum.StrEnum):
    """Who may read a repository that names nobody."""

    ALL = "all"  # every user of the server
    RESTRICTED = "restricted"  # administrators and who added it


class Level(enum.StrEnum):
    """What a named user may do with a repository, as far as their role lets them."""

    READ = "read"
    WRITE = "write"  # sync and change it too


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """
    Whom a repository is shown to.

    Attributes:
        users: Named users with their level; of a repository shown to all, WRITE lets change it.
    """

    visibility: Visibility = Visibility.ALL
    users: dict[str, Level] = dataclasses.field(default_factory=dict)

    @property
    def is_restricted(self) -> bool:
        """Not every user may read it."""
        return self.visibility is Visibility.RESTRICTED


OPEN = Access()


def check_users(access: Access, known: Container[str]) -> None:
    """Raise InvalidError unless every named user is *known*: a typing error would grant nobody."""
    for name in access.users:
        if name not in known:
            raise InvalidError(
                f"no user of that name: {name}",
                code="user-unknown",
                hint="ask an administrator for the names: cidxd user list",
                pointer="/access/users",
            )


def check_named_once(names: Collection[str]) -> None:
    """Raise InvalidError if a user is named twice, perhaps with two levels."""
    if len(set(names)) != len(names):
        raise InvalidError(
            "a user is named twice",
            code="body-invalid",
            hint="give each user one level",
            pointer="/access/users",
        )
