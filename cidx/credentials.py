"""
Sessions with servers, kept in one 0600 file of the user's configuration folder.

    {"current": URL, "servers": {URL: {"access_token", "refresh_token", "expires_at", "user"}}}

Every change happens under a lock, on what the file says then: another process may have
renewed the session a moment ago, and a refresh token is good for one use.
The lock is a file beside it, because the file itself is replaced at each change.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from typing import TYPE_CHECKING, NamedTuple

from cidx.errors import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cidx.wire import Json


class Session(NamedTuple):
    """
    What a login gave.

    Attributes:
        access_token: Sent with each request.
        refresh_token: Good for one renewal.
        expires_at: When the access token ends, in POSIX seconds.
        user: `{"name", "role"}`.
    """

    access_token: str
    refresh_token: str
    expires_at: float
    user: Json


def session_of(answer: Json, *, now: float) -> Session:
    """
    Return the session in a login's or refresh's answer.

    Raises:
        ClientError: The answer lacks a token.
    """
    try:
        return Session(
            access_token=str(answer["access_token"]),
            refresh_token=str(answer["refresh_token"]),
            expires_at=now + float(answer["expires_in"]),
            user=dict(answer.get("user") or {}),
        )
    except (KeyError, TypeError, ValueError):
        raise ClientError(
            "the server's answer to the login makes no sense",
            hint="client and server must be of one version: cidx status",
        ) from None


class Credentials:
    """The file; it is read at each call, and a missing one is empty."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / "credentials.json"

    def current(self) -> str:
        """Return the URL of the last login that was not logged out, or an empty string."""
        return str(self._read().get("current") or "")

    def session(self, url: str) -> Session | None:
        """Return the session with the server at *url*, if there is one."""
        return _session_in(self._read(), url)

    def remember(self, url: str, session: Session) -> None:
        """Keep a new login's session, and make its server the current one."""
        with self._locked():
            content = self._read()
            content.setdefault("servers", {})[url] = session._asdict()
            self._write({**content, "current": url})

    def forget(self, url: str) -> None:
        """Drop the session with the server at *url*; no session is no error."""
        with self._locked():
            content = self._read()
            content.get("servers", {}).pop(url, None)
            if content.get("current") == url:
                content["current"] = next(iter(content.get("servers", {})), "")
            self._write(content)

    def renew(
        self, url: str, refused_token: str, refresh: Callable[[Session], Session]
    ) -> Session | None:
        """
        Return a session newer than *refused_token*: another process's, or a refreshed one.

        Args:
            url: The server.
            refused_token: The access token that is of no use any more.
            refresh: Asks the server; called at most once, under the lock.

        Returns:
            None if there is no session any more.
        """
        with self._locked():
            content = self._read()
            session = _session_in(content, url)
            if session is None or session.access_token != refused_token:
                return session
            renewed = refresh(session)
            content["servers"][url] = renewed._asdict()
            self._write(content)
            return renewed

    def _read(self) -> Json:
        try:
            content = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as err:
            raise ClientError(
                f"the credentials cannot be read: {self.path}: {err}",
                hint="remove the file and log in again: cidx login URL",
            ) from err
        return content if isinstance(content, dict) else {}

    def _write(self, content: Json) -> None:
        # Written beside and renamed: a reader sees the old file or the new one.
        beside = self.path.with_suffix(f".{os.getpid()}.new")
        try:
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
                json.dump(content, file, indent=1)
                file.flush()
                os.fsync(descriptor)
            beside.replace(self.path)
        except OSError as err:
            raise self._unwritable(err) from err

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(
                self._folder / "credentials.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        except OSError as err:
            raise self._unwritable(err) from err
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _unwritable(self, err: OSError) -> ClientError:
        return ClientError(f"the credentials cannot be written: {self.path}: {err.strerror}")


def _session_in(content: Json, url: str) -> Session | None:
    entry = content.get("servers", {}).get(url)
    try:
        return None if entry is None else Session(**entry)
    except TypeError:
        return None
