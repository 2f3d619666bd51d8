"""
Passwords and their hashes: argon2id, in a few threads that stand back behind all other work.

One hash takes 64 MiB and tens of milliseconds, so only so many are made at once and only so
many wait: a flood of logins costs neither the memory nor the threads of the daemon.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import argon2

from cidxd.errors import UnavailableError

T = TypeVar("T")

PARAMETERS: Final = argon2.profiles.RFC_9106_LOW_MEMORY
AT_ONCE: Final = 2
WAITING: Final = 64
_NICE: Final = 10
_LOWEST: Final = 19  # see setpriority(2)
_AGAIN_S: Final = 2


class Passwords:
    """Makes hashes and compares with them."""

    def __init__(self, parameters: argon2.Parameters | None = None) -> None:
        self._hasher = argon2.PasswordHasher.from_parameters(parameters or PARAMETERS)
        self._nobody = self._hasher.hash(secrets.token_hex(8))
        self._threads = ThreadPoolExecutor(AT_ONCE, "password", initializer=_stand_back)
        self._asked = 0

    async def hashed(self, password: str) -> str:
        """
        Return argon2id's encoding of *password*.

        Raises:
            UnavailableError: Too many wait already.
        """
        return await self._in_thread(lambda: self._hasher.hash(password))

    async def matches(self, stored: str | None, password: str) -> bool:
        """
        Whether *stored* is a hash of *password*; None takes as long, and never is.

        Raises:
            UnavailableError: Too many wait already.
        """
        # The embedded daemon's user has no password: what is no hash is compared as nobody's.
        used = stored if stored and stored.startswith("$argon2") else self._nobody
        return await self._in_thread(lambda: self._is_of(used, password)) and used == stored

    def is_outdated(self, stored: str) -> bool:
        """Whether *stored*, a hash, was made with other parameters than are used today."""
        return self._hasher.check_needs_rehash(stored)

    def _is_of(self, stored: str, password: str) -> bool:
        with contextlib.suppress(
            argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError
        ):
            return self._hasher.verify(stored, password)
        return False

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._asked >= AT_ONCE + WAITING:
            raise UnavailableError(
                "too many logins at once",
                code="logins-busy",
                hint="try again in a moment",
                retry_after_s=_AGAIN_S,
            )
        self._asked += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._asked -= 1


def _stand_back() -> None:
    """Let this thread, and those that it starts, run after all others."""
    thread = threading.get_native_id()
    with contextlib.suppress(OSError):
        now = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, min(_LOWEST, now + _NICE))
