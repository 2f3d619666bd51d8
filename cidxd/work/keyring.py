"""
The daemon's keys for what it keeps sealed: where they are, and that nobody else has them.

They come from the service manager (`cidxd-key` in its credentials folder), or from a 0600 file
in the data folder that is made when the first credential is given; from both, where both are
there.  A file has one key a line, the newest first: that one seals, every one opens.
They are read each time, so that a key that is put back is used without a restart.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import os
import secrets
import stat
import threading
from pathlib import Path
from typing import Final

from cidxd.errors import UnavailableError
from cidxd.work.archive import make_durable
from cidxd.work.folders import DataFolder

NAME: Final = "cidxd-key"
KEY_BYTES: Final = 32
DOCS: Final = "docs/operations.md#credentials-of-remotes"


class KeyUnusableError(UnavailableError):
    """There is no key, or none that may be used."""


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """A key, and what it is called in a row."""

    secret: bytes = dataclasses.field(repr=False)

    @property
    def key_id(self) -> str:
        """Tells keys apart and nothing of the key."""
        return hashlib.sha256(b"cidxd key " + self.secret).hexdigest()[:16]


class Keyring:
    """
    Finds the keys.

    Args:
        data: Has the file, if there is one.
        manager: The service manager's credentials folder, None without one.
    """

    def __init__(self, data: DataFolder, manager: Path | None) -> None:
        self._file = data.root / NAME
        self._given = None if manager is None else manager / NAME
        self._making = threading.Lock()  # two requests may both be the first to need a key

    @property
    def place(self) -> str:
        """Where a key is looked for, in words."""
        return f"{self._given} or {self._file}" if self._given else str(self._file)

    def keys(self) -> list[Key]:
        """
        Return every key, the one that seals first; empty where there never was one.  Blocks.

        Raises:
            KeyUnusableError: One cannot be read, is none, or others can read it.
        """
        given = _read(self._given, stat.S_IRWXO) if self._given else []
        return [*given, *_read(self._file, stat.S_IRWXG | stat.S_IRWXO)]

    def made(self) -> list[Key]:
        """Make the first key, unless somebody did meanwhile, and return every key.  Blocks."""
        with self._making:
            return self.keys() or self._made()

    def _made(self) -> list[Key]:
        text = base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n"
        draft = self._file.with_name(f".{NAME}.{os.getpid()}.new")
        try:
            draft.unlink(missing_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, self._file)  # unlike a rename, never over another one
            make_durable(self._file.parent)
        except OSError as err:
            raise KeyUnusableError(
                f"cannot make the key for credentials: {self._file}: {err.strerror}",
                code="credential-key-invalid",
                hint="let the daemon's user write its data folder",
            ) from err
        finally:
            draft.unlink(missing_ok=True)
        return self.keys()


def _read(path: Path, forbidden: int) -> list[Key]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return []
    except OSError as err:
        raise KeyUnusableError(
            f"the key for credentials cannot be read: {path}: {err.strerror}",
            code="credential-key-invalid",
            hint="let the daemon's user, and nobody else, read it",
        ) from err
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if found.st_mode & forbidden or found.st_uid not in {os.geteuid(), 0}:
            raise KeyUnusableError(
                f"others can read the key for credentials: {path}, "
                f"mode {stat.S_IMODE(found.st_mode):04o}",
                code="credential-key-unsafe",
                hint=f"chmod 600 {path}, owned by the daemon's user; who could read it meanwhile "
                "can open the credentials of a backup",
            )
        lines = file.read(1 << 16).splitlines()
    return [_key(line, number, path) for number, line in enumerate(lines, 1) if _is_key(line)]


def _is_key(line: bytes) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith(b"#")


def _key(line: bytes, number: int, path: Path) -> Key:
    try:
        secret = base64.b64decode(line.strip(), validate=True)
    except binascii.Error:
        secret = b""
    if len(secret) != KEY_BYTES:
        raise KeyUnusableError(
            f"not a key for credentials: {path}, line {number}",
            code="credential-key-invalid",
            hint="each line is 32 bytes in base64: head -c 32 /dev/urandom | base64",
        )
    return Key(secret)
