"""Faults of remotes that are reached by ssh; see `drill` for what a scenario is."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator

from drill import Row, Stage
from sshd import Sshd, needs_sshd

WORKS = "completed, updated"


@contextlib.contextmanager
def served(stage: Stage, *, speaks_v2: bool = True) -> Iterator[Sshd]:
    identity = stage.ssh / "identity"
    with Sshd(stage.folder / "sshd", identity=identity, speaks_v2=speaks_v2) as sshd:
        with (stage.ssh / "known_hosts").open("a") as known:
            known.write(sshd.known_hosts.read_text())
        yield sshd


def host_key_changed(stage: Stage) -> Generator[str | None]:
    with served(stage) as sshd:
        yield sshd.url(stage.origin.folder)
        stage.change()
        sshd.has_other_host_key()
        yield None


def key_refused(stage: Stage) -> Generator[str | None]:
    with served(stage) as sshd:
        yield sshd.url(stage.origin.folder)
        stage.change()
        sshd.lets_nobody_in()
        yield None
        sshd.lets_in(stage.ssh / "identity")
        yield None


def password_prompt(stage: Stage) -> Generator[str | None]:
    with served(stage) as sshd:
        yield sshd.url(stage.origin.folder)
        stage.change()
        sshd.asks_for("password")
        yield None
        sshd.asks_for("publickey")
        yield None


def folder_gone(stage: Stage) -> Generator[str | None]:
    with served(stage) as sshd:
        yield sshd.url(stage.origin.folder)
        stage.change()
        away = stage.origin.folder.with_name("away")
        stage.origin.folder.rename(away)
        yield None
        away.rename(stage.origin.folder)
        yield None


def ssh_refused(stage: Stage) -> Generator[str | None]:
    with contextlib.ExitStack() as stack:
        sshd = stack.enter_context(served(stage))
        yield sshd.url(stage.origin.folder)
        stage.change()
        stack.close()
        yield None


def ssh_v0(stage: Stage) -> Generator[str | None]:
    with served(stage, speaks_v2=False) as sshd:
        yield sshd.url(stage.origin.folder)
        stage.change()
        yield None


def ssh_v2(stage: Stage) -> Generator[str | None]:
    with served(stage) as sshd:
        yield sshd.url(stage.origin.folder)
        stage.change()
        yield None


MARKS = (needs_sshd,)
ROWS = [
    Row(
        "ssh: the host's key has changed",
        host_key_changed,
        "host-key-unknown",
        log="Host key verification failed",
        marks=MARKS,
    ),
    Row(
        "ssh: the key is refused", key_refused, "auth-failed", log="Permission denied", marks=MARKS
    ),
    Row(
        "ssh would ask for a password",
        password_prompt,
        "auth-failed",
        log="Permission denied",
        marks=MARKS,
    ),
    Row(
        "ssh: the repository is gone",
        folder_gone,
        "remote-not-found",
        log="does not appear to be a git repository",
        marks=MARKS,
    ),
    Row(
        "ssh: connection refused",
        ssh_refused,
        "remote-unreachable",
        log="Connection refused",
        marks=MARKS,
    ),
    Row("protocol v0 over ssh", ssh_v0, ends=WORKS, marks=MARKS),
    Row("protocol v2 over ssh", ssh_v2, ends=WORKS, marks=MARKS),
]
