"""
The phases of one sync: fetch here, then one build child for the rest.

It asks the remote for its tips and a search child what the index answers with, lets
`model.pipeline` decide, and carries that out.  It records nothing itself: news goes up
through the report and the permit it is handed.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from cidxd.errors import FaultError, UnavailableError
from cidxd.indexer import protocol
from cidxd.model import pipeline
from cidxd.model.course import Result
from cidxd.model.job import BranchMove, Job, Outcome
from cidxd.model.pipeline import Targets
from cidxd.model.report import Phase, PhaseEnded, PhaseStarted
from cidxd.model.repository import Repository
from cidxd.work import asking, build, fetch, indexed, leftovers, lock, mirrors, proc, result
from cidxd.work.allowance import Allowance, Span, granted
from cidxd.work.child import Child
from cidxd.work.folders import DataFolder, RepositoryFolder
from cidxd.work.indexed import Tips
from cidxd.work.outreach import Outreach
from cidxd.work.reporter import Reporter
from cidxd.work.searchers import Searchers
from cidxd.work.upkeep import Upkeep

Permit = Callable[[str, Mapping[str, Any], Sequence[BranchMove]], Awaitable[object]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """
    What the phases work with.

    Attributes:
        build_argv: The build child's command.
        outreach: Makes the environment of git calls that reach the remote.
        child_env: Environment of children that stay on this machine.
        stall_s: A child silent for so long is ended.
        lock_wait_s: How long to wait for a leftover child of an earlier daemon.
    """

    build_argv: Sequence[str]
    outreach: Outreach
    child_env: Mapping[str, str]
    stall_s: float
    lock_wait_s: float
    max_file_bytes: int
    symbols: str

    @property
    def settings(self) -> dict[str, Any]:
        """What an index is made with, as a build is asked for it; another one is made anew."""
        return {"max_file_bytes": self.max_file_bytes, "symbols": self.symbols}


class Phases:
    """Runs the phases of any job; holds what they share."""

    def __init__(
        self,
        tools: Tools,
        data: DataFolder,
        searchers: Searchers,
        upkeep: Upkeep,
        *,
        repository_of: Callable[[int], Repository | None],
        permit: Permit,
        moved: Callable[[Repository, str], Awaitable[object]],
        index_slots: asyncio.Semaphore,
        allowance: Allowance,
    ) -> None:
        self._tools = tools
        self._data = data
        self._searchers = searchers
        self._upkeep = upkeep
        self._repository_of = repository_of
        self._permit = permit
        self._moved = moved
        self._index_slots = index_slots
        self._allowance = allowance

    async def sync(self, job: Job, report: Reporter) -> Result:
        """
        Bring one repository's index in step with its remote.

        Cancelled, it ends its children first, and leaves nothing half done; what was fetched and
        indexed is kept.

        Raises:
            FaultError: A phase failed.
            PermitRefusedError: A cancel came before the publish.
        """
        repository = self._repository_of(job.repository_id)
        if repository is None:
            raise FaultError("internal", "the repository was removed under its job")
        folder = self._data.repository(job.repository_id)
        report(PhaseStarted(Phase.FETCH))
        await self._upkeep.give_way(job.repository_id)
        async with (
            lock.held(folder.lock, self._tools.lock_wait_s) as lock_fd,
            leftovers.removed(folder, lambda index: self._upkeep.sweep(index, lock_fd)),
        ):
            try:
                with granted(self._allowance):
                    return await self._sync_locked(job, report, repository, folder, lock_fd)
            except FaultError as fault:
                if fault.code == "mirror-damaged":
                    await leftovers.in_thread(lambda: mirrors.condemn(folder.mirror))
                raise

    async def _sync_locked(
        self,
        job: Job,
        report: Reporter,
        repository: Repository,
        folder: RepositoryFolder,
        lock_fd: int,
    ) -> Result:
        fetching = Span("limits.fetch_seconds", self._allowance.fetch_s, "git")
        async with fetching.part():
            remote, address = await asking.tips(
                self._tools.outreach,
                repository,
                stall_s=self._tools.stall_s,
                lock_fd=lock_fd,
                say=report.git_said,
            )
        if address != repository.address:
            await self._moved(repository, address)
            repository = dataclasses.replace(repository, resolved=address)
        tips = await self.tips(job.repository_id)
        aim = pipeline.targets(
            remote.default, remote.branches, tips.commits, repository.tracked, job.options
        )
        if not tips.is_damaged and pipeline.is_unchanged(aim, tips.commits, job.options):
            report(PhaseEnded(Phase.FETCH, {}, remote.usage))
            return result.unchanged(aim, files=tips.files)
        tools = self._tools
        async with proc.started(
            tools.build_argv,
            env=tools.child_env,
            stall_s=tools.stall_s,
            on_stderr=report.indexer_said,
            pass_fds=(lock_fd,),
        ) as child:  # it is up and waiting by the time that git is done
            async with fetching.part():
                received = await self._fetch(report, repository, folder, aim, lock_fd)
            report(PhaseEnded(Phase.FETCH, received.counters, remote.usage + received.usage))
            await self._upkeep.make_room()
            async with self._index_slots:
                return await self._build(child, job, report, folder, aim, received)

    async def _fetch(
        self,
        report: Reporter,
        repository: Repository,
        folder: RepositoryFolder,
        aim: Targets,
        lock_fd: int,
    ) -> fetch.Fetched:
        tools = self._tools
        mirror = await fetch.ensure_mirror(
            folder.mirror,
            env=tools.child_env,
            stall_s=tools.stall_s,
            lock_fd=lock_fd,
            say=report.git_said,
        )
        is_new = mirror != folder.mirror
        if is_new and repository.seed is not None:
            await fetch.seed(
                mirror,
                repository.seed,
                env=await tools.outreach.env(repository.seed),
                stall_s=tools.stall_s,
                lock_fd=lock_fd,
                say=report.git_said,
            )
        aim = aim.anew if is_new else aim
        async with tools.outreach.reaching(repository) as env:
            received = await fetch.fetch(
                mirror,
                repository.address,
                list(aim.fetched),
                kept=list(aim.kept),
                env=env,
                report=report,
                lock_fd=lock_fd,
                stall_s=tools.stall_s,
                say=report.git_said,
            )
        await mirrors.settle(folder.mirror, is_new=is_new, is_damaged=received.has_seen_damage)
        return received

    async def _build(  # noqa: PLR0917 - what fetch found out, handed on
        self,
        child: Child,
        job: Job,
        report: Reporter,
        folder: RepositoryFolder,
        aim: Targets,
        received: fetch.Fetched,
    ) -> Result:
        async def permit(built: build.Built) -> None:
            summary, commits = result.found(built, received, aim)
            await report.flushed()  # the permit stands after the phases it rests on
            await self._permit(job.job_id, summary, commits)

        # What was fetched is what is indexed, also if a push came after ls-remote.
        wanted = {**aim.kept, **received.commits}
        built = await build.build(
            child,
            _request(job, folder, wanted, aim.default, self._tools.settings),
            report=report,
            permit=permit,
            span=Span("limits.index_seconds", self._allowance.index_s, "the build child"),
        )
        summary, commits = result.found(built, received, aim)
        return Result(outcome=Outcome.UPDATED, summary=summary, commits=commits)

    async def tips(self, repository_id: int) -> Tips:
        """
        Return what the repository's catalogue says, by way of a search child.

        Raises:
            FaultError: It cannot be read, which says nothing of whether it is sound.
        """
        asked = {"op": "tips", "index": str(self._data.repository(repository_id).index)}
        try:
            status, body = await self._searchers.ask(asked, timeout_s=self._tools.stall_s)
        except UnavailableError as err:
            raise FaultError("index-failed", err.message) from err
        return indexed.read(status, body, self._tools.settings)


def _request(
    job: Job,
    folder: RepositoryFolder,
    wanted: Mapping[str, str],
    default: str | None,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "type": "build",
        "version": protocol.VERSION,
        "job_id": job.job_id,
        "mirror": str(folder.mirror),
        "index": str(folder.index),
        "branches": [
            {"name": name, "commit": commit, "default": name == default}
            for name, commit in wanted.items()
        ],
        "full": job.options.full,
        **settings,
    }
