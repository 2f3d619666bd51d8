"""What a git call to a remote is given: names that change their answer, proxies, refusals."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from remote import Remote
from sandbox import Checkout
from sshd import Sshd, needs_sshd
from tls_remote import Authority, TlsRemote

from cidxd import hosts
from cidxd.errors import FaultError
from cidxd.git import guard
from cidxd.hosts import Policy
from cidxd.model.credential import CredentialKind, Secret
from cidxd.work import asking, fetch
from cidxd.work.lookup import Resolver
from cidxd.work.outreach import Outreach

GUEST = guard.network_env(os.environ, allow_local=True)
STALL_S = 20.0
PUBLIC = "140.82.112.3"


class Names:
    """A resolver whose answers are given; each look-up takes the next, the last stays."""

    def __init__(self, *answers: list[str] | OSError) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        self.asked.append((host, port))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, OSError):
            raise answer
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port)) for text in answer]


def reaching(
    *answers: list[str] | OSError, policy: Policy | None = None, proxy: str = ""
) -> tuple[Outreach, Names]:
    names = Names(*answers)
    made = Outreach(
        {**GUEST, **({"https_proxy": proxy} if proxy else {})},
        policy=policy or hosts.policy([]),
        resolver=Resolver(names),
    )
    return made, names


def settings(env: dict[str, str]) -> dict[str, str]:
    numbers = range(int(env["GIT_CONFIG_COUNT"]))
    return {env[f"GIT_CONFIG_KEY_{n}"]: env[f"GIT_CONFIG_VALUE_{n}"] for n in numbers}


async def refused(outreach: Outreach, remote: str) -> FaultError:
    with pytest.raises(FaultError) as caught:
        await outreach.env(remote)
    return caught.value


@pytest.fixture
async def two_hosts(tmp_path: Path) -> AsyncIterator[tuple[Remote, list[str], int]]:
    """A remote on 127.0.0.2, and what is asked of 127.0.0.1 on the same port."""
    checkout = Checkout(tmp_path / "checkout")
    checkout.commit({"a.txt": "one\n"})
    inside: list[str] = []

    async def record(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside.append((await reader.readline()).decode())
        writer.close()

    async with Remote(checkout.folder, address="127.0.0.2") as remote:
        port = int(remote.url.split(":")[2].partition("/")[0])
        server = await asyncio.start_server(record, "127.0.0.1", port)
        yield remote, inside, port
        server.close()


async def test_a_name_that_changes_its_answer_after_the_check_gains_nothing(
    two_hosts: tuple[Remote, list[str], int],
) -> None:
    remote, inside, port = two_hosts
    # For the rest of this machine the name leads to 127.0.0.1, as after a rebinding.
    opened = hosts.policy(["127.0.0.2"])
    outreach, names = reaching(["127.0.0.2"], ["127.0.0.1"], policy=opened)
    url = f"http://localhost:{port}/repo.git"

    tips = await fetch.ls_remote(url, env=await outreach.env(url), stall_s=STALL_S)

    assert list(tips.branches) == ["main"]
    assert remote.requests
    assert inside == []
    assert names.asked == [("localhost", port)]
    assert (await refused(outreach, url)).code == "remote-forbidden"


async def test_ssh_goes_to_the_address_that_was_checked() -> None:
    seen: list[str] = []

    def listener(name: str) -> Any:
        async def record(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append(name)
            writer.close()

        return record

    outside = await asyncio.start_server(listener("outside"), "127.0.0.2", 0)
    port = outside.sockets[0].getsockname()[1]
    inside = await asyncio.start_server(listener("inside"), "127.0.0.1", port)
    outreach, _ = reaching(["127.0.0.2"], policy=hosts.policy(["127.0.0.2"]))
    url = f"ssh://git@localhost:{port}/a.git"
    with pytest.raises(FaultError):
        await fetch.ls_remote(url, env=await outreach.env(url), stall_s=STALL_S)
    for server in (outside, inside):
        server.close()

    assert seen == ["outside"]


async def test_every_address_of_a_name_is_judged_and_none_is_told() -> None:
    outreach, _ = reaching([PUBLIC, "10.1.2.3"])

    fault = await refused(outreach, "https://git.example.org/a.git")

    assert (fault.code, fault.transient) == ("remote-forbidden", False)
    assert fault.detail == "git.example.org has a private address"
    assert 'remotes.allow_hosts = ["git.example.org"]' in fault.hint
    assert "10.1.2.3" not in fault.detail + fault.hint


@pytest.mark.parametrize(
    ("remote", "setting"),
    [
        ("http://127.0.0.1:8080/a.git", "remotes.allow_local = true"),
        ("https://127.0.0.1/a.git", 'remotes.allow_hosts = ["127.0.0.1"]'),
        ("http://10.0.0.1/a.git", 'remotes.allow_hosts = ["10.0.0.1"]'),
    ],
)
async def test_the_setting_that_is_named_opens_the_host(remote: str, setting: str) -> None:
    outreach, _ = reaching([PUBLIC])

    assert (await refused(outreach, remote)).hint == f"an operator can open it: {setting}"


@pytest.mark.parametrize("remote", ["https://10.0.0.1/a", "git@127.0.0.1:a", "https://[::1]/a"])
async def test_an_address_is_judged_without_a_look_up(remote: str) -> None:
    outreach, names = reaching([PUBLIC])

    assert (await refused(outreach, remote)).code == "remote-forbidden"
    assert names.asked == []


@pytest.mark.parametrize("remote", ["https://0x7f.1/a", "https://2130706433/a", "ssh://a%40b/c"])
async def test_a_host_that_could_be_read_differently_is_refused(remote: str) -> None:
    outreach, names = reaching([PUBLIC])

    assert (await refused(outreach, remote)).code == "remote-forbidden"
    assert names.asked == []


async def test_a_path_and_a_users_own_daemon_have_no_policy() -> None:
    outreach, names = reaching(["127.0.0.1"])
    own = Outreach(GUEST)

    assert await outreach.env("/srv/a.git") == GUEST
    assert await own.env("https://127.0.0.1/a.git") == GUEST
    assert names.asked == []


async def test_all_good_addresses_are_pinned() -> None:
    outreach, _ = reaching([PUBLIC, "2606:50c0:8000::154"])

    env = await outreach.env("https://git.example.org/a.git")

    pin = f"git.example.org:443:{PUBLIC},[2606:50c0:8000::154]"
    assert settings(env)["http.curloptResolve"] == pin


@pytest.mark.parametrize(
    "error", [socket.gaierror(socket.EAI_NONAME, "Name or service not known"), []]
)
async def test_a_name_that_leads_nowhere_is_an_unreachable_remote(error: OSError) -> None:
    outreach, _ = reaching(error)

    fault = await refused(outreach, "https://nowhere.example/a")

    assert (fault.code, fault.transient) == ("remote-unreachable", True)
    assert "could not look up nowhere.example" in fault.detail


@pytest.fixture
def hung() -> Iterator[threading.Event]:
    released = threading.Event()
    yield released
    released.set()


async def test_a_resolver_that_hangs_is_left_alone(hung: threading.Event) -> None:
    def hang(*_: Any, **__: Any) -> list[tuple[Any, ...]]:
        hung.wait(STALL_S)
        return []

    resolver = Resolver(hang, timeout_s=0.05)
    outreach = Outreach(GUEST, policy=hosts.policy([]), resolver=resolver)

    fault = await refused(outreach, "https://slow.example/a")

    assert fault.code == "remote-unreachable"
    assert "took longer than" in fault.detail


async def test_the_real_resolver_knows_this_machine() -> None:
    assert "127.0.0.1" in await Resolver().addresses("localhost", 443)
    with pytest.raises(FaultError):
        await Resolver().addresses("a" * 64 + ".example", 443)


async def test_behind_a_proxy_only_what_cannot_be_looked_up_here_is_left_to_it() -> None:
    unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    outreach, _ = reaching(unknown, ["10.0.0.1"], proxy="http://127.0.0.1:3128")
    url = "https://git.example.org/a"

    assert settings(await outreach.env(url))["http.curloptResolve"].endswith(":255.255.255.255")
    assert (await refused(outreach, url)).code == "remote-forbidden"


@needs_sshd
async def test_over_a_pin_ssh_knows_the_host_by_its_name_and_port(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "checkout")
    checkout.commit({"a.txt": "one\n"})
    with Sshd(tmp_path / "sshd") as sshd:
        url = sshd.url(checkout.folder).replace("127.0.0.1", "git.example.org")
        known = sshd.known_hosts.read_text().replace("127.0.0.1", "git.example.org")
        key = sshd.identity.read_text()
        secret = Secret(kind=CredentialKind.SSH_KEY, secret=key, known_hosts=known)
        outreach, _ = reaching(["127.0.0.1"], policy=hosts.policy(["*.example.org"]))

        found = await asking.tips(outreach, url, stall_s=STALL_S, secret=secret)

    assert list(found.tips.branches) == ["main"]


async def test_over_a_pin_a_certificate_is_that_of_the_name(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "checkout")
    checkout.commit({"a.txt": "one\n"})
    authority = Authority(tmp_path / "authority")
    env = {**GUEST, "GIT_SSL_CAINFO": str(authority.file)}
    policy = hosts.policy(["git.example.org"])
    outreach = Outreach(env, policy=policy, resolver=Resolver(Names(["127.0.0.1"])))
    with TlsRemote(checkout.folder, authority) as remote:
        url = remote.url.replace("localhost", "git.example.org")
        with pytest.raises(FaultError) as caught:
            await asking.tips(outreach, url, stall_s=STALL_S)
        remote.shows(authority.context("git.example.org"))
        found = await asking.tips(outreach, url, stall_s=STALL_S)

    assert caught.value.code == "tls-untrusted", caught.value.detail
    assert list(found.tips.branches) == ["main"]
