"""
A credential handed to one git call, and taken back.

A key never touches the disk: ssh opens a file that is in memory only, by its path in /proc,
which nobody but this user can follow and which ends with this process.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import PurePath

from cidxd.git import guard, handing
from cidxd.model.credential import CredentialKind, Secret


@contextlib.contextmanager
def handed(env: Mapping[str, str], authority: str, secret: Secret) -> Iterator[dict[str, str]]:
    """
    Yield *env* with what git needs to ask *authority* as *secret* says.

    It is good for as long as the context lasts; afterwards nothing of a key is left.
    """
    if secret.kind is not CredentialKind.SSH_KEY:
        config = handing.settings(authority, secret.username, secret.secret)
        # Were it off, the trace that answers are read from would show what is sent.
        yield {**guard.with_settings(env, config), "GIT_TRACE_REDACT": "1"}
        return
    with _in_memory(secret.secret) as key, _in_memory(secret.known_hosts) as hosts:
        yield guard.with_ssh_options(_with_openssh(env), handing.ssh_options(key, hosts))


def _with_openssh(env: Mapping[str, str]) -> dict[str, str]:
    """Return *env* without a user's own program in place of ssh, which knows no such options."""
    program = PurePath(env.get("GIT_SSH_COMMAND", "ssh").partition(" ")[0]).name
    others = {"GIT_SSH"} if program == "ssh" else {"GIT_SSH", "GIT_SSH_COMMAND"}
    kept = {name: value for name, value in env.items() if name not in others}
    return {**kept, "GIT_SSH_VARIANT": "ssh"}


@contextlib.contextmanager
def _in_memory(text: str) -> Iterator[str]:
    descriptor = os.memfd_create("cidxd", os.MFD_CLOEXEC)
    try:
        os.fchmod(descriptor, 0o600)  # ssh takes no key that others may read
        with open(descriptor, "wb", buffering=0, closefd=False) as file:
            file.write(text.encode())
        yield f"/proc/{os.getpid()}/fd/{descriptor}"
    finally:
        os.close(descriptor)
