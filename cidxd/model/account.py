"""Users and their sessions, and the rules of the rotating refresh token."""

from __future__ import annotations

import dataclasses
import enum
from typing import Final

from cidxd.errors import UnauthenticatedError

REFRESH_GRACE_S: Final = 30.0  # a refresh token used again so soon: its answer was lost


class Role(enum.StrEnum):
    """What a user may do beside reading and syncing."""

    ADMIN = "admin"
    MEMBER = "member"


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


@dataclasses.dataclass(frozen=True, slots=True)
class Principal:
    """Who asks; `session_id` is None for the embedded daemon's own user."""

    name: str
    role: Role
    session_id: str | None = None

    @property
    def is_admin(self) -> bool:
        """May do everything."""
        return self.role is Role.ADMIN


def refused() -> UnauthenticatedError:
    """Return the one answer to whatever does not let one in: it does not tell why."""
    return UnauthenticatedError(
        "this needs credentials that are good", hint="refresh the token, or log in: cidx login"
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
