"""
What one git call that reaches a remote is given: its whole environment.

The one place where the guards of every call, the vetted address and the credentials of a
repository meet.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping

from cidxd.errors import FaultError
from cidxd.model.credential import Credential, Secret, authority_of
from cidxd.model.repository import Repository
from cidxd.work.handover import handed
from cidxd.work.keyring import KeyUnusableError
from cidxd.work.vault import Vault


class Outreach:
    """
    Makes the environment of each git call that reaches a remote.

    Args:
        env: What all of them have in common; see `git.guard`.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._vault: Vault | None = None
        self._credential_of: Callable[[int], Credential | None] = _none

    def trust(self, vault: Vault, credential_of: Callable[[int], Credential | None]) -> None:
        """Hand over the credentials of *credential_of*, which *vault* opens, from now on."""
        self._vault = vault
        self._credential_of = credential_of

    @contextlib.asynccontextmanager
    async def reaching(
        self, target: Repository | str, secret: Secret | None = None
    ) -> AsyncIterator[dict[str, str]]:
        """
        Yield the environment for one git call to *target*, the credential included.

        It is read now, so one that was given a moment ago is used, and it is handed over for the
        length of the context.

        Args:
            target: A repository, whose remote is asked, or an address.
            secret: In place of the repository's own.

        Raises:
            FaultError: `credential-unreadable`.
        """
        env = await self.env(target)
        authority = authority_of(target if isinstance(target, str) else target.remote)
        if secret is None and isinstance(target, Repository):
            secret = await self._own(target, authority)
        if secret is None or authority is None:
            yield env
            return
        with handed(env, authority, secret) as given:
            yield given

    async def _own(self, row: Repository, authority: str | None) -> Secret | None:
        """Return the repository's credential, unless it was given for somebody else."""
        kept = self._credential_of(row.repository_id)
        if kept is None or self._vault is None or kept.authority != authority:
            return None
        try:
            return await self._vault.opened(kept)
        except KeyUnusableError as err:
            raise FaultError("credential-unreadable", err.message, hint=err.hint) from err

    async def env(self, target: Repository | str) -> dict[str, str]:
        """
        Return the environment for one git call to *target*: a repository's remote, or an address.

        It is made for this call only: it may name an address that holds now, and secrets.
        """
        del target
        return dict(self._env)


def _none(_repository_id: int) -> None:
    """Know no credential."""
