"""Who may come in: users and sessions, decided on a draft."""

from __future__ import annotations

import dataclasses
import re
from typing import Final

from cidxd.errors import ConflictError, InvalidError, NotFoundError
from cidxd.model import account, audit, personal
from cidxd.model.account import Principal, Refresh, Role, Session, User, judge_refresh
from cidxd.model.facts import SYSTEM_USERS
from cidxd.model.registry import State

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")
_DAY_S: Final = 86_400.0


def add(state: State, user: User) -> User:
    """
    Add *user*.

    Raises:
        InvalidError: The name is none.
        ConflictError: The name is taken.
    """
    if not _NAME.match(user.name):
        raise InvalidError(
            f"not a user name: {user.name!r}",
            code="name-invalid",
            hint="use up to 64 of the characters a-z 0-9 . _ -, beginning with a letter or digit",
        )
    if user.name in SYSTEM_USERS:
        raise ConflictError(
            f"the daemon itself has that name: {user.name}",
            code="name-taken",
            hint="choose another name",
        )
    if state.users.get(user.name) is not None:
        raise ConflictError(
            f"there is a user of that name: {user.name}",
            code="name-taken",
            hint="to set a new password: cidxd user passwd " + user.name,
        )
    state.users.put(user.name, user)
    state.note("user.added", user.name, role=user.role)
    return user


def change(
    state: State,
    name: str,
    *,
    password_hash: str | None,
    is_disabled: bool | None,
    role: Role | None,
    needs_admin: bool,
) -> User:
    """
    Change what is not None of a user, and end every session of theirs.

    Who is disabled, or was given a new password, loses every personal token too.

    Raises:
        NotFoundError: There is no such user.
        ConflictError: An administrator must be left, and none would.
    """
    before = user = state.users.get(name)
    if before is None or user is None:
        raise NotFoundError(f"no user of that name: {name}", hint="list them: cidxd user list")
    if password_hash is not None:
        user = dataclasses.replace(user, password_hash=password_hash)
    if is_disabled is not None:
        user = dataclasses.replace(user, is_disabled=is_disabled)
    if role is not None:
        user = dataclasses.replace(user, role=role)
    state.users.put(name, user)
    if needs_admin and not any(_is_in_charge(row) for row in state.users.values()):
        raise ConflictError(
            f"nobody else is an administrator: {name}",
            code="last-admin",
            hint="make another user one first",
        )
    password = {"password": "set"} if password_hash is not None else {}
    state.note(
        "user.changed", name, **audit.changes(before, user, "role", "is_disabled"), **password
    )
    _end_sessions(state, name, but=None)
    if user.is_disabled or password_hash is not None:
        personal.revoke_all(state, name)
    return user


def set_password(state: State, who: Principal, password_hash: str) -> None:
    """Set the caller's own password, and end every other session of theirs."""
    user = state.users.get(who.name)
    if user is None:
        raise NotFoundError(f"no user of that name: {who.name}")
    state.users.put(user.name, dataclasses.replace(user, password_hash=password_hash))
    ended = _end_sessions(state, user.name, but=who.session_id)
    state.note("password.changed", user.name, sessions_ended=ended)


def _end_sessions(state: State, user: str, *, but: str | None) -> int:
    """End the user's sessions except *but*; return how many."""
    own = [row.session_id for row in state.sessions.values() if row.user == user]
    ended = [session_id for session_id in own if session_id != but]
    for session_id in ended:
        state.sessions.drop(session_id)
    return len(ended)


def _is_in_charge(user: User) -> bool:
    return user.role is Role.ADMIN and not user.is_disabled


def renew_hash(state: State, name: str, before: str, after: str) -> None:
    """Keep the same password in another hash, unless it was changed meanwhile."""
    user = state.users.get(name)
    if user is not None and user.password_hash == before:
        state.users.put(name, dataclasses.replace(user, password_hash=after))


def open_session(state: State, session: Session, *, proof: str | None = None) -> Session:
    """
    Record a login, and forget those of the same user that ran out.

    Args:
        state: The draft.
        session: The new one.
        proof: The hash that the password was compared with, if that is how they came.

    Raises:
        UnauthenticatedError: The password was changed, or the user disabled, meanwhile.
    """
    user = state.users.get(session.user)
    if proof is not None and (user is None or user.is_disabled or user.password_hash != proof):
        raise account.wrong_login()
    for old in list(state.sessions.values()):
        if old.user == session.user and old.expires_at <= session.created_at:
            state.sessions.drop(old.session_id)
    state.sessions.put(session.session_id, session)
    state.note("login", session.user, actor=session.user, session=session.session_id)
    return session


def open_browser_session(
    state: State, session: Session, role: Role, *, proof: str | None = None
) -> Session:
    """Record a browser's login; the embedded daemon's user is made a user, without a password."""
    if state.users.get(session.user) is None:
        user = User(name=session.user, password_hash="", role=role, created_at=session.created_at)
        state.users.put(user.name, user)
    return open_session(state, session, proof=proof)


def extend_session(state: State, session_id: str, expires_at: float) -> None:
    """Let a login end at *expires_at*; harmless if it ended before."""
    session = state.sessions.get(session_id)
    if session is not None:
        state.sessions.put(
            session_id, dataclasses.replace(session, expires_at=expires_at, used_at=state.by.at)
        )


def rotate(
    state: State, session_id: str, used: str, following: str, *, days: int, now: float
) -> Session | None:
    """
    Swap a session's refresh token; *used* and *following* are SHA-256 in hex.

    Returns:
        The session with its new token, or None when an old token came back late
        and the whole session was ended for it.

    Raises:
        UnauthenticatedError: There is no such session, or the token is not its own.
    """
    session = state.sessions.get(session_id)
    verdict = judge_refresh(session, used, now=now) if session else Refresh.REFUSE
    if session is None or verdict is Refresh.REFUSE:
        raise account.ended()
    if verdict is Refresh.END_FAMILY:
        state.sessions.drop(session_id)
        why = "an old refresh token came back"
        state.note("session.ended", session.user, actor="daemon", session=session_id, reason=why)
        return None
    rotated = dataclasses.replace(
        session,
        refresh_hash=following,
        previous_hash=used,
        rotated_at=now,
        expires_at=now + days * _DAY_S,
        used_at=now,
    )
    state.sessions.put(session_id, rotated)
    return rotated


def check_present(state: State, by: audit.By) -> None:
    """Raise UnauthenticatedError if *by* came with a login, or a token, that has ended since."""
    if by.session_id is not None and not is_present(state, by.session_id):
        raise account.refused()


def is_present(state: State, came_with: str) -> bool:
    """Return whether there still is the session of that id, or the token of that hash."""
    return state.sessions.get(came_with) is not None or state.tokens.get(came_with) is not None


def end_session(state: State, session_id: str) -> None:
    """End the caller's own login; harmless if it ended before."""
    session = state.sessions.get(session_id)
    if session is not None:
        state.sessions.drop(session_id)
        state.note("logout", session.user, session=session_id)


def end_session_of(state: State, user: str, session_id: str) -> None:
    """End a login of *user*; raises NotFoundError if they have no such one."""
    session = state.sessions.get(session_id)
    if session is None or session.user != user:
        raise NotFoundError("no such session", hint="list them: cidx auth sessions")
    state.sessions.drop(session_id)
    state.note("session.ended", user, session=session_id)
