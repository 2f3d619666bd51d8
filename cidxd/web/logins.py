"""
Name and password to a user: limited, alike for whoever it is, and written down.

Whether the account exists, is disabled or has no password, makes no difference to the answer,
to the work that is done for it, or to what is counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import structlog

from cidxd.errors import BusyError, CidxdError
from cidxd.model import account, accounts
from cidxd.model.account import User
from cidxd.model.login_limits import LoginCounts, LoginLimits
from cidxd.store.ledger import Ledger
from cidxd.web.passwords import Passwords

_log = structlog.get_logger()

# Of failures that are written down: an hour's flood takes as much room as a minute's.
_WRITTEN_AT_ONCE: Final = 60
_WRITTEN_EVERY_S: Final = 60.0


class Logins:
    """
    Lets in who has the right password.

    Args:
        ledger: Where users are.
        passwords: Compares.
        limits: How many failures there may be.
        clock: Returns POSIX seconds.
    """

    def __init__(
        self,
        ledger: Ledger,
        passwords: Passwords,
        limits: LoginLimits,
        clock: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._passwords = passwords
        self._clock = clock
        self._counts = LoginCounts(limits)
        self._room, self._room_at = float(_WRITTEN_AT_ONCE), clock()
        self._untold = 0

    async def checked(self, name: str, password: str, address: str) -> User:
        """
        Return the user of that name and password, asked for from *address*.

        Raises:
            UnauthenticatedError: Name or password is wrong; it does not say which.
            BusyError: There were too many failures; it says when to try again.
            UnavailableError: Too many log in at once.
        """
        wait_s = self._counts.attempt(name, address, now=self._clock())
        if wait_s:
            raise BusyError(
                "too many failed logins",
                code="login-limited",
                hint=f"wait {math.ceil(wait_s)} s, then try again",
                retry_after_s=math.ceil(wait_s),
            )
        user = self._ledger.state.users.get(name)
        stored = user.password_hash if user and not user.is_disabled else None
        if not await self._passwords.matches(stored, password) or user is None:
            await self._write_down(name, is_known=user is not None)
            raise account.wrong_login()
        self._counts.succeeded(name, address, now=self._clock())
        return await self._renewed(user, password)

    async def _renewed(self, user: User, password: str) -> User:
        """Return *user* with the password hashed as it is done today, if it was done otherwise."""
        if not self._passwords.is_outdated(user.password_hash):
            return user
        try:
            fresh = await self._passwords.hashed(password)
            await self._ledger.decide(accounts.renew_hash, user.name, user.password_hash, fresh)
        except CidxdError as err:  # the password is right all the same; the next login tries again
            _log.warning("hash_not_renewed", user=user.name, error=err.message)
            return user
        kept = self._ledger.state.users.get(user.name) or user
        if kept.password_hash == fresh:
            return kept
        # Another login was first, or the password is another one by now.
        is_same = await self._passwords.matches(kept.password_hash, password)
        return kept if is_same else user

    async def _write_down(self, name: str, *, is_known: bool) -> None:
        """Put a failure into the audit log, as long as there are not too many of them."""
        now = self._clock()
        filled = max(0.0, now - self._room_at) / _WRITTEN_EVERY_S
        self._room, self._room_at = min(_WRITTEN_AT_ONCE, self._room + filled), now
        if self._room < 1:
            self._untold += 1
            return
        self._room -= 1
        more = {"failures_before_not_listed": self._untold} if self._untold else {}
        self._untold = 0
        # What is no user's name may be a password that was typed into the wrong field.
        try:
            await self._ledger.note("login.failed", name if is_known else "", **more)
        except CidxdError as err:  # the answer must not tell more
            _log.warning("audit_refused", error=err.message)
