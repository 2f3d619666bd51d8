"""
Everything asked of a remote and of a mirror, by way of the git binary.

The caller holds the repository's lock, so nobody else writes in the mirror: what an
ended git left behind is swept away without asking how old it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from cidxd.errors import FaultError
from cidxd.git import argv, fault, handing, refs
from cidxd.git.hearing import Hearing
from cidxd.git.progress import FetchProgress
from cidxd.model.report import PhaseProgressed, Report, Usage
from cidxd.work import leftovers, mirrors, proc, tidiness
from cidxd.work.child import Exit

Say = Callable[[str], None]

_PACKS_LIMIT: Final = 20  # every fetch adds one, and each slows every look-up


@dataclasses.dataclass(frozen=True, slots=True)
class Tips:
    """
    What a remote has.

    Attributes:
        default: Its default branch, None where HEAD names none of its branches.
        branches: The commit of each branch; empty for a remote without commits.
        usage: What asking took.
    """

    default: str | None
    branches: Mapping[str, str]
    usage: Usage


@dataclasses.dataclass(frozen=True, slots=True)
class Fetched:
    """
    What came, and the commit that the mirror now has for each branch asked for.

    Attributes:
        has_seen_damage: git told of a damage of the mirror, though it could do without.
    """

    objects_received: int
    bytes_received: int
    commits: Mapping[str, str]
    usage: Usage
    has_seen_damage: bool = False

    @property
    def counters(self) -> dict[str, int]:
        """The figures of the fetch phase."""
        return {"objects_received": self.objects_received, "bytes_received": self.bytes_received}


def unheard(_line: str) -> None:
    """Take what git says where nobody keeps it."""


async def ls_remote(
    remote: str,
    *,
    env: Mapping[str, str],
    stall_s: float,
    lock_fd: int | None = None,
    say: Say = unheard,
) -> Tips:
    """
    Ask *remote* for its branches and its default branch; git's own words go to *say*.

    Raises:
        FaultError: It cannot be had, or was silent for *stall_s* seconds.
    """
    try:
        command = argv.ls_remote(remote)
    except ValueError as err:
        raise FaultError("protocol-refused", str(err)) from err
    ended = await _git(command, env=env, stall_s=stall_s, lock_fd=lock_fd, say=say)
    default, branches = refs.remote_tips(ended.stdout)
    return Tips(default, branches, ended.usage)


async def ensure_mirror(
    mirror: Path, *, env: Mapping[str, str], stall_s: float, lock_fd: int, say: Say = unheard
) -> Path:
    """
    See to it that there is a sound bare repository with our settings, and return where it is.

    That is *mirror*; or where there is none, or a damaged one, an empty one beside it that is
    to take its place once it is filled: `mirrors.replace`.

    Raises:
        FaultError: git failed for a reason that says nothing of the mirror.
    """
    await leftovers.in_thread(lambda: tidiness.restore(mirror))
    is_condemned = await asyncio.to_thread(lambda: mirrors.is_condemned(mirror))
    if not is_condemned and await _is_sound(mirror, env=env, stall_s=stall_s):
        return mirror
    draft = leftovers.draft_of(mirror)
    await leftovers.in_thread(lambda: shutil.rmtree(draft, ignore_errors=True))
    await _git(argv.init_mirror(draft), env=env, stall_s=stall_s, lock_fd=lock_fd, say=say)
    return draft


async def seed(
    mirror: Path,
    checkout: str,
    *,
    env: Mapping[str, str],
    stall_s: float,
    lock_fd: int,
    say: Say = unheard,
) -> None:
    """
    Take over what a checkout on this machine has, so that less is to be fetched.

    It is a help and no more: what fails here is left to the fetch.
    """
    with contextlib.suppress(FaultError, ValueError):
        command = argv.seed(mirror, Path(checkout))
        await _git(command, env=env, stall_s=stall_s, lock_fd=lock_fd, say=say)


async def fetch(
    mirror: Path,
    remote: str,
    branches: Sequence[str],
    *,
    kept: Sequence[str],
    env: Mapping[str, str],
    report: Callable[[Report], None],
    lock_fd: int,
    stall_s: float,
    say: Say = unheard,
) -> Fetched:
    """
    Bring *branches* as the remote has them now, a force-push included, and report how it goes.

    Afterwards the mirror has these branches and those in *kept*, and no other.
    Cancelled, the group of git's processes is ended first; `leftovers.clear_mirror` removes what
    they left, and so does the next call.

    Raises:
        FaultError: git failed, or was silent for *stall_s* seconds.
    """
    if not branches:
        return Fetched(0, 0, {}, Usage())
    here = _Mirror(mirror, env, stall_s, lock_fd, say)
    try:
        command = argv.fetch(mirror, remote, branches)
    except ValueError as err:
        raise FaultError("protocol-refused", str(err)) from err
    await leftovers.in_thread(lambda: leftovers.clear_mirror(mirror))
    wanted = [*branches, *kept]
    # A branch `a` that is gone from the remote would keep `a/b` from being written.
    await here.delete(refs.in_the_way(await here.refs(), wanted))
    progress = FetchProgress()
    damage = _Damage(say)
    ended = await _git(
        command,
        env=env,
        stall_s=stall_s,
        lock_fd=lock_fd,
        on_words=lambda words: _pass_on(progress.read(words), report),
        say=damage,
    )
    present = await here.refs()
    await here.delete(refs.unwanted(present, wanted))
    await here.tidy()
    return Fetched(
        progress.objects_received,
        progress.bytes_received,
        refs.commits(present, branches),
        ended.usage,
        has_seen_damage=damage.is_told_of,
    )


@dataclasses.dataclass(frozen=True, slots=True)
class _Mirror:
    """A mirror that nobody else writes."""

    path: Path
    env: Mapping[str, str]
    stall_s: float
    lock_fd: int
    say: Say

    async def refs(self) -> dict[str, str]:
        asked = argv.refs(self.path)
        ended = await _git(asked, env=self.env, stall_s=self.stall_s, say=self.say)
        return refs.local_refs(ended.stdout)

    async def delete(self, names: Sequence[str]) -> None:
        if names:
            await _git(
                argv.update_refs(self.path),
                env=self.env,
                stall_s=self.stall_s,
                stdin=argv.deletions(names),
                lock_fd=self.lock_fd,
                say=self.say,
            )

    async def tidy(self) -> None:
        """Put the smaller packs together once there are many; a failure can wait."""
        packs = await asyncio.to_thread(lambda: list(self.path.glob("objects/pack/*.pack")))
        if len(packs) <= _PACKS_LIMIT:
            return
        command = argv.repack(self.path)
        with contextlib.suppress(FaultError):
            await _git(
                command, env=self.env, stall_s=self.stall_s, lock_fd=self.lock_fd, say=self.say
            )


class _Damage:
    """Passes git's lines on to *say*, and keeps in mind whether one told of a damaged mirror."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self.is_told_of = False

    def __call__(self, line: str) -> None:
        if line.startswith(("error: ", "fatal: ")):
            self.is_told_of |= fault.named(line) == "mirror-damaged"
        self._say(line)


