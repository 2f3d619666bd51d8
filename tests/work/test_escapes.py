"""
Known ways to have git run something or go somewhere: none works on a guest's call.

Each test fails when its guard is taken away: a file appears, or somebody is asked who should not.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import web
from remote import Remote
from sandbox import Checkout, git

from cidxd import hosts
from cidxd.errors import FaultError
from cidxd.git import argv, guard
from cidxd.model.report import Report
from cidxd.work import asking, fetch, mirrors, proc, reach
from cidxd.work.outreach import Outreach

STALL_S = 20.0
LOCAL = guard.local_env(os.environ)
GUEST = guard.network_env(os.environ, allow_local=True)
STRICT = guard.network_env(os.environ, allow_local=False)
OPEN = hosts.policy([], is_loopback_open=True)


class Bystander:
    """Somebody on this machine who should not be asked; `asked` has the first line of each."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readline()).decode("latin-1"))
        writer.close()


@pytest.fixture
async def bystander() -> AsyncIterator[Bystander]:
    made = Bystander()
    server = await asyncio.start_server(made, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "checkout")
    made.commit({"a.txt": "one\n"})
    return made


class Guest:
    """A server's way to one remote, its mirror, and the file that nothing may make."""

    def __init__(self, folder: Path, lock_fd: int) -> None:
        self.mirror = folder / "mirror.git"
        self.ran = folder / "ran"
        self._lock_fd = lock_fd
        self._outreach = Outreach(GUEST, policy=OPEN)

    @property
    def command(self) -> str:
        """For a shell: notes that it ran."""
        return f"touch {self.ran};"

    async def ready(self) -> None:
        made = await fetch.ensure_mirror(
            self.mirror, env=LOCAL, stall_s=STALL_S, lock_fd=self._lock_fd
        )
        if made != self.mirror:
            mirrors.replace(self.mirror)

    async def fetch(self, remote: str, *branches: str) -> dict[str, str]:
        """Do what a sync does: ask, see to the mirror, fetch."""
        tips, address = await asking.tips(self._outreach, remote, stall_s=STALL_S)
        await self.ready()
        fetched = await fetch.fetch(
            self.mirror, address, branches or tuple(tips.branches), kept=(),
            env=await self._outreach.env(address), report=_unread,
            lock_fd=self._lock_fd, stall_s=STALL_S,
        )  # fmt: skip
        return dict(fetched.commits)


def _unread(_: Report) -> None:
    return None


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Guest]:
    descriptor = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    made = Guest(tmp_path, descriptor)
    yield made
    os.close(descriptor)
    assert not made.ran.exists(), "something of the remote's or the mirror's choice ran"


@pytest.mark.parametrize(
    "remote",
    ["--upload-pack={}", "-u{}", "ext::sh -c '{}'", "ext::sh% -c% '{}'", "-oProxyCommand={}:a"],
)
async def test_an_option_or_a_command_in_the_place_of_a_remote_runs_nothing(
    guest: Guest, remote: str
) -> None:
    await guest.ready()
    address = remote.format(guest.command)
    with pytest.raises(FaultError) as asked:
        await fetch.ls_remote(address, env=GUEST, stall_s=STALL_S)
    with pytest.raises(FaultError) as fetched:
        await fetch.fetch(
            guest.mirror, address, ["main"], kept=(), env=GUEST, report=_unread,
            lock_fd=guest._lock_fd, stall_s=STALL_S,
        )  # fmt: skip

    assert {asked.value.code, fetched.value.code} <= {"protocol-refused", "host-key-unknown"}


@pytest.mark.parametrize("form", ["{}", "file://{}", "git://127.0.0.1{}", "http://127.0.0.1{}"])
async def test_a_path_and_an_address_without_tls_are_refused_unless_they_are_allowed(
    checkout: Checkout, form: str
) -> None:
    with pytest.raises(FaultError) as caught:
        await fetch.ls_remote(form.format(checkout.folder), env=STRICT, stall_s=STALL_S)

    assert caught.value.code == "protocol-refused"


async def test_branches_that_look_like_options_are_branches(
    checkout: Checkout, guest: Guest
) -> None:
    head = checkout.head()
    for name in ("-x", "--upload-pack=x", "--exec"):
        checkout.git("update-ref", f"refs/heads/{name}", head)

    commits = await guest.fetch(str(checkout.folder))

    assert commits == dict.fromkeys(("main", "-x", "--upload-pack=x", "--exec"), head)


