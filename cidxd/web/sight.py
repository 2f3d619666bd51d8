"""
What a caller sees: the one place where a name, an address or a job is looked up for somebody.

What one may not read is answered as what does not exist: the same words, the same work.
Everything is judged by the committed state at the moment of asking, so a grant that is
taken away is gone from the next answer, and from streams that are open.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from cidxd.errors import NotFoundError
from cidxd.model import access, catalogue
from cidxd.model import repository as addresses
from cidxd.model.account import Principal
from cidxd.model.catalogue import RemoteKnownError
from cidxd.model.job import Job
from cidxd.model.registry import State
from cidxd.model.repository import Repository


class Sight:
    """
    What one caller sees of the state.

    Attributes:
        who: The caller.
    """

    def __init__(self, state: State, who: Principal) -> None:
        self._state = state
        self.who = who

    def repositories(self) -> list[Repository]:
        """Return the repositories that may be read, by name."""
        rows = self._state.repositories.values()
        seen = [row for row in rows if access.may_read(self.who, row)]
        return sorted(seen, key=lambda row: row.name)

    def named(self, name: str) -> Repository:
        """
        Return the repository of that name.

        Raises:
            NotFoundError: There is none; the hint has the nearest name of those that are seen.
        """
        found = self._known_as(name)
        if found is None:
            raise catalogue.unknown_name(name, [row.name for row in self.repositories()])
        return found

    def current_name(self, name: str) -> str:
        """Return what the repository that is or was called *name* is called now; else *name*."""
        found = self._known_as(name)
        return name if found is None else found.name

    def _known_as(self, name: str) -> Repository | None:
        found = catalogue.known_as(self._state, name)
        if found is None or access.may_read(self.who, found):
            return found
        # Another one that is seen had the name, and goes on answering to it: nobody took it.
        return next((row for row in self.repositories() if name in row.former), None)

    def at_address(self, url: str) -> Repository:
        """
        Return the repository with that remote, in whichever form *url* gives it.

        Raises:
            NotFoundError: None has it.
        """
        key = addresses.remote_key(url)
        found = [row for row in self.repositories() if key in catalogue.keys_of(row)]
        if not found:
            raise catalogue.unknown_address(url)
        return min(found, key=lambda row: row.key != key)

    def sees(self, repository_id: int) -> bool:
        """Return whether jobs of that repository are seen; of a removed one, as it was then."""
        row = self._state.repositories.get(repository_id) or self._state.removed.get(repository_id)
        return row is None or access.may_read(self.who, row)

    def hidden(self) -> list[int]:
        """Return the ids of the repositories whose jobs are not seen."""
        rows = [*self._state.repositories.values(), *self._state.removed.values()]
        return [row.repository_id for row in rows if not access.may_read(self.who, row)]

    def check_job(self, job: Job) -> Job:
        """Return *job*; raises NotFoundError, as for one that does not exist, if it is not seen."""
        if not self.sees(job.repository_id):
            raise unknown_job(job.job_id)
        return job

    @contextlib.contextmanager
    def discreet(self) -> Iterator[None]:
        """Have a remote that is known within be told without a name that is not seen."""
        try:
            yield
        except RemoteKnownError as err:
            if err.name is not None and err.name in [row.name for row in self.repositories()]:
                raise
            raise RemoteKnownError(None) from None


def unknown_job(job_id: str) -> NotFoundError:
    """Return the error of an id that no job has."""
    return NotFoundError(
        f"no such job: {job_id[:64]}", code="job-not-found", hint="list them: cidx jobs list"
    )
