"""Which repositories there are: adding, changing and removing one, decided on a draft."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Final

from cidxd import hosts
from cidxd.errors import ConflictError, NotFoundError
from cidxd.model import audit, incidents
from cidxd.model import repository as addresses
from cidxd.model.grant import OPEN, Access
from cidxd.model.registry import State
from cidxd.model.repository import Repository, Schedule
from cidxd.model.revision import changed

_FORMER: Final = 10  # names that are remembered


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """
    A repository to add.

    Attributes:
        name: It must be free; None lets `suggestion` or the remote's last part name it,
            with a number where that is taken.
        branches: To track beside the remote's default branch.
        seed: A checkout on this machine whose objects start the mirror.
        resolved: Where the remote's host redirects to, None where it answers itself.
        schedule: None to go by the server's default.
    """

    remote: str
    user: str
    schedule: Schedule | None = None
    name: str | None = None
    suggestion: str | None = None
    branches: tuple[str, ...] = ()
    seed: str | None = None
    resolved: str | None = None
    access: Access = OPEN


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryChange:
    """
    What to change; None leaves a thing as it is.

    `resolved` is of the remote given with it; a schedule counts if it `is_rescheduled`.
    """

    name: str | None = None
    branches: tuple[str, ...] | None = None
    remote: str | None = None
    resolved: str | None = None
    schedule: Schedule | None = None
    is_rescheduled: bool = False
    access: Access | None = None


def register(state: State, wanted: Registration, *, now: float) -> Repository:
    """
    Add a repository.

    Raises:
        ConflictError: The remote is registered already (`repository` has its name), or the name.
        InvalidError: The name is none.
    """
    check_remote_is_new(state, wanted.remote, wanted.resolved)
    taken = {row.name for row in state.repositories.values()}
    if wanted.name is not None:
        name = addresses.check_name(wanted.name)
        _check_name_is_free(name, taken)
    else:
        presentable = addresses.name_for(wanted.suggestion or wanted.remote)
        name = addresses.free_name(presentable, taken)
    added = Repository(
        repository_id=_next_id(state),
        name=name,
        remote=wanted.remote,
        key=addresses.remote_key(wanted.remote),
        created_at=now,
        created_by=wanted.user,
        tracked=tuple(dict.fromkeys(wanted.branches)),
        seed=wanted.seed,
        resolved=wanted.resolved,
        schedule=wanted.schedule,
        access=wanted.access,
    )
    state.repositories.put(added.repository_id, added)
    state.note("repository.added", name, remote=added.remote, branches=list(added.tracked))
    if added.access != OPEN:
        _note_access(state, name, added.access)
    return added


def change(state: State, repository_id: int, wanted: RepositoryChange) -> Repository:
    """
    Change a repository's settings.

    Raises:
        NotFoundError: It was removed.
        ConflictError: The new name or remote is another repository's.
    """
    row = before = _existing(state, repository_id)
    others = [r for r in state.repositories.values() if r.repository_id != repository_id]
    if wanted.name is not None:
        _check_name_is_free(addresses.check_name(wanted.name), {r.name for r in others})
        row = _renamed(state, row, wanted.name)
    if wanted.branches is not None:
        row = dataclasses.replace(row, tracked=tuple(dict.fromkeys(wanted.branches)))
    if wanted.remote is not None:
        check_remote_is_new(state, wanted.remote, wanted.resolved, besides=row)
        row = dataclasses.replace(
            row,
            remote=wanted.remote,
            key=addresses.remote_key(wanted.remote),
            resolved=wanted.resolved,
            failures=0,
        )
    if wanted.is_rescheduled:
        row = dataclasses.replace(row, schedule=wanted.schedule)
    if wanted.access is not None:
        row = dataclasses.replace(row, access=wanted.access)
    state.repositories.put(repository_id, row)
    if row.access != before.access:
        _note_access(state, before.name, row.access)
    differences = audit.changes(before, row, "name", "remote", "tracked", "schedule")
    if differences:
        state.note("repository.changed", before.name, **differences)
    incidents.forget_unused(state, [before.remote])
    return row


def _note_access(state: State, name: str, shown_to: Access) -> None:
    users = {user: level.value for user, level in shown_to.users.items()}
    state.note("repository.shown", name, visibility=shown_to.visibility.value, users=users)


def moved(state: State, repository_id: int, remote: str, address: str) -> None:
    """Note that the host of *remote* redirects to *address*; not if it was changed since."""
    row = state.repositories.get(repository_id)
    if row is not None and row.remote == remote:
        resolved = None if address == remote else address
        state.repositories.put(repository_id, dataclasses.replace(row, resolved=resolved))


def check_remote_is_new(
    state: State, remote: str, resolved: str | None = None, *, besides: Repository | None = None
) -> None:
    """
    Raise RemoteKnownError if *remote*, in any form, is registered already.

    So is one that redirects to where a registered one is, or redirects to.
    """
    keys = {addresses.remote_key(address) for address in (remote, resolved) if address}
    for row in state.repositories.values():
        is_other = besides is None or row.repository_id != besides.repository_id
        if is_other and not keys.isdisjoint(keys_of(row)):
            raise RemoteKnownError(row.name)


def known_as(state: State, name: str) -> Repository | None:
    """Return the repository of that name, or else the one that had it before."""
    found = state.repository_named(name)
    if found is not None:
        return found
    return next((row for row in state.repositories.values() if name in row.former), None)


def unknown_name(name: str, names: Iterable[str]) -> NotFoundError:
    """Return the error of a name that no repository has; its hint has the nearest of *names*."""
    near = addresses.nearest(name, names)
    return NotFoundError(
        f"no repository of that name: {name}",
        code="repository-not-found",
        hint=f"did you mean {near}?" if near else "list them: cidx repo list",
    )


def unknown_address(url: str) -> NotFoundError:
    """Return the error of an address that no repository has."""
    return NotFoundError(
        f"no repository with that remote: {hosts.shown(url)}",
        code="repository-not-found",
        hint="add it: cidx repo add URL",
    )


def keys_of(row: Repository) -> set[str]:
    """Return what the addresses of *row* are compared by: its remote's, and where that leads."""
    return {row.key} if row.resolved is None else {row.key, addresses.remote_key(row.resolved)}