_SETTINGS = {
    "insteadOf": '[url "{bystander}/"]\n\tinsteadOf = {remote}',
    "proxy": "[http]\n\tproxy = {bystander}",
    "proxy of the host": '[http "{remote}"]\n\tproxy = {bystander}',
    "remote of that name": '[remote "{remote}"]\n\turl = {bystander}/x.git',
    "include": "[include]\n\tpath = {include}",
    "helper": '[credential]\n\thelper = "!{command}"',
    "hooks": "[core]\n\thooksPath = {hooks}",
    "fsmonitor": '[core]\n\tfsmonitor = "{command}"',
    "alternates": '[core]\n\talternateRefsCommand = "{command} true"',
    "partial clone": '[remote "origin"]\n\turl = ext::sh -c "{command}"\n\tpromisor = true\n'
    '[extensions]\n\tpartialClone = origin\n[protocol "ext"]\n\tallow = always',
}


@pytest.mark.parametrize("setting", _SETTINGS)
async def test_a_mirrors_own_settings_run_nothing_and_lead_nowhere(
    checkout: Checkout, guest: Guest, bystander: Bystander, tmp_path: Path, setting: str
) -> None:
    hooks, include = tmp_path / "hooks", tmp_path / "include"
    hooks.mkdir()
    _hook(hooks / "reference-transaction", guest)
    async with Remote(checkout.folder) as remote:
        include.write_text(f'[url "{bystander.url}/"]\n\tinsteadOf = {remote.url}\n')
        await guest.fetch(remote.url)
        names = {
            "bystander": bystander.url, "remote": remote.url, "command": guest.command,
            "hooks": hooks, "include": include,
        }  # fmt: skip
        with (guest.mirror / "config").open("a") as file:
            file.write(_SETTINGS[setting].format(**names) + "\n")
        if setting == "alternates":
            other = guest.mirror / "objects" / "info" / "alternates"
            other.write_text(f"{checkout.folder}/.git/objects\n")
        head = checkout.commit({"b.txt": "two\n"})

        assert await guest.fetch(remote.url) == {"main": head}

    assert bystander.asked == []


async def test_a_mirrors_own_ssh_command_is_not_run(guest: Guest) -> None:
    await guest.ready()
    with (guest.mirror / "config").open("a") as file:
        file.write(f'[core]\n\tsshCommand = "{guest.command}"\n')
    with pytest.raises(FaultError):
        await fetch.fetch(
            guest.mirror, "ssh://git@127.0.0.1:1/a.git", ["main"], kept=(), env=GUEST,
            report=_unread, lock_fd=guest._lock_fd, stall_s=STALL_S,
        )  # fmt: skip


async def test_hooks_in_a_mirror_are_not_run(checkout: Checkout, guest: Guest) -> None:
    await guest.ready()
    (guest.mirror / "hooks").mkdir()
    for name in ("reference-transaction", "post-update", "pre-auto-gc", "post-checkout"):
        _hook(guest.mirror / "hooks" / name, guest)

    assert await guest.fetch(str(checkout.folder)) == {"main": checkout.head()}


async def test_hooks_of_a_remote_on_this_machine_are_not_run(
    checkout: Checkout, guest: Guest
) -> None:
    for name in ("pre-receive", "post-update", "reference-transaction"):
        _hook(checkout.folder / ".git" / "hooks" / name, guest)
    checkout.git("config", "uploadpack.packObjectsHook", guest.command)

    assert await guest.fetch(str(checkout.folder)) == {"main": checkout.head()}


async def test_alternates_do_not_lend_a_mirror_what_lies_elsewhere(
    checkout: Checkout, guest: Guest, tmp_path: Path
) -> None:
    secret = Checkout(tmp_path / "secret")
    commit = secret.commit({"secret.txt": "theirs\n"})
    await guest.fetch(str(checkout.folder))
    (guest.mirror / "objects" / "info" / "alternates").write_text(f"{secret.folder}/.git/objects\n")
    await guest.fetch(str(checkout.folder))

    tips = [checkout.head(), commit]
    found = await reach.reachable_from(guest.mirror, commit, tips, env=LOCAL, stall_s=STALL_S)
    assert found is None


