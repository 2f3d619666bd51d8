"""What handlers ask git directly: whether a remote can be used, what a mirror reaches."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from cidxd.errors import FaultError, InvalidError
from cidxd.model.credential import Secret
from cidxd.model.repository import Repository
from cidxd.store import asker
from cidxd.work import asking, reach
from cidxd.work.folders import DataFolder
from cidxd.work.phases import Tools

_PATIENCE_S = 20.0  # somebody waits for the answer
_HURRY_S = 5.0  # and can do without this one
OF_ONE = 4  # questions of one user at once; each is a git, and others want to ask too
_OF_ALL = 16
_REFUSALS = frozenset({"auth-failed", "auth-required", "access-forbidden", "host-key-unknown"})


class Remotes:
    """Short questions to git."""

    def __init__(self, tools: Tools, data: DataFolder) -> None:
        self._tools = tools
        self._data = data
        self._far, self._near = _Turns(), _Turns()  # who waits for a remote holds up no mirror

    async def check(
        self, target: Repository | str, branches: Sequence[str], secret: Secret | None = None
    ) -> str:
        """
        Ask *target*, a repository's remote or an address, for its tips; it shall have *branches*.

        Args:
            target: A repository is asked with its own credential.
            branches: Names.
            secret: Asked with, in place of the repository's own.

        Returns:
            The address that answered: another one if the remote's host redirects.

        Raises:
            InvalidError: It cannot be used; has the fault's code.
        """
        stall_s = min(_PATIENCE_S, self._tools.stall_s)
        try:
            async with self._far.taken():
                tips, address = await asking.tips(
                    self._tools.outreach, target, stall_s=stall_s, secret=secret
                )
        except FaultError as fault:
            raise InvalidError(
                f"{fault.message}: {fault.detail}" if fault.detail else fault.message,
                code=fault.code,
                hint=fault.hint,
                pointer="/credentials" if secret and fault.code in _REFUSALS else "/remote",
            ) from fault
        lost = [branch for branch in branches if branch not in tips.branches]
        if lost:
            raise InvalidError(
                f"the remote has no such branch: {', '.join(lost)}",
                code="branch-not-found",
                hint=f"it has: {', '.join(sorted(tips.branches)[:10]) or 'none'}",
                pointer="/branches",
            )
        return address

    async def ending_with(self, repository: Repository, commit: str) -> list[str]:
        """
        Return the branches of the remote whose tip's id begins with *commit*, by name.

        Raises:
            FaultError: It cannot be had.
        """
        stall_s = min(_HURRY_S, self._tools.stall_s)
        async with self._far.taken():
            tips, _ = await asking.tips(self._tools.outreach, repository, stall_s=stall_s)
        return sorted(name for name, tip in tips.branches.items() if tip.startswith(commit))

    async def reach(self, repository_id: int, commit: str, tips: list[str]) -> str | None:
        """Return the first of *tips* from which *commit* can be reached, None if none."""
        mirror = self._data.repository(repository_id).mirror
        async with self._near.taken():
            return await reach.reachable_from(
                mirror, commit, tips, env=self._tools.child_env, stall_s=self._tools.stall_s
            )


class _Turns:
    """Lets only so many gits run, and of one user fewer: the others wait, in their order."""

    def __init__(self) -> None:
        self._of_all = asyncio.Semaphore(_OF_ALL)
        self._of: dict[str, asyncio.Semaphore] = {}

    @contextlib.asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Wait for a turn of the user who asks, and have it for the length of the context."""
        own = self._of.setdefault(asker.current().actor, asyncio.Semaphore(OF_ONE))
        async with own, self._of_all:
            yield
