"""Which repository is asked with which credential, decided on a draft, with what it is about."""

from __future__ import annotations

import dataclasses

from cidxd.errors import ConflictError
from cidxd.model import catalogue
from cidxd.model.catalogue import Registration, RepositoryChange
from cidxd.model.credential import WEBHOOK, Credential, Entrusted, Seal, authority_of
from cidxd.model.registry import State
from cidxd.model.repository import Repository


def register(state: State, wanted: Registration, seal: Seal | None, *, now: float) -> Repository:
    """Add a repository, with a credential if there is one; see `catalogue.register`."""
    added = catalogue.register(state, wanted, now=now)
    if seal is not None:
        _entrust(state, added, seal)
    return added


def change(
    state: State, repository_id: int, wanted: RepositoryChange, given: Entrusted | None
) -> Repository:
    """
    Change a repository's settings and credential; see `catalogue.change`.

    What is kept is dropped when the remote is another host's from now on.

    Args:
        state: The draft.
        repository_id: Which.
        wanted: The settings.
        given: The new credential or its removal; None keeps what there is.

    Raises:
        ConflictError: The remote was changed since the credential was given.
    """
    changed = catalogue.change(state, repository_id, wanted)
    kept = state.credentials.get(repository_id)
    if given is not None and given.seal is not None:
        _entrust(state, changed, given.seal)
    elif kept and (given is not None or kept.authority != authority_of(changed.remote)):
        state.credentials.drop(repository_id)
        state.note("credential.removed", changed.name)
    return changed


def reseal(state: State, kept: Credential, key_id: str, sealed: bytes) -> None:
    """Have *kept* be sealed with another key; harmless if it was replaced meanwhile."""
    table = state.hooks if kept.authority == WEBHOOK else state.credentials
    if table.get(kept.repository_id) == kept:
        table.put(kept.repository_id, dataclasses.replace(kept, key_id=key_id, sealed=sealed))


def _entrust(state: State, row: Repository, seal: Seal) -> None:
    made = seal(row.repository_id)
    if made.authority != authority_of(row.remote):
        raise ConflictError(
            f"the remote of {row.name} was changed meanwhile",
            code="remote-changed",
            hint="look at it, then give the credentials again: cidx repo show",
        )
    state.credentials.put(row.repository_id, made)
    state.note("credential.set", row.name, kind=made.kind)
