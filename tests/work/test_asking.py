"""Remotes that redirect: what is taken up, and what is not."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from remote import Lie, Remote
from sandbox import Checkout

from cidxd import hosts
from cidxd.errors import FaultError
from cidxd.git import guard
from cidxd.model.repository import Repository, remote_key
from cidxd.work import asking
from cidxd.work.asking import Answered
from cidxd.work.outreach import Outreach

STALL_S = 20.0
REFS = "/info/refs?service=git-upload-pack"
OUTREACH = Outreach(
    guard.network_env(os.environ, allow_local=True),
    policy=hosts.policy([], is_loopback_open=True),
)


@pytest.fixture
async def remote(tmp_path: Path) -> AsyncIterator[Remote]:
    checkout = Checkout(tmp_path / "checkout")
    checkout.commit({"a.txt": "one\n"})
    async with Remote(checkout.folder) as made:
        yield made


async def ask(target: Repository | str) -> Answered:
    return await asking.tips(OUTREACH, target, stall_s=STALL_S)


def redirecting(location: str, *, times: int | None = 1) -> Lie:
    return Lie(status=301, headers={"Location": location}, times=times)


def registered(remote: str, resolved: str | None = None) -> Repository:
    return Repository(
        repository_id=1, name="r", remote=remote, key=remote_key(remote),
        created_at=0.0, created_by="ada", resolved=resolved,
    )  # fmt: skip


@pytest.mark.parametrize("is_relative", [True, False])
async def test_another_path_of_the_same_host_is_asked_and_told(
    remote: Remote, *, is_relative: bool
) -> None:
    new = remote.url_of("new")
    target = "/new/repo.git" if is_relative else new
    remote.lie = redirecting(target + REFS)

    answered = await ask(remote.url_of("old"))

    assert answered.address == new
    assert list(answered.tips.branches) == ["main"]
    assert remote.requests[:2] == [
        "GET /old/repo.git/info/refs",
        "GET /new/repo.git/info/refs",
    ]


async def test_a_circle_of_redirects_ends(remote: Remote) -> None:
    remote.lie = redirecting(f"/new/repo.git{REFS}", times=None)
    with pytest.raises(FaultError) as caught:
        await ask(remote.url_of("old"))

    assert caught.value.code == "remote-redirected"
    assert len(remote.requests) <= 5


async def test_a_redirect_to_another_host_or_port_is_a_fault_and_nobody_is_asked(
    remote: Remote, tmp_path: Path
) -> None:
    async with Remote(tmp_path / "checkout") as port, Remote(
        tmp_path / "checkout", address="127.0.0.2"
    ) as host:  # fmt: skip
        for other in (port, host):
            remote.lie = redirecting(other.url + REFS)
            with pytest.raises(FaultError) as caught:
                await ask(remote.url)
            assert caught.value.code == "remote-redirected"
            assert caught.value.hint == f"register {other.url}"
            assert other.requests == []


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ext::sh -c touch% /tmp/x",
        "ssh://127.0.0.1/repo.git" + REFS,
        "/login",
        "/new%0d%0aHost:%20evil/repo.git" + REFS,
    ],
)
async def test_a_redirect_to_what_is_no_repository_here_is_a_fault(
    remote: Remote, location: str
) -> None:
    remote.lie = redirecting(location)
    with pytest.raises(FaultError) as caught:
        await ask(remote.url)

    assert caught.value.code == "remote-redirected"
    assert len(remote.requests) == 1


async def test_what_was_found_before_is_asked_first_and_left_when_it_is_gone(
    remote: Remote,
) -> None:
    old, new = remote.url_of("old"), remote.url_of("new")

    assert (await ask(registered(old, new))).address == new
    assert remote.requests[0] == "GET /new/repo.git/info/refs"
    remote.lie = Lie(status=404, times=1)
    assert (await ask(registered(old, new))).address == old


async def test_an_outage_is_no_reason_to_ask_elsewhere(remote: Remote) -> None:
    remote.lie = Lie(status=503)
    with pytest.raises(FaultError) as caught:
        await ask(registered(remote.url_of("old"), remote.url_of("new")))

    assert caught.value.code == "remote-unavailable"
    assert all(request.startswith("GET /new/") for request in remote.requests)