@pytest.mark.parametrize(
    "settings",
    [
        'url = ext::sh -c "{command}"\n[protocol "ext"]\n\tallow = always',
        'url = ssh://127.0.0.1/a\n[core]\n\tsshCommand = "{command}"',
        'url = {folder}\n\tuploadpack = "{command} git-upload-pack"',
        "url = {bystander}/a.git",
    ],
)
async def test_a_question_to_a_mirror_that_says_to_be_partial_asks_nobody(
    checkout: Checkout, guest: Guest, bystander: Bystander, settings: str
) -> None:
    await guest.fetch(str(checkout.folder))
    names = {"command": guest.command, "folder": checkout.folder, "bystander": bystander.url}
    with (guest.mirror / "config").open("a") as file:
        file.write('[remote "origin"]\n\tpromisor = true\n\t' + settings.format(**names))
        file.write("\n[extensions]\n\tpartialClone = origin\n[core]\n\trepositoryFormatVersion=1\n")

    ended = await proc.run(
        argv.cat_file(guest.mirror), env=LOCAL, stall_s=STALL_S, stdin=b"1" * 40 + b"\n",
        capture=True,
    )  # fmt: skip

    assert b"missing" in ended.stdout or ended.code
    assert bystander.asked == []


async def test_submodules_are_not_fetched(
    checkout: Checkout, guest: Guest, bystander: Bystander
) -> None:
    url = f"{bystander.url}/sub.git"
    checkout.git("update-index", "--add", "--cacheinfo", f"160000,{checkout.head()},sub")
    modules = f'[submodule "sub"]\n\tpath = sub\n\turl = {url}\n\tfetchRecurseSubmodules = true\n'
    (checkout.folder / ".gitmodules").write_text(modules)
    checkout.git("add", ".gitmodules")
    checkout.git("commit", "-q", "-m", "a submodule")
    head = checkout.head()

    assert await guest.fetch(str(checkout.folder)) == {"main": head}
    assert bystander.asked == []


class Bundling(Remote):
    """Says that what it has can be had as a bundle elsewhere; see gitprotocol-v2(5)."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.sent: list[bytes] = []

    async def _truth(self, request: web.Request) -> tuple[int, dict[str, str], bytes]:
        self.sent.append(await request.read())
        status, headers, body = await super()._truth(request)
        if "info/refs" in request.path:
            body = body.removesuffix(b"0000") + b"000fbundle-uri\n0000"
        return status, headers, body


async def test_bundles_elsewhere_are_not_asked_for(checkout: Checkout, guest: Guest) -> None:
    async with Bundling(checkout.folder) as remote:
        assert await guest.fetch(remote.url) == {"main": checkout.head()}

    assert not any(b"command=bundle-uri" in body for body in remote.sent)


async def test_a_remote_without_gits_protocol_leads_to_no_other_host(
    checkout: Checkout, guest: Guest, bystander: Bystander
) -> None:
    """A plain folder of files names alternates on other hosts; see gitrepository-layout(5)."""
    served = checkout.folder / ".git"
    git(checkout.folder, "update-server-info")
    (served / "objects" / "info" / "http-alternates").write_text(f"{bystander.url}/objects\n")
    head = checkout.head()
    (served / "objects" / head[:2] / head[2:]).unlink()
    app = web.Application()
    app.router.add_static("/", served)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        with pytest.raises(FaultError) as caught:
            await guest.fetch(f"http://127.0.0.1:{runner.addresses[0][1]}/", "main")
    finally:
        await runner.cleanup()

    assert "Unable to find" in caught.value.detail  # it came as far as that
    assert bystander.asked == []


async def test_a_repository_around_the_daemon_has_no_say(
    checkout: Checkout, guest: Guest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    around = Checkout(tmp_path / "around")
    around.git("config", "url.ext::false .insteadOf", str(checkout.folder))
    around.git("config", "core.sshCommand", guest.command)
    _hook(around.folder / ".git" / "hooks" / "reference-transaction", guest)
    monkeypatch.chdir(around.folder)

    assert await guest.fetch(str(checkout.folder)) == {"main": checkout.head()}


def test_every_call_names_its_repository() -> None:
    mirror, oid = Path("/m.git"), "a" * 40
    made = [
        argv.cat_file(mirror), argv.ls_tree(mirror, oid), argv.diff_tree(mirror, oid, oid),
        argv.rev_parse(mirror, "x"), argv.rev_list_count(mirror, [oid], []),
        argv.init_mirror(mirror), argv.is_bare(mirror), argv.ls_remote("https://h/r"),
        argv.fetch(mirror, "https://h/r", ["x"]), argv.seed(mirror, Path("/c")),
        argv.refs(mirror), argv.update_refs(mirror), argv.is_ancestor(mirror, oid, oid),
        argv.repack(mirror),
    ]  # fmt: skip
    for command in made:
        assert command[1] in {"--git-dir=/m.git", "--git-dir=/dev/null"}
        assert "core.hooksPath=/dev/null" in command
        assert "safe.bareRepository=explicit" in command


def _hook(path: Path, guest: Guest) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{guest.command}\n")
    path.chmod(0o755)
