"""
What one git call that reaches a remote is given: its whole environment.

The one place where the guards of every call, the vetted address and the credentials of a
repository meet.  A name is looked up once, every address of it is judged, and git is told to
use these and no others: a name whose owner changes its answer between the check and the fetch
gains nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final

from cidxd import hosts
from cidxd.errors import FaultError
from cidxd.git import guard
from cidxd.hosts import Place, Policy
from cidxd.model.credential import Credential, Secret, authority_of
from cidxd.model.repository import Repository
from cidxd.work.handover import handed
from cidxd.work.keyring import KeyUnusableError
from cidxd.work.lookup import Resolver
from cidxd.work.vault import Vault

# Where a proxy looks the name up, git shall not do so itself; no route leads there.
_NOWHERE: Final = "255.255.255.255"


class Outreach:
    """
    Makes the environment of each git call that reaches a remote.

    Args:
        env: What all of them have in common; see `git.guard`.
        policy: Which hosts may be contacted; None for a user's own daemon, which may any.
        resolver: Looks names up.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        *,
        policy: Policy | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self._env = env
        self._policy = policy
        self._resolver = resolver or Resolver()
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

        Raises:
            FaultError: `remote-forbidden`, or `remote-unreachable` where its name leads nowhere.
        """
        address = target if isinstance(target, str) else target.address
        return await self._pinned(dict(self._env), address)

    async def _pinned(self, env: dict[str, str], address: str) -> dict[str, str]:
        """Return *env* with the addresses that may be contacted for *address*."""
        if self._policy is None:
            return env
        try:
            place = hosts.place_of(address)
        except ValueError as err:
            hint = "write its host as a plain name, without escapes"
            raise FaultError("remote-forbidden", str(err), hint=hint) from None
        if place is None:
            return env
        if hosts.literal(place.host) is not None:  # no name that could lead elsewhere
            self._judge(self._policy, place, [place.host])
            return env
        addresses = await self._addresses(env, place)
        return guard.pinned(env, place, addresses)

    async def _addresses(self, env: Mapping[str, str], place: Place) -> list[str]:
        policy = self._policy or Policy()
        try:
            found = await self._resolver.addresses(place.host, place.port)
        except FaultError:
            if not guard.is_proxied(env, place.scheme):
                raise
            return [_NOWHERE]
        self._judge(policy, place, found)
        return found

    @staticmethod
    def _judge(policy: Policy, place: Place, addresses: list[str]) -> None:
        kind = policy.refusal(place.host, addresses)
        if kind is not None:
            # The address itself is not told: it would be a map of the server's network.
            # Plain http is for this machine only, and wants the setting that opens it as well.
            is_local = kind == "loopback" and place.scheme == "http"
            opens = "allow_local = true" if is_local else f'allow_hosts = ["{place.host}"]'
            raise FaultError(
                "remote-forbidden",
                f"{place.host} has a {kind} address",
                hint=f"an operator can open it: remotes.{opens}",
            )


def _none(_repository_id: int) -> None:
    """Know no credential."""