def _renamed(state: State, row: Repository, name: str) -> Repository:
    """Return *row* under another name, which its jobs bear from now on too."""
    if name == row.name:
        return row
    for job in list(state.jobs.values()):
        if job.repository_id == row.repository_id:
            state.jobs.put(job.job_id, changed(job, repository=name))
    former = tuple(dict.fromkeys(old for old in (row.name, *row.former) if old != name))
    return dataclasses.replace(row, name=name, former=former[:_FORMER])


def _existing(state: State, repository_id: int) -> Repository:
    row = state.repositories.get(repository_id)
    if row is None:
        raise NotFoundError("the repository was removed", code="repository-not-found")
    return row


def _next_id(state: State) -> int:
    """Return an id that no repository had, those removed but still in history included."""
    used = [row.repository_id for row in state.repositories.values()]
    return max([state.last_repository_id, *used]) + 1


def _check_name_is_free(name: str, taken: set[str]) -> None:
    if name in taken:
        raise ConflictError(
            f"there is a repository of that name: {name}",
            code="name-taken",
            hint="choose another name",
        )


class RemoteKnownError(ConflictError):
    """The remote is registered already; `name` says as what, None to who may not know."""

    code = "remote-known"

    def __init__(self, name: str | None) -> None:
        if name is None:
            hint = "ask an administrator to let you use it"
            super().__init__("that remote is registered already", hint=hint)
        else:
            super().__init__(f"that remote is registered already: {name}", hint=f"use it: {name}")
        self.name = name
