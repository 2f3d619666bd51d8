from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import random
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from remote import Lie, Remote
from sandbox import Checkout, git

from cidxd.errors import FaultError
from cidxd.git import belongings, guard
from cidxd.model.report import RECEIVING, PhaseProgressed, Report, Usage
from cidxd.work import fetch, mirrors
from cidxd.work.fetch import Fetched

GUEST = guard.network_env(os.environ, allow_local=True)
LOCAL = guard.local_env(os.environ)
STALL_S = 20.0


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "checkout")
    made.commit({"a.txt": "one\n"})
    return made


@pytest.fixture
def lock_fd(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield descriptor
    os.close(descriptor)


class Desk:
    """One mirror and what was reported about its fetches."""

    def __init__(self, mirror: Path, lock_fd: int) -> None:
        self.mirror = mirror
        self.lock_fd = lock_fd
        self.reports: list[Report] = []
        self.has_begun = asyncio.Event()

    def report(self, report: Report) -> None:
        self.reports.append(report)
        if isinstance(report, PhaseProgressed) and report.step == "receiving objects":
            self.has_begun.set()

    async def ready(self) -> bool:
        """See to it that there is a mirror; return whether it is a new one."""
        made = await fetch.ensure_mirror(
            self.mirror, env=LOCAL, stall_s=STALL_S, lock_fd=self.lock_fd
        )
        if made != self.mirror:
            mirrors.replace(self.mirror)
        return made != self.mirror

    async def fetch(
        self,
        remote: str | Path,
        *branches: str,
        kept: tuple[str, ...] = (),
        env: Mapping[str, str] = GUEST,
    ) -> Fetched:
        await self.ready()
        return await fetch.fetch(
            self.mirror,
            str(remote),
            branches,
            kept=kept,
            env=env,
            report=self.report,
            lock_fd=self.lock_fd,
            stall_s=STALL_S,
        )

    async def seed(self, checkout: str) -> None:
        await fetch.seed(self.mirror, checkout, env=GUEST, stall_s=STALL_S, lock_fd=self.lock_fd)

    def refs(self) -> dict[str, str]:
        lines = git(self.mirror, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split() for line in lines)


@pytest.fixture
def desk(tmp_path: Path, lock_fd: int) -> Desk:
    return Desk(tmp_path / "mirror.git", lock_fd)


async def _tips(remote: str | Path) -> fetch.Tips:
    return await fetch.ls_remote(str(remote), env=GUEST, stall_s=STALL_S)


def _noise(files: int) -> dict[str | bytes, bytes | str | None]:
    dice = random.Random(7)  # noqa: S311 - what does not compress, the same each time
    return {f"noise/{number}": dice.randbytes(20_000) for number in range(files)}


async def test_remote_tells_its_branches_and_its_default(checkout: Checkout) -> None:
    checkout.git("branch", "feature/x")
    async with Remote(checkout.folder) as remote:
        tips = await _tips(remote.url)

    head = checkout.head()
    assert (tips.default, tips.branches) == ("main", {"main": head, "feature/x": head})
    assert tips.usage.cpu_seconds > 0


async def test_renamed_default_branch_is_followed(checkout: Checkout) -> None:
    checkout.git("branch", "-m", "main", "trunk")

    assert (await _tips(checkout.folder)).default == "trunk"


async def test_detached_head_means_a_branch_of_the_same_commit(checkout: Checkout) -> None:
    checkout.git("checkout", "-q", "--detach")

    assert (await _tips(checkout.folder)).default == "main"


async def test_detached_head_off_every_branch_is_no_default(checkout: Checkout) -> None:
    checkout.git("checkout", "-q", "--detach")
    checkout.commit({"b.txt": "loose\n"})

    assert (await _tips(checkout.folder)).default is None


async def test_remote_without_commits_has_no_branches(tmp_path: Path) -> None:
    tips = await _tips(Checkout(tmp_path / "empty").folder)

    assert (tips.default, tips.branches) == (None, {})


@pytest.mark.parametrize(
    ("lie", "code", "is_transient"),
    [
        (Lie(status=401, headers={"WWW-Authenticate": "Basic"}), "auth-required", False),
        (Lie(status=403), "access-forbidden", False),
        (Lie(status=404), "remote-not-found", False),
        (Lie(status=429, headers={"Retry-After": "7"}), "remote-rate-limited", True),
        (Lie(status=500), "remote-unavailable", True),
        (Lie(status=503, headers={"Retry-After": "7"}), "remote-unavailable", True),
        (Lie(drop_after=10), "remote-interrupted", True),
    ],
)
async def test_a_lying_remote_is_a_fault_with_its_name(
    checkout: Checkout, lie: Lie, code: str, *, is_transient: bool
) -> None:
    async with Remote(checkout.folder) as remote:
        remote.lie = lie
        with pytest.raises(FaultError) as caught:
            await _tips(remote.url)

    assert (caught.value.code, caught.value.transient) == (code, is_transient)
    assert caught.value.retry_after_s == (7.0 if "Retry-After" in lie.headers else None)


async def test_a_redirect_is_not_followed_but_named(checkout: Checkout) -> None:
    async with Remote(checkout.folder) as remote, Remote(checkout.folder) as other:
        target = f"{other.url}/info/refs?service=git-upload-pack"
        remote.lie = Lie(status=302, headers={"Location": target})
        with pytest.raises(FaultError) as caught:
            await _tips(remote.url)

    assert caught.value.code == "remote-redirected"
    assert caught.value.hint == f"register {other.url}"
    assert not other.requests


async def test_a_remote_that_never_answers_is_given_up(checkout: Checkout) -> None:
    async with Remote(checkout.folder) as remote:
        remote.lie = Lie(hang=True)
        with pytest.raises(FaultError) as caught:
            await fetch.ls_remote(remote.url, env=GUEST, stall_s=0.5)

    assert caught.value.code == "stalled"


async def test_nobody_listening_is_unreachable() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(FaultError) as caught:
            await _tips(f"http://127.0.0.1:{held.getsockname()[1]}/r.git")

    assert caught.value.code == "remote-unreachable"


@pytest.mark.parametrize("remote", ["ext::touch x", "--upload-pack=touch x;", "git://127.0.0.1/r"])
async def test_addresses_that_could_run_something_are_refused(remote: str) -> None:
    with pytest.raises(FaultError) as caught:
        await _tips(remote)

    assert caught.value.code == "protocol-refused"


async def test_a_server_refuses_local_paths_unless_they_are_allowed(checkout: Checkout) -> None:
    strict = guard.network_env(os.environ, allow_local=False)
    with pytest.raises(FaultError) as caught:
        await fetch.ls_remote(str(checkout.folder), env=strict, stall_s=STALL_S)

    assert caught.value.code == "protocol-refused"


async def test_missing_local_path_is_permanent(tmp_path: Path) -> None:
    with pytest.raises(FaultError) as caught:
        await _tips(tmp_path / "gone")

    assert (caught.value.code, caught.value.transient) == ("remote-not-found", False)


async def test_no_prompt_freezes_the_daemon(checkout: Checkout, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    prompt = tmp_path / "prompt"
    prompt.write_text(f"#!/bin/sh\ntouch {asked}\n")
    prompt.chmod(0o755)
    prompts = dict.fromkeys(("GIT_ASKPASS", "SSH_ASKPASS"), str(prompt))
    env = guard.user_env({**os.environ, "HOME": str(tmp_path), "DISPLAY": ":0", **prompts})
    async with Remote(checkout.folder, user="ada", password="pw") as remote:
        with pytest.raises(FaultError) as caught:
            await fetch.ls_remote(remote.url, env=env, stall_s=STALL_S)

    assert caught.value.code == "auth-required"
    assert not asked.exists()


async def test_an_ssh_password_prompt_finds_no_terminal_and_no_window(tmp_path: Path) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text(
        "#!/bin/sh\n"
        '(: < /dev/tty) 2> /dev/null && echo "a terminal" >&2\n'
        'echo "askpass $SSH_ASKPASS_REQUIRE" >&2\n'
        'echo "git@example.org: Permission denied (publickey,password)." >&2\n'
        "exit 255\n"
    )
    ssh.chmod(0o755)
    (tmp_path / ".gitconfig").write_text(f"[core]\nsshCommand = {ssh}\n[ssh]\nvariant = ssh\n")
    env = guard.user_env({"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DISPLAY": ":0"})
    with pytest.raises(FaultError) as caught:
        await fetch.ls_remote("git@example.org:a/b.git", env=env, stall_s=STALL_S)
    assert (caught.value.code, caught.value.transient) == ("auth-failed", False)
    assert "a terminal" not in caught.value.detail


async def test_the_users_credential_helper_logs_in(checkout: Checkout, tmp_path: Path) -> None:
    helper = "!f() { echo username=ada; echo password=pw; }; f"
    git(tmp_path, "config", "--file", str(tmp_path / ".gitconfig"), "credential.helper", helper)
    env = guard.user_env({**os.environ, "HOME": str(tmp_path)})
    async with Remote(checkout.folder, user="ada", password="pw") as remote:
        tips = await fetch.ls_remote(remote.url, env=env, stall_s=STALL_S)

    assert tips.default == "main"


async def test_credentials_the_remote_refuses_are_named(checkout: Checkout, tmp_path: Path) -> None:
    helper = "!f() { echo username=ada; echo password=old; }; f"
    git(tmp_path, "config", "--file", str(tmp_path / ".gitconfig"), "credential.helper", helper)
    env = guard.user_env({**os.environ, "HOME": str(tmp_path)})
    async with Remote(checkout.folder, user="ada", password="pw") as remote:
        with pytest.raises(FaultError) as caught:
            await fetch.ls_remote(remote.url, env=env, stall_s=STALL_S)

    assert caught.value.code == "auth-failed"


async def test_fetch_brings_the_branches_asked_for_and_tells_how_much(
    checkout: Checkout, desk: Desk
) -> None:
    checkout.commit(_noise(20))
    checkout.git("branch", "other")
    checkout.git("tag", "v1")
    async with Remote(checkout.folder) as remote:
        received = await desk.fetch(remote.url, "main")

    assert received.commits == {"main": checkout.head()}
    assert desk.refs() == {"refs/heads/main": checkout.head()}
    assert received.counters["objects_received"] == 26  # two commits, three trees, 21 files
    assert received.bytes_received > 20 * 20_000
    assert received.usage.cpu_seconds > 0


async def test_percentage_of_a_fetch_never_goes_back(checkout: Checkout, desk: Desk) -> None:
    checkout.commit(_noise(120))
    async with Remote(checkout.folder) as remote:
        received = await desk.fetch(remote.url, "main")

    reports = [report for report in desk.reports if isinstance(report, PhaseProgressed)]
    moved = [report.done for report in reports if report.step == RECEIVING]
    assert moved == sorted(moved)
    assert moved[-1] == received.objects_received
    assert received.bytes_received > 120 * 20_000


async def test_nothing_to_fetch_asks_nobody(desk: Desk) -> None:
    assert await desk.fetch("/nowhere") == Fetched(0, 0, {}, Usage())


async def test_force_push_moves_the_mirror(checkout: Checkout, desk: Desk) -> None:
    checkout.commit({"b.txt": "two\n"})
    await desk.fetch(checkout.folder, "main")
    checkout.git("reset", "-q", "--hard", "HEAD~1")
    rewritten = checkout.commit({"b.txt": "other\n"})

    received = await desk.fetch(checkout.folder, "main")

    assert received.commits == {"main": rewritten}


async def test_branches_neither_fetched_nor_kept_leave_the_mirror(
    checkout: Checkout, desk: Desk
) -> None:
    for name in ("kept", "dropped"):
        checkout.git("branch", name)
    await desk.fetch(checkout.folder, "main", "kept", "dropped")

    await desk.fetch(checkout.folder, "main", kept=("kept",))

    assert desk.refs().keys() == {"refs/heads/main", "refs/heads/kept"}


async def test_a_branch_may_take_the_place_of_a_folder(checkout: Checkout, desk: Desk) -> None:
    checkout.git("branch", "topic")
    await desk.fetch(checkout.folder, "main", "topic")
    checkout.git("branch", "-m", "topic", "topic/one")

    received = await desk.fetch(checkout.folder, "main", "topic/one")

    assert received.commits.keys() == {"main", "topic/one"}


async def test_a_branch_that_went_away_meanwhile_is_a_fault(checkout: Checkout, desk: Desk) -> None:
    with pytest.raises(FaultError) as caught:
        await desk.fetch(checkout.folder, "main", "gone")

    assert caught.value.code == "branch-not-found"
    assert "refs/heads/gone" in caught.value.detail


async def test_what_an_ended_git_left_is_swept(checkout: Checkout, desk: Desk) -> None:
    await desk.fetch(checkout.folder, "main")
    left = ["shallow.lock", "packed-refs.lock", "refs/heads/main.lock", "objects/pack/tmp_pack_x"]
    for name in left:
        (desk.mirror / name).parent.mkdir(parents=True, exist_ok=True)
        (desk.mirror / name).write_text("")
    newest = checkout.commit({"b.txt": "two\n"})

    received = await desk.fetch(checkout.folder, "main")

    assert received.commits == {"main": newest}
    assert not any((desk.mirror / name).exists() for name in left)


async def test_many_small_fetches_do_not_leave_many_packs(checkout: Checkout, desk: Desk) -> None:
    for number in range(23):
        checkout.commit({"b.txt": f"{number}\n"})
        await desk.fetch(checkout.folder, "main")

    assert len(list(desk.mirror.glob("objects/pack/*.pack"))) < 10
    assert git(desk.mirror, "fsck", "--full") == ""


async def test_a_seeded_mirror_fetches_little(checkout: Checkout, desk: Desk) -> None:
    checkout.commit(_noise(30))
    await desk.ready()
    await desk.seed(str(checkout.folder))
    assert "refs/seed/heads/main" in desk.refs()
    newest = checkout.commit({"b.txt": "two\n"})

    async with Remote(checkout.folder) as remote:
        received = await desk.fetch(remote.url, "main")

    assert received.objects_received == 3
    assert desk.refs() == {"refs/heads/main": newest}


@pytest.mark.parametrize("seed", ["/nowhere", "", "--upload-pack=touch x;"])
async def test_a_seed_that_fails_is_left_to_the_fetch(
    checkout: Checkout, desk: Desk, seed: str
) -> None:
    await desk.ready()
    await desk.seed(seed)

    assert (await desk.fetch(checkout.folder, "main")).commits == {"main": checkout.head()}


async def test_cancelled_fetch_leaves_no_process_and_the_next_one_goes_on(
    checkout: Checkout, desk: Desk, tmp_path: Path
) -> None:
    checkout.commit(_noise(100))
    async with Remote(checkout.folder) as remote:
        remote.lie = Lie(bytes_per_s=50_000, only_service="git-upload-pack")
        running = asyncio.create_task(desk.fetch(remote.url, "main"))
        async with asyncio.timeout(STALL_S):
            await desk.has_begun.wait()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        assert running.cancelled()

        # git and its helpers inherit the lock: that it is free says that all are gone.
        fcntl.flock(desk.lock_fd, fcntl.LOCK_UN)
        with (tmp_path / "lock").open() as again:
            fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remote.lie = None
        assert (await desk.fetch(remote.url, "main")).commits == {"main": checkout.head()}
    assert not list(desk.mirror.glob("objects/pack/tmp_*"))


async def test_connection_cut_in_the_middle_is_transient(checkout: Checkout, desk: Desk) -> None:
    checkout.commit(_noise(20))
    async with Remote(checkout.folder) as remote:
        remote.lie = Lie(drop_after=50_000, only_service="git-upload-pack")
        with pytest.raises(FaultError) as caught:
            await desk.fetch(remote.url, "main")
    assert (caught.value.code, caught.value.transient) == ("remote-interrupted", True)


async def test_an_outage_leaves_the_mirror_alone(checkout: Checkout, desk: Desk) -> None:
    async with Remote(checkout.folder) as remote:
        await desk.fetch(remote.url, "main")
        before = desk.mirror.stat().st_ino
        for lie in (Lie(status=503), Lie(status=404), Lie(drop_after=3)):
            remote.lie = lie
            with pytest.raises(FaultError):
                await desk.fetch(remote.url, "main")

    assert desk.mirror.stat().st_ino == before
    assert desk.refs() == {"refs/heads/main": checkout.head()}


async def test_a_damaged_mirror_is_told_from_a_bad_remote(checkout: Checkout, desk: Desk) -> None:
    await desk.fetch(checkout.folder, "main")
    (desk.mirror / "refs/heads/other").write_text("b" * 40 + "\n")
    checkout.commit({"b.txt": "two\n"})

    with pytest.raises(FaultError) as caught:
        await desk.fetch(checkout.folder, "main", kept=("other",))

    assert caught.value.code == "mirror-damaged"


async def test_a_mirror_without_its_objects_is_fetched_again(
    checkout: Checkout, desk: Desk
) -> None:
    await desk.fetch(checkout.folder, "main")
    for pack in desk.mirror.glob("objects/pack/*"):
        pack.unlink()

    await desk.fetch(checkout.folder, "main")

    assert git(desk.mirror, "fsck", "--full") == ""


async def test_mirror_is_made_once(desk: Desk) -> None:
    assert await desk.ready()
    assert not await desk.ready()
    assert [path.name for path in desk.mirror.parent.glob("mirror*")] == ["mirror.git"]


@pytest.mark.parametrize("missing", ["HEAD", "objects", "refs"])
async def test_a_broken_mirror_is_made_anew(checkout: Checkout, desk: Desk, missing: str) -> None:
    await desk.fetch(checkout.folder, "main")
    (desk.mirror / missing).rename(desk.mirror / "elsewhere")
    (desk.mirror.parent / "mirror.git.new").mkdir()

    assert await desk.ready()
    assert desk.refs() == {}
    assert [path.name for path in desk.mirror.parent.glob("mirror*")] == ["mirror.git"]


async def test_a_git_that_fails_does_not_cost_the_mirror(
    checkout: Checkout, desk: Desk, tmp_path: Path
) -> None:
    await desk.fetch(checkout.folder, "main")
    (tmp_path / "bin").mkdir()
    broken = tmp_path / "bin" / "git"
    broken.write_text("#!/bin/sh\nkill -9 $$\n")
    broken.chmod(0o755)
    env = {**LOCAL, "PATH": str(broken.parent)}
    with pytest.raises(FaultError) as caught:
        await fetch.ensure_mirror(desk.mirror, env=env, stall_s=STALL_S, lock_fd=desk.lock_fd)
    assert caught.value.transient
    assert git(desk.mirror, "rev-parse", "main") == checkout.head()


async def test_a_mirror_whose_own_files_are_nonsense_is_made_anew(
    checkout: Checkout, desk: Desk
) -> None:
    await desk.ready()
    (desk.mirror / "HEAD").write_text("[nonsense\n")
    assert await desk.ready()
    assert (await desk.fetch(checkout.folder, "main")).commits == {"main": checkout.head()}


@pytest.mark.parametrize("damage", ["[nonsense\n", "", None])
async def test_a_mirror_whose_settings_are_nonsense_is_given_its_own_and_kept(
    checkout: Checkout, desk: Desk, damage: str | None
) -> None:
    await desk.fetch(checkout.folder, "main")
    config = desk.mirror / "config"
    if damage is None:
        config.unlink()
    else:
        config.write_text(damage)
    assert not await desk.ready()
    assert git(desk.mirror, "rev-parse", "main") == checkout.head()


async def test_a_new_mirror_has_the_settings_that_every_mirror_is_held_to(desk: Desk) -> None:
    await desk.ready()
    assert (desk.mirror / "config").read_bytes() == belongings.CONFIG


async def test_a_damaged_mirror_is_read_until_another_one_is_whole(
    checkout: Checkout, desk: Desk
) -> None:
    await desk.fetch(checkout.folder, "main")
    mirrors.condemn(desk.mirror)
    made = await fetch.ensure_mirror(desk.mirror, env=LOCAL, stall_s=STALL_S, lock_fd=desk.lock_fd)
    assert made != desk.mirror
    assert git(desk.mirror, "rev-parse", "main") == checkout.head()


async def test_a_damage_that_a_fetch_can_do_without_is_told_of(
    checkout: Checkout, desk: Desk
) -> None:
    await desk.fetch(checkout.folder, "main")
    checkout.commit({"b.txt": "two\n"})
    [pack] = desk.mirror.glob("objects/pack/*.pack")
    pack.chmod(0o644)
    os.truncate(pack, pack.stat().st_size // 2)
    assert (await desk.fetch(checkout.folder, "main")).has_seen_damage


async def test_a_fetch_of_a_sound_mirror_tells_of_no_damage(checkout: Checkout, desk: Desk) -> None:
    assert not (await desk.fetch(checkout.folder, "main")).has_seen_damage


async def test_a_shallow_remote_is_fetched_from(
    checkout: Checkout, desk: Desk, tmp_path: Path
) -> None:
    checkout.commit({"b.txt": "two\n"})
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{checkout.folder}", "shallow")
    fetched = await desk.fetch(tmp_path / "shallow", "main")
    assert fetched.commits == {"main": checkout.head()}
