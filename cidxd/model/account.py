"""Users, their sessions and tokens, and the rules of the rotating refresh token."""

from __future__ import annotations

import dataclasses
import enum
from typing import Final

from cidxd.errors import UnauthenticatedError

REFRESH_GRACE_S: Final = 30.0  # a refresh token used again so soon: its answer was lost


class Role(enum.StrEnum):
    """What a user may do; `access` has the rules."""

    ADMIN = "admin"  # everything
    MEMBER = "member"  # sync, and change what they added or may write to
    READER = "reader"  # read and search what they may read


class Scope(enum.StrEnum):
    """What a personal token may do of what its user may; each has what those before it have."""

    READ = "read"
    SYNC = "sync"
    ADMIN = "admin"  # all of it, as its user


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Someone with a password; `password_hash` is argon2id's own encoding."""

    name: str
    password_hash: str
    role: Role
    created_at: float
    is_disabled: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """
    One login.

    Attributes:
        refresh_hash: SHA-256 (hex) of the refresh token that is good now.
        previous_hash: That of the one before, None before the first rotation.
        rotated_at: When that became old.
        expires_at: Without a refresh until then the session ends; POSIX seconds.
        address, agent: Whence it was opened: the client's address, and what it calls itself.
        used_at: When it was last used, as far as the store knows.
    """

    session_id: str
    user: str
    refresh_hash: str
    created_at: float
    expires_at: float
    previous_hash: str | None = None
    rotated_at: float = 0.0
    address: str = ""
    agent: str = ""
    used_at: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PersonalToken:
    """
    A token for curl and for programs; it acts for its user, as far as its scopes reach.

    Attributes:
        token_hash: SHA-256 (hex) of the token, which is kept nowhere.
        scopes: One at least, in the order of `Scope`.
        last_used_at: To within some minutes; None before the first use.
    """

    token_id: str
    token_hash: str
    user: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: float
    expires_at: float
    last_used_at: float | None = None

    @property
    def scope(self) -> Scope:
        """The widest of its scopes."""
        return max(self.scopes, key=tuple(Scope).index)


@dataclasses.dataclass(frozen=True, slots=True)
class Principal:
    """
    Who asks.

    Attributes:
        session_id: None for a personal token, and for the embedded daemon's own user.
        token: The personal token that is used, else None.
    """

    name: str
    role: Role
    session_id: str | None = None
    token: PersonalToken | None = None

    @property
    def came_with(self) -> str | None:
        """What ends what goes on for them: a session's id or a token's hash; None never ends."""
        return self.session_id if self.token is None else self.token.token_hash

    @property
    def scope(self) -> Scope:
        """How much of what the user may do this way of asking allows."""
        return Scope.ADMIN if self.token is None else self.token.scope

    @property
    def is_admin(self) -> bool:
        """May do everything, and asks in a way that allows it."""
        return self.role is Role.ADMIN and self.scope is Scope.ADMIN


def refused() -> UnauthenticatedError:
    """Return the one answer to whatever does not let one in: it does not tell why."""
    return UnauthenticatedError(
        "this needs credentials that are good", hint="refresh the token, or log in: cidx login"
    )


def wrong_login() -> UnauthenticatedError:
    """Return the one answer to a name and password that are not good, whichever is wrong."""
    return UnauthenticatedError(
        "wrong user name or password", code="login-refused", hint="try again: cidx login"
    )


def ended() -> UnauthenticatedError:
    """Return the one answer to a refresh token that is not good, whatever the reason."""
    return UnauthenticatedError(
        "the session has ended", code="session-ended", hint="log in again: cidx login"
    )


class Refresh(enum.Enum):
    """What to do with a refresh token."""

    ROTATE = enum.auto()
    END_FAMILY = enum.auto()  # an old token came back late: someone else has it
    REFUSE = enum.auto()


def judge_refresh(session: Session, token_hash: str, *, now: float) -> Refresh:
    """Return what *token_hash* deserves in *session*."""
    if now >= session.expires_at:
        return Refresh.REFUSE
    if token_hash == session.refresh_hash:
        return Refresh.ROTATE
    if token_hash == session.previous_hash:
        late = now - session.rotated_at > REFRESH_GRACE_S
        return Refresh.END_FAMILY if late else Refresh.ROTATE
    return Refresh.REFUSE
