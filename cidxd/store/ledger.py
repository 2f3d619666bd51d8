"""
The ledger: registry and store as one thing.

Only the ledger changes a job, a repository, a user or a session, each by a pure
decision from `cidxd.model` that the writer runs; what is seen is committed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

from cidxd.model import (
    accounts,
    audit,
    catalogue,
    course,
    entrusting,
    hooks,
    intake,
    personal,
    polling,
    queue,
    removal,
    retention,
    schedule,
)
from cidxd.model.account import Principal, Role, Session, User
from cidxd.model.course import Result
from cidxd.model.credential import Credential, Entrusted, Seal
from cidxd.model.facts import Pause, Removal
from cidxd.model.intake import Cancelled, Submitted, SyncRequest
from cidxd.model.job import BranchMove, Job, JobError
from cidxd.model.pipeline import Defer, GiveUp
from cidxd.model.queue import Limits
from cidxd.model.registry import State
from cidxd.model.report import Report
from cidxd.model.repository import Repository
from cidxd.store import asker
from cidxd.store.writer import Ended, Measure, Writer

P = ParamSpec("P")
T = TypeVar("T")


class Ledger:
    """
    Every change there is, each durable before it is seen or answered.

    All methods raise StoreError while the database refuses, and what their decision
    raises; then nothing was changed.

    Attributes:
        state: The committed state; read it, never change it.
        limits: How many jobs may run and wait; replaced when the configuration is reloaded.
        polling: How repositories are looked at without anybody asking; likewise.
    """

    def __init__(
        self, writer: Writer, state: State, limits: Limits, clock: Callable[[], float]
    ) -> None:
        self._writer = writer
        self._clock = clock
        self.state = state
        self.limits = limits
        self.polling = polling.Terms(default=schedule.OFF)

    @property
    def fault(self) -> str | None:
        """What the database said when it last refused, None once it took a write again."""
        return self._writer.fault

    async def probe(self) -> None:
        """Come to know whether the database works again; returns once the writer answered."""
        await self._writer.probe()

    def measured_by(self, measure: Measure) -> None:
        """Tell *measure* of each transaction from now on."""
        self._writer.measure = measure

    def tell_ended_sessions(self, hear: Ended) -> None:
        """Tell *hear* which logins have ended, from now on."""
        self._writer.sessions_ended = hear

    async def submit(self, request: SyncRequest) -> Submitted:
        """Enqueue or join a job; see `intake.submit`."""
        return await self.decide(intake.submit, request, self.limits, now=self._clock())

    async def cancel(
        self, job_id: str, who: Principal, *, reason: str, force: bool = False
    ) -> Cancelled | None:
        """Cancel or withdraw; see `intake.cancel`."""
        return await self.decide(
            intake.cancel, job_id, who, reason=reason, force=force, now=self._clock()
        )

    async def retry(self, old: Job, request: SyncRequest) -> Submitted:
        """Ask for an ended job again; see `intake.retry`."""
        return await self.decide(intake.retry, old, request, self.limits, now=self._clock())

    async def claim_due(self) -> list[Job]:
        """Claim every job whose turn it is."""
        return await self.decide(course.claim_due, self.limits, now=self._clock())

    async def pause(self, who: Principal, *, reason: str) -> Pause:
        """Claim no job until `resume`; see `queue.pause`."""
        return await self.decide(queue.pause, reason=reason, user=who.name, now=self._clock())

    async def resume(self) -> Pause | None:
        """Claim jobs again; see `queue.resume`."""
        return await self.decide(queue.resume)

    async def report(self, job_id: str, news: Report) -> Job:
        """Take in what a phase reports."""
        return await self.decide(course.report, job_id, news, now=self._clock())

    async def permit(
        self, job_id: str, *, summary: Mapping[str, Any], commits: Sequence[BranchMove]
    ) -> Job:
        """Allow the job to publish; see `course.permit`."""
        return await self.decide(
            course.permit, job_id, summary=summary, commits=commits, now=self._clock()
        )

    async def complete(self, job_id: str, result: Result) -> Job:
        """Record success."""
        return await self.decide(course.complete, job_id, result, now=self._clock())

    async def end_attempt(
        self,
        job_id: str,
        error: JobError,
        following: Defer | GiveUp,
        *,
        jitter: float = 0.5,
        retry_after_s: float | None = None,
    ) -> Job:
        """Record a fault and what follows it; see `course.end_attempt`."""
        return await self.decide(
            course.end_attempt,
            job_id,
            error,
            following,
            self.limits,
            now=self._clock(),
            jitter=jitter,
            retry_after_s=retry_after_s,
        )

    async def cancelled(self, job_id: str) -> Job:
        """Record that a job asked to be cancelled has stopped."""
        return await self.decide(course.cancelled, job_id, now=self._clock())

    async def interrupted(self, job_id: str) -> Job:
        """Put a running job back; its attempt is given back."""
        return await self.decide(course.interrupted, job_id, now=self._clock())

    async def forget_keys(self, keys: Sequence[tuple[str, str]]) -> None:
        """Forget idempotency keys; see `intake.forget_keys`."""
        await self.decide(intake.forget_keys, keys)

    async def prune(self, job_ids: Sequence[str]) -> list[str]:
        """Forget ended jobs and their events; see `retention.prune`."""
        return await self.decide(retention.prune, job_ids)

    async def register(
        self, wanted: catalogue.Registration, seal: Seal | None = None
    ) -> Repository:
        """Add a repository; see `entrusting.register`."""
        return await self.decide(entrusting.register, wanted, seal, now=self._clock())

    async def change_repository(
        self,
        repository_id: int,
        change: catalogue.RepositoryChange,
        given: Entrusted | None,
        who: Principal,
    ) -> Repository:
        """Change a repository's settings; see `entrusting.change`."""
        return await self.decide(entrusting.change, repository_id, change, given, who)

    async def reseal(self, kept: Credential, key_id: str, sealed: bytes) -> None:
        """Have a credential be sealed with another key; see `entrusting.reseal`."""
        await self.decide(entrusting.reseal, kept, key_id, sealed)

    async def moved(self, row: Repository, address: str) -> None:
        """Note where a remote's host redirects to; see `catalogue.moved`."""
        await self.decide(catalogue.moved, row.repository_id, row.remote, address)

    async def remove(self, repository_id: int, user: str) -> Removal:
        """Remove a repository, and cancel its jobs; see `removal.remove`."""
        return await self.decide(removal.remove, repository_id, user, now=self._clock())

    async def stop_removed(self, repository_id: int, *, force: bool) -> None:
        """Cancel what is active for a removed repository; see `removal.stop_jobs`."""
        await self.decide(removal.stop_jobs, repository_id, force=force, now=self._clock())

    async def removal_done(self, repository_id: int) -> None:
        """Note that a removed repository's files are gone."""
        await self.decide(removal.done, repository_id)

    async def set_hook(self, repository_id: int, seal: Seal | None) -> bool:
        """Let a repository have this webhook, or none; see `hooks.choose`."""
        return await self.decide(hooks.choose, repository_id, seal)

    async def deliver(self, pushed: hooks.Pushed) -> hooks.Answered:
        """Let a push make a job; see `hooks.deliver`."""
        return await self.decide(hooks.deliver, pushed, self.limits, now=self._clock())

    async def poll(self, ids: Sequence[str]) -> list[Job]:
        """Enqueue the syncs that are due, under these job ids; see `polling.poll`."""
        return await self.decide(polling.poll, self.polling, self.limits, ids, now=self._clock())

    async def add_user(self, user: User) -> User:
        """Add a user; see `accounts.add`."""
        return await self.decide(accounts.add, user)

    async def change_user(
        self,
        name: str,
        *,
        password_hash: str | None = None,
        is_disabled: bool | None = None,
        role: Role | None = None,
        needs_admin: bool = False,
    ) -> User:
        """Change a user and end their sessions; see `accounts.change`."""
        return await self.decide(
            accounts.change,
            name,
            password_hash=password_hash,
            is_disabled=is_disabled,
            role=role,
            needs_admin=needs_admin,
        )

    async def set_password(self, who: Principal, password_hash: str) -> None:
        """Set one's own password; see `accounts.set_password`."""
        await self.decide(accounts.set_password, who, password_hash)

    async def open_session(self, session: Session, proof: str | None = None) -> Session:
        """Record a login; see `accounts.open_session`."""
        return await self.decide(accounts.open_session, session, proof=proof)

    async def extend_session(self, session_id: str, expires_at: float) -> None:
        """Let a login live on; harmless if it ended before."""
        await self.decide(accounts.extend_session, session_id, expires_at)

    async def rotate(
        self, session_id: str, used: str, following: str, *, days: int
    ) -> Session | None:
        """Swap a session's refresh token; see `accounts.rotate`."""
        return await self.decide(
            accounts.rotate, session_id, used, following, days=days, now=self._clock()
        )

    async def note(self, action: str, target: str = "", **detail: object) -> None:
        """Add to the audit log something that changes nothing else here."""

        def on(state: State) -> None:
            state.notes.append(audit.entry(state.by, action, target, detail))

        await self._writer.decide(self._asked(on))

    async def end_session(self, session_id: str) -> None:
        """End a login; harmless if it ended before."""
        await self.decide(accounts.end_session, session_id)

    async def note_use(self, token_hash: str) -> None:
        """Keep that a personal token was used now."""
        await self.decide(personal.note_use, token_hash, self._clock())

    async def decide(
        self,
        decision: Callable[Concatenate[State, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Carry out a decision of `cidxd.model`, on behalf of who asks for it here and now."""

        def on(state: State) -> T:
            return decision(state, *args, **kwargs)

        return await self._writer.decide(self._asked(on))

    def _asked(self, decision: Callable[[State], T]) -> Callable[[State], T]:
        """Return *decision* on behalf of who asks for it here and now."""
        by = dataclasses.replace(asker.current(), at=self._clock())

        def on(state: State) -> T:
            state.by = by
            accounts.check_present(state, by)
            return decision(state)

        return on
