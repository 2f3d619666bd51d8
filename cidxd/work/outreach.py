"""
What one git call that reaches a remote is given: its whole environment.

The one place where the guards of every call, the vetted address and the credentials of a
repository meet.
"""

from __future__ import annotations

from collections.abc import Mapping

from cidxd.model.repository import Repository


class Outreach:
    """
    Makes the environment of each git call that reaches a remote.

    Args:
        env: What all of them have in common; see `git.guard`.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env

    async def env(self, target: Repository | str) -> dict[str, str]:
        """
        Return the environment for one git call to *target*: a repository's remote, or an address.

        It is made for this call only: it may name an address that holds now, and secrets.
        """
        del target
        return dict(self._env)
