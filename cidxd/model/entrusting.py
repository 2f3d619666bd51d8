"""Which repository is asked with which credential, decided on a draft, with what it is about."""

from __future__ import annotations

import dataclasses

from cidxd.errors import ConflictError
from cidxd.model import access, catalogue
from cidxd.model import repository as addresses
from cidxd.model.account import Principal
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
    state: State,
    repository_id: int,
    wanted: RepositoryChange,
    given: Entrusted | None,
    who: Principal,
) -> Repository:
    """
    Change a repository's settings and credential; see `catalogue.change`.

    What is kept is dropped when it does not go with the remote from now on; see `goes_with`.

    Args:
        state: The draft.
        repository_id: Which.
        wanted: The settings.
        given: The new credential or its removal; None keeps what there is.
        who: Asks for it; what they may do is judged again, for the remote took its time to answer.

    Raises:
        ConflictError: The remote was changed since the credential was given.
        NotFoundError: They do not see it any more.
        ForbiddenError: They may not change it any more.
    """
    before = state.repositories.get(repository_id)
    if before is not None:
        _check_still_may(who, before, wanted)
    changed = catalogue.change(state, repository_id, wanted)
    kept = state.credentials.get(repository_id)
    if given is not None and given.seal is not None:
        _entrust(state, changed, given.seal)
    elif kept and before and (given or not goes_with(kept, before, changed.remote, who.name)):
        state.credentials.drop(repository_id)
        state.note("credential.removed", changed.name)
    return changed


def goes_with(kept: Credential, row: Repository, remote: str, user: str) -> bool:
    """
    Return whether *remote*, given to *row* by *user*, is asked with *kept* too.

    Not on another host, and of the same host's other repositories only where its giver says so:
    else who may write to one repository would read all that somebody else's token opens.
    """
    is_same = remote == row.remote or addresses.remote_key(remote) in catalogue.keys_of(row)
    return kept.authority == authority_of(remote) and (is_same or kept.set_by == user)


def reseal(state: State, kept: Credential, key_id: str, sealed: bytes) -> None:
    """Have *kept* be sealed with another key; harmless if it was replaced meanwhile."""
    table = state.hooks if kept.authority == WEBHOOK else state.credentials
    if table.get(kept.repository_id) == kept:
        table.put(kept.repository_id, dataclasses.replace(kept, key_id=key_id, sealed=sealed))


def _check_still_may(who: Principal, row: Repository, wanted: RepositoryChange) -> None:
    if not access.may_read(who, row):
        raise catalogue.unknown_name(row.name, ())
    access.check_may_change(who, row)
    if wanted.access is not None:
        access.check_may_share(who, row)


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
