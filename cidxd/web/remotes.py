"""What handlers ask git directly: whether a remote can be used, what a mirror reaches."""

from __future__ import annotations

from cidxd.errors import FaultError, InvalidError
from cidxd.work import fetch
from cidxd.work.folders import DataFolder
from cidxd.work.phases import Tools

_PATIENCE_S = 20.0  # somebody waits for the answer


class Remotes:
    """Short questions to git."""

    def __init__(self, tools: Tools, data: DataFolder) -> None:
        self._tools = tools
        self._data = data

    async def check(self, remote: str) -> None:
        """
        Ask *remote* for its tips.

        Raises:
            InvalidError: It cannot be used; has the fault's code.
        """
        stall_s = min(_PATIENCE_S, self._tools.stall_s)
        try:
            await fetch.ls_remote(remote, env=self._tools.git_env, stall_s=stall_s)
        except FaultError as fault:
            raise InvalidError(
                f"{fault.message}: {fault.detail}" if fault.detail else fault.message,
                code=fault.code,
                hint=fault.hint,
                pointer="/remote",
            ) from fault

    async def reach(self, repository_id: int, commit: str, tips: list[str]) -> str | None:
        """Return the first of *tips* from which *commit* can be reached, None if none."""
        mirror = self._data.repository(repository_id).mirror
        return await fetch.reachable_from(
            mirror, commit, tips, env=self._tools.child_env, stall_s=self._tools.stall_s
        )
