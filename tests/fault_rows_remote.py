"""Faults of remotes that are reached over HTTP and TLS; see `drill` for what a scenario is."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

from drill import Row, Scenario, Stage
from programs import needs_mounts
from remote import Lie, RemoteThread
from tls_remote import Authority, TlsRemote

STALL_S = 5.0  # the daemon's `limits.stall_seconds`


def refused(stage: Stage) -> Generator[str | None]:
    with contextlib.ExitStack() as stack:
        remote = stack.enter_context(RemoteThread(stage.origin.folder))
        yield remote.url
        stage.change()
        stack.close()
        yield None


def dns(stage: Stage) -> Generator[str | None]:
    told = stage.hosts.read_text()
    with RemoteThread(stage.origin.folder) as remote:
        yield remote.url.replace("127.0.0.1", "git.example.test")
        stage.change()
        stage.hosts.write_text("127.0.0.1 localhost\n")
        yield None
        stage.hosts.write_text(told)
        yield None


def tls_expired(stage: Stage) -> Generator[str | None]:
    with TlsRemote(stage.origin.folder, stage.trusted) as remote:
        yield remote.url
        stage.change()
        remote.shows(stage.trusted.context(has_expired=True))
        yield None
        remote.shows(stage.trusted.context())
        yield None


def tls_unknown_authority(stage: Stage) -> Generator[str | None]:
    with TlsRemote(stage.origin.folder, stage.trusted) as remote:
        yield remote.url
        stage.change()
        remote.shows(Authority(stage.folder / "other").context())
        yield None
        remote.shows(stage.trusted.context())
        yield None


def tls_other_name(stage: Stage) -> Generator[str | None]:
    with TlsRemote(stage.origin.folder, stage.trusted) as remote:
        yield remote.url
        stage.change()
        remote.shows(stage.trusted.context("git.example.org"))
        yield None


def lying(name: str, lie: Lie, *, files: int = 0) -> Scenario:
    """Return the scenario of a remote that tells *lie* for a while, with more to fetch."""

    def scenario(stage: Stage) -> Generator[str | None]:
        with RemoteThread(stage.origin.folder) as remote:
            yield remote.url
            stage.change()
            if files:
                stage.change_much(files)
            remote.lie = lie
            yield None
            remote.lie = None
            yield None

    scenario.__name__ = name
    return scenario


def status_401(stage: Stage) -> Generator[str | None]:
    with RemoteThread(stage.origin.folder) as remote:
        yield remote.url
        stage.change()
        remote.takes("ada", "a password that nobody was told")
        yield None
        remote.takes("")
        yield None


def password_expired(stage: Stage) -> Generator[str | None]:
    ada = {"kind": "password", "username": "ada"}
    stage.registered_with["credentials"] = {**ada, "password": "spring 2026"}
    with TlsRemote(stage.origin.folder, stage.trusted) as remote:
        remote.takes("ada", "spring 2026")
        yield remote.url
        stage.change()
        remote.takes("ada", "summer 2026")
        yield None
        stage.set(credentials={**ada, "password": "summer 2026"})
        yield None


def token_revoked(stage: Stage) -> Generator[str | None]:
    stage.registered_with["credentials"] = {"kind": "token", "username": "ci", "token": "t" * 40}
    with TlsRemote(stage.origin.folder, stage.trusted) as remote:
        remote.takes("ci", "t" * 40)
        yield remote.url
        stage.change()
        remote.takes("ci", "u" * 40)
        yield None


def redirect_elsewhere(stage: Stage) -> Generator[str | None]:
    with RemoteThread(stage.origin.folder) as remote, RemoteThread(stage.origin.folder) as other:
        yield remote.url
        stage.change()
        there = f"{other.url.replace('127.0.0.1', 'localhost')}/info/refs?service=git-upload-pack"
        remote.lie = Lie(status=302, headers={"Location": there})
        yield None
        assert other.requests == []
        remote.lie = None
        yield None


def protocol_v0(stage: Stage) -> Generator[str | None]:
    with RemoteThread(stage.origin.folder) as remote:
        remote.speaks_v2 = False
        yield remote.url
        stage.change()
        yield None
        assert not any(b"command=fetch" in body for body in remote.received)


def protocol_v2(stage: Stage) -> Generator[str | None]:
    with RemoteThread(stage.origin.folder) as remote:
        yield remote.url
        stage.change()
        yield None
        assert any(b"command=fetch" in body for body in remote.received)


SENDING = "git-upload-pack"
WORKS = "completed, updated"
ROWS = [
    Row("connection refused", refused, "remote-unreachable", log="Connection refused|connect to"),
    Row(
        "name not in the DNS",
        dns,
        "remote-unreachable",
        log="Could not resolve host|could not look up git.example.test",
        marks=(needs_mounts,),
    ),
    Row("TLS certificate expired", tls_expired, "tls-untrusted", log="certificate"),
    Row("TLS authority unknown", tls_unknown_authority, "tls-untrusted", log="certificate"),
    Row("TLS certificate of another name", tls_other_name, "tls-untrusted", log="certificate"),
    Row("401, and no credentials", status_401, "auth-required", log="could not read Username"),
    Row(
        "the password expires between two syncs",
        password_expired,
        "auth-failed",
        log="fault in fetch: auth-failed",
    ),
    Row("the token is revoked", token_revoked, "auth-failed", log="fault in fetch: auth-failed"),
    Row("403", lying("status_403", Lie(status=403)), "access-forbidden", log="403"),
    Row("404", lying("status_404", Lie(status=404)), "remote-not-found", log="not found"),
    Row(
        "429 with Retry-After",
        lying("status_429", Lie(status=429, headers={"Retry-After": "3"})),
        "remote-rate-limited",
        log=r"429[\s\S]*tried again not before",
    ),
    Row("500", lying("status_500", Lie(status=500)), "remote-unavailable", log="500"),
    Row("503", lying("status_503", Lie(status=503)), "remote-unavailable", log="503"),
    Row(
        "connection dropped in the middle of a transfer",
        lying("dropped", Lie(drop_after=4000, only_service=SENDING), files=20),
        "remote-interrupted",
        log="RPC failed|early EOF",
    ),
    Row(
        "a corrupt pack is received",
        lying("corrupt_pack", Lie(corrupt_pack=True)),
        "remote-interrupted",
        log="pack",
    ),
    Row(
        "throttled",
        lying("throttled", Lie(bytes_per_s=30_000, every_s=0.2, only_service=SENDING), files=200),
        ends=WORKS,
    ),
    Row("hung, with no byte", lying("hung", Lie(hang=True)), "stalled", log="said and did nothing"),
    Row(
        "hung in the middle of a fetch",
        lying("hung_later", Lie(hang=True, only_service=SENDING)),
        "stalled",
        log="said and did nothing",
    ),
    Row(
        "slow, but alive",
        lying("slow", Lie(silent_s=STALL_S / 3)),
        ends=WORKS,
    ),
    Row(
        "redirect to another host",
        redirect_elsewhere,
        "remote-redirected",
        log="redirect|302",
    ),
    Row("protocol v0 over HTTP", protocol_v0, ends=WORKS),
    Row("protocol v2 over HTTP", protocol_v2, ends=WORKS),
]
