"""
An sshd on loopback that serves git repositories, and the client's side that trusts it.

    with Sshd(folder) as sshd:
        sshd.url(repository)                # ssh://USER@127.0.0.1:PORT/PATH
        sshd.identity                       # a private key that it lets in
        sshd.known_hosts                    # a file with its host key
        sshd.has_other_host_key()           # as after a reinstallation, or an attack
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from programs import no_mounts

_PROGRAM = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
_NEEDS_A_FOLDER = os.geteuid() == 0 and not Path("/run/sshd").exists()
_LACK = "sshd is not installed" if _PROGRAM is None else _NEEDS_A_FOLDER and no_mounts()
needs_sshd = pytest.mark.skipif(bool(_LACK), reason=str(_LACK))
_PATIENCE_S = 20.0
# Started by root it wants a folder that is only there where it runs as a service.
_APART = ("unshare", "--mount", "sh", "-c")
_WITH_A_FOLDER = 'mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && exec "$0" "$@"'


class Sshd:
    """
    Lets the user that runs the tests in, by a key of its own.

    Attributes:
        identity: The private key that it lets in; `keypair` makes others.
        known_hosts: Names its host key.

    Args:
        folder: Where its files are made; it need not exist.
        identity: The private key to let in; one is made if none is given.
        methods: What it lets people prove themselves by.
        speaks_v2: It hands git's wish for another protocol than the oldest on.
    """

    def __init__(
        self,
        folder: Path,
        *,
        identity: Path | None = None,
        methods: str = "publickey",
        speaks_v2: bool = True,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._methods = methods
        self._speaks_v2 = speaks_v2
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        self.identity = identity or keypair(folder / "identity")
        self.known_hosts = folder / "known_hosts"
        self.lets_in(self.identity)
        keypair(folder / "host")
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {_public(folder / 'host').decode()}")

    def url(self, repository: Path) -> str:
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{repository}"

    def log(self) -> str:
        return (self._folder / "log").read_text("utf-8", "replace")

    def has_other_host_key(self) -> None:
        """Start anew with a host key that `known_hosts` does not have."""
        self._stop()
        for path in self._folder.glob("host*"):
            path.unlink()
        keypair(self._folder / "host")
        self._start()

    def asks_for(self, methods: str) -> None:
        """Start anew with other ways to prove oneself."""
        self._stop()
        self._methods = methods
        self._start()

    def lets_in(self, key: Path) -> None:
        """Let in who has the private key at *key*, and nobody else."""
        (self._folder / "authorized").write_bytes(_public(key))

    def lets_nobody_in(self) -> None:
        """Take every key out of the list of those that may."""
        (self._folder / "authorized").write_text("")

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None
    ) -> None:
        self._stop()

    def _start(self) -> None:
        assert _PROGRAM is not None
        config = self._folder / "config"
        config.write_text(self._config())
        argv = [_PROGRAM, "-D", "-e", "-f", str(config)]
        if _NEEDS_A_FOLDER:
            argv = [*_APART, _WITH_A_FOLDER, *argv]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + _PATIENCE_S
        while not _answers(self.port):
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < end, self.log()
            time.sleep(0.02)

    def _stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_PATIENCE_S)
            self._process = None

    def _config(self) -> str:
        passwords = "yes" if "password" in self._methods else "no"
        lines = [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {self._folder / 'host'}",
            f"AuthorizedKeysFile {self._folder / 'authorized'}",
            f"AuthenticationMethods {self._methods}",
            f"PasswordAuthentication {passwords}",
            f"PubkeyAuthentication {'yes' if 'publickey' in self._methods else 'no'}",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin yes",
            "StrictModes no",
            "UsePAM no",
            f"PidFile {self._folder / 'pid'}",
            "SetEnv GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null",
            *(["AcceptEnv GIT_PROTOCOL"] if self._speaks_v2 else []),
        ]
        return "\n".join(lines) + "\n"


def keypair(path: Path) -> Path:
    """Make a key without a passphrase at *path*, its public half beside; return *path*."""
    made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)]
    subprocess.run(made, check=True, stdin=subprocess.DEVNULL)
    return path


def _public(key: Path) -> bytes:
    return key.with_name(key.name + ".pub").read_bytes()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as made:
            return made.recv(4) == b"SSH-"
    except OSError:
        return False
