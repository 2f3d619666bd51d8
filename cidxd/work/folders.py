"""Where the daemon keeps things on disk."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from cidxd.errors import CidxdError, LockHeldError
from cidxd.work import swap


@dataclasses.dataclass(frozen=True, slots=True)
class RepositoryFolder:
    """The files of one repository."""

    root: Path

    @property
    def mirror(self) -> Path:
        """The bare git mirror."""
        return self.root / "mirror.git"

    @property
    def index(self) -> Path:
        """CURRENT and the epochs; see docs/index-format.md."""
        return self.root / "index"

    @property
    def lock(self) -> Path:
        """Held by whoever writes here, children included."""
        return self.root / "lock"


@dataclasses.dataclass(frozen=True, slots=True)
class DataFolder:
    """The daemon's folder; 0700."""

    root: Path

    @property
    def database(self) -> Path:
        """Jobs, events, repositories, users."""
        return self.root / "cidxd.db"

    @property
    def lock(self) -> Path:
        """Held by the one daemon on this data."""
        return self.root / "daemon.lock"

    @property
    def snapshot(self) -> Path:
        """A copy of the database, for as long as a backup is made of it."""
        return self.root / "snapshot.db"

    @property
    def backup_lock(self) -> Path:
        """Held by who makes a backup."""
        return self.root / "backup.lock"

    @property
    def runtime(self) -> Path:
        """The embedded daemon's address and token, for this user's clients."""
        return self.root / "daemon.json"

    @property
    def admin_socket(self) -> Path:
        """Where `cidxd user` and the like reach a running daemon."""
        return self.root / "admin.sock"

    @property
    def logs(self) -> Path:
        """The logs kept with the jobs."""
        return self.root / "logs"

    @property
    def repositories(self) -> Path:
        """A folder for each repository."""
        return self.root / "repositories"

    def repository(self, repository_id: int) -> RepositoryFolder:
        """Return the folder of one repository, made if it is not there."""
        found = self.to_read(repository_id)
        found.root.mkdir(parents=True, exist_ok=True)
        return found

    def to_read(self, repository_id: int) -> RepositoryFolder:
        """Return the folder of one repository, which need not be there."""
        return RepositoryFolder(self.repositories / str(repository_id))


def prepared(folder: Path) -> DataFolder:
    """
    Return the data folder, made 0700 if it was not there.

    Raises:
        CidxdError: It cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as err:
        raise CidxdError(
            f"cannot write the data folder: {folder}: {err.strerror}",
            code="data-unwritable",
            hint="make it writable for this user, or set server.data",
        ) from err
    return DataFolder(folder)


@contextlib.contextmanager
def claimed(data: DataFolder) -> Iterator[None]:
    """
    Hold the data folder for this process alone; a restore that was cut off is finished first.

    Raises:
        LockHeldError: Another daemon has it.
        CidxdError: A restore cannot be finished.
    """
    with _locked(data.lock, f"another cidxd uses this data folder: {data.root}", _CLAIM_HINT):
        swap.finish(data.root)
        yield


@contextlib.contextmanager
def backing_up(data: DataFolder) -> Iterator[None]:
    """
    Be the only one who makes a backup of this data folder.

    Raises:
        LockHeldError: Somebody else does.
    """
    said = f"another backup of {data.root} is being made"
    with _locked(data.backup_lock, said, "wait for it to end"):
        yield


@contextlib.contextmanager
def _locked(path: Path, said: str, hint: str) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockHeldError(said, hint=hint) from None
        yield
    finally:
        os.close(descriptor)


_CLAIM_HINT = "stop it first, or give this one a folder of its own"
