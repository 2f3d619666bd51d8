"""
What a remote is asked with: a repository's credential, as it is given and as it is kept.

A credential belongs to one repository and to one authority (scheme, host and port), and
never follows to another one.
"""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Callable
from typing import Final

from cidxd.model import repository as addresses

_AUTHORITY: Final = re.compile(r"(https?|ssh)://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?\Z")

WEBHOOK: Final = "webhook"  # the authority of a secret that is shown to no remote


class CredentialKind(enum.StrEnum):
    """How it proves who asks."""

    TOKEN = "token"  # noqa: S105 - a kind, no token
    PASSWORD = "password"  # noqa: S105 - likewise
    SSH_KEY = "ssh-key"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """
    A credential as it was given; it is in memory only.

    Attributes:
        username: Of a token or a password; may be empty for a token.
        secret: The token, the password, or the private key in OpenSSH's form.
        known_hosts: Of a key: the host's lines, as in sshd(8).
        fingerprint: Of a key: the SHA-256 of its public half, as ssh-keygen(1) prints it.
    """

    kind: CredentialKind
    secret: str = dataclasses.field(repr=False)
    username: str = ""
    known_hosts: str = dataclasses.field(default="", repr=False)
    fingerprint: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """
    A credential as it is kept.

    Attributes:
        authority: To whom alone it is shown; see `authority_of`.
        set_at: POSIX seconds.
        key_id: Which of the daemon's keys it is sealed with.
        sealed: Nonce and ciphertext; bound to repository and authority.
    """

    repository_id: int
    kind: CredentialKind
    authority: str
    set_at: float
    set_by: str
    fingerprint: str | None
    key_id: str
    sealed: bytes = dataclasses.field(repr=False)


Seal = Callable[[int], Credential]


@dataclasses.dataclass(frozen=True, slots=True)
class Entrusted:
    """What becomes of a repository's credential: the one that `seal` makes for it, or none."""

    seal: Seal | None


def authority_of(remote: str) -> str | None:
    """
    Return scheme, host and port that a credential for *remote* is good for.

    None for what takes none: a path, or a host that is written so that it could mean two.
    """
    host = addresses.host_of(remote)
    if host is None:
        return None
    scheme, is_url, _ = remote.partition("://")
    authority = f"{scheme.lower() if is_url else 'ssh'}://{host}"
    return authority if _AUTHORITY.match(authority) else None


def fits(kind: CredentialKind, authority: str) -> bool:
    """Return whether a remote of that authority can be asked with a credential of that kind."""
    is_ssh = authority.startswith("ssh://")
    return is_ssh == (kind is CredentialKind.SSH_KEY)
