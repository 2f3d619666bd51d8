"""The sshd of the tests conforms to what its users count on."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from sandbox import Checkout
from sshd import Sshd, keypair, needs_sshd

pytestmark = needs_sshd


@pytest.fixture
def origin(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "origin")
    made.commit({"a.txt": "a\n"})
    return made


def ls_remote(
    sshd: Sshd, repository: Path, *, key: Path | None = None, trace: bool = False
) -> subprocess.CompletedProcess[str]:
    ssh = ["ssh", "-F", "/dev/null", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"]
    ssh += ["-i", str(key or sshd.identity), "-o", f"UserKnownHostsFile={sshd.known_hosts}"]
    return subprocess.run(
        ["git", "ls-remote", sshd.url(repository)],
        env={
            **os.environ,
            "GIT_SSH_COMMAND": shlex.join([*ssh, "-o", "StrictHostKeyChecking=yes"]),
            "GIT_TRACE_PACKET": "1" if trace else "0",
            "GIT_CONFIG_GLOBAL": "/dev/null",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_it_serves_a_repository_to_who_has_the_key_and_to_nobody_else(
    tmp_path: Path, origin: Checkout
) -> None:
    with Sshd(tmp_path / "sshd") as sshd:
        assert origin.head() in ls_remote(sshd, origin.folder).stdout
        other = ls_remote(sshd, origin.folder, key=keypair(tmp_path / "other"))
        assert "Permission denied (publickey)" in other.stderr
        sshd.has_other_host_key()
        changed = ls_remote(sshd, origin.folder)
        assert "Host key verification failed" in changed.stderr


@pytest.mark.parametrize("speaks_v2", [True, False])
def test_it_speaks_the_protocol_that_it_is_told_to(
    tmp_path: Path, origin: Checkout, *, speaks_v2: bool
) -> None:
    with Sshd(tmp_path / "sshd", speaks_v2=speaks_v2) as sshd:
        done = ls_remote(sshd, origin.folder, trace=True)
    assert origin.head() in done.stdout
    assert ("version 2" in done.stderr) is speaks_v2


def test_one_that_takes_passwords_only_refuses_a_key(tmp_path: Path, origin: Checkout) -> None:
    with Sshd(tmp_path / "sshd", methods="password") as sshd:
        assert "Permission denied (password)" in ls_remote(sshd, origin.folder).stderr
