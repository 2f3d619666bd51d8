"""Users and their sessions, and the rules of the rotating refresh token."""

from __future__ import annotations

import dataclasses
import enum
from typing import Final

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
    """

    session_id: str
    user: str
    refresh_hash: str
    created_at: float
    expires_at: float
    previous_hash: str | None = None
    rotated_at: float = 0.0


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