async def _git(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    stall_s: float,
    stdin: bytes = b"",
    lock_fd: int | None = None,
    on_words: Callable[[str], None] | None = None,
    say: Say = unheard,
) -> Exit:
    """Run git to its end and return its output; raise what its stderr tells of if it failed."""
    hidden = handing.secrets_in(env)
    hearing = Hearing(on_words, say, hidden)
    ended = await proc.run(
        command,
        env=env,
        stall_s=stall_s,
        stdin=stdin,
        on_stderr=hearing,
        capture=True,
        pass_fds=() if lock_fd is None else (lock_fd,),
    )
    if ended.code:
        found = fault.classify(hearing.words, ended.code, hearing.answer)
        raise _refused(found, is_secret=bool(hidden)) if handing.is_handed(env) else found
    return ended


def _refused(found: FaultError, *, is_secret: bool) -> FaultError:
    """Return *found* as what it means where a credential was handed over."""
    if found.code == "host-key-unknown":
        again = "cidx repo set NAME --ssh-key FILE --known-hosts FILE"
        hint = f"compare the host's key with its owner's, then: {again}"
        return FaultError(found.code, found.detail, hint=hint)
    if found.code not in {"auth-required", "auth-failed"}:
        return found
    # Refused, git would ask somebody for another one, and tells that it cannot.
    option = "--token-stdin" if is_secret else "--ssh-key FILE"
    hint = f"they expired or were revoked: give new ones, cidx repo set NAME {option}"
    return FaultError("auth-failed", found.detail, hint=hint)


async def _is_sound(mirror: Path, *, env: Mapping[str, str], stall_s: float) -> bool:
    try:
        ended = await _git(argv.is_bare(mirror), env=env, stall_s=stall_s)
    except FaultError as err:
        if err.code != "mirror-damaged":
            raise
        return False
    return ended.stdout.strip() == b"true"


def _pass_on(progressed: PhaseProgressed | None, report: Callable[[Report], None]) -> None:
    if progressed is not None:
        report(progressed)
