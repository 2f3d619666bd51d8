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
    intake,
    personal,
    queue,
    retention,
)
from cidxd.model.account import PersonalToken, Principal, Role, Session, User
from cidxd.model.course import Result
from cidxd.model.credential import Credential, Entrusted, Seal
from cidxd.model.facts import Pause
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
    """

    def __init__(
        self, writer: Writer, state: State, limits: Limits, clock: Callable[[], float]
    ) -> None:
        self._writer = writer
        self._clock = clock
        self.state = state
        self.limits = limits

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
        return await self._decide(intake.submit, request, self.limits, now=self._clock())

    async def cancel(
        self, job_id: str, who: Principal, *, reason: str, force: bool = False
    ) -> Cancelled | None:
        """Cancel or withdraw; see `intake.cancel`."""
        return await self._decide(
            intake.cancel, job_id, who, reason=reason, force=force, now=self._clock()
        )

    async def retry(self, old: Job, request: SyncRequest) -> Submitted:
        """Ask for an ended job again; see `intake.retry`."""
        return await self._decide(intake.retry, old, request, self.limits, now=self._clock())

    async def claim_due(self) -> list[Job]:
        """Claim every job whose turn it is."""
        return await self._decide(course.claim_due, self.limits, now=self._clock())

    async def pause(self, who: Principal, *, reason: str) -> Pause:
        """Claim no job until `resume`; see `queue.pause`."""
        return await self._decide(queue.pause, reason=reason, user=who.name, now=self._clock())

    async def resume(self) -> Pause | None:
        """Claim jobs again; see `queue.resume`."""
        return await self._decide(queue.resume)

    async def report(self, job_id: str, news: Report) -> Job:
        """Take in what a phase reports."""
        return await self._decide(course.report, job_id, news, now=self._clock())

    async def permit(
        self, job_id: str, *, summary: Mapping[str, Any], commits: Sequence[BranchMove]
    ) -> Job:
        """Allow the job to publish; see `course.permit`."""
        return await self._decide(
            course.permit, job_id, summary=summary, commits=commits, now=self._clock()
        )

    async def complete(self, job_id: str, result: Result) -> Job:
        """Record success."""
        return await self._decide(course.complete, job_id, result, now=self._clock())

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
        return await self._decide(
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
        return await self._decide(course.cancelled, job_id, now=self._clock())

    async def interrupted(self, job_id: str) -> Job:
        """Put a running job back; its attempt is given back."""
        return await self._decide(course.interrupted, job_id, now=self._clock())

    async def forget_keys(self, keys: Sequence[tuple[str, str]]) -> None:
        """Forget idempotency keys; see `intake.forget_keys`."""
        await self._decide(intake.forget_keys, keys)

    async def prune(self, job_ids: Sequence[str]) -> list[str]:
        """Forget ended jobs and their events; see `retention.prune`."""
        return await self._decide(retention.prune, job_ids)

    async def register(
        self, wanted: catalogue.Registration, seal: Seal | None = None
    ) -> Repository:
        """Add a repository; see `entrusting.register`."""
        return await self._decide(entrusting.register, wanted, seal, now=self._clock())

    async def change_repository(
        self,
        repository_id: int,
        change: catalogue.RepositoryChange,
        given: Entrusted | None = None,
    ) -> Repository:
        """Change a repository's settings; see `entrusting.change`."""
        return await self._decide(entrusting.change, repository_id, change, given)

    async def reseal(self, kept: Credential, key_id: str, sealed: bytes) -> None:
        """Have a credential be sealed with another key; see `entrusting.reseal`."""
        await self._decide(entrusting.reseal, kept, key_id, sealed)

    async def moved(self, row: Repository, address: str) -> None:
        """Note where a remote's host redirects to; see `catalogue.moved`."""
        await self._decide(catalogue.moved, row.repository_id, row.remote, address)

    async def forget(self, repository_id: int) -> Repository:
        """Remove a repository that has no active job; see `catalogue.forget`."""
        return await self._decide(catalogue.forget, repository_id)

    async def add_user(self, user: User) -> User:
        """Add a user; see `accounts.add`."""
        return await self._decide(accounts.add, user)

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
        return await self._decide(
            accounts.change,
            name,
            password_hash=password_hash,
            is_disabled=is_disabled,
            role=role,
            needs_admin=needs_admin,
        )

    async def set_password(self, who: Principal, password_hash: str) -> None:
        """Set one's own password; see `accounts.set_password`."""
        await self._decide(accounts.set_password, who, password_hash)

    async def open_session(self, session: Session) -> Session:
        """Record a login."""
        return await self._decide(accounts.open_session, session)

    async def open_browser_session(self, session: Session, role: Role) -> Session:
        """Record a browser's login; see `accounts.open_browser_session`."""
        return await self._decide(accounts.open_browser_session, session, role)

    async def extend_session(self, session_id: str, expires_at: float) -> None:
        """Let a login live on; harmless if it ended before."""
        await self._decide(accounts.extend_session, session_id, expires_at)

    async def rotate(
        self, session_id: str, used: str, following: str, *, days: int
    ) -> Session | None:
        """Swap a session's refresh token; see `accounts.rotate`."""
        return await self._decide(
            accounts.rotate, session_id, used, following, days=days, now=self._clock()
        )

    async def decide(
        self,
        decision: Callable[Concatenate[State, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Carry out a decision of `cidxd.model` that has no method of its own here."""
        return await self._decide(decision, *args, **kwargs)

    async def note(self, action: str, target: str = "", **detail: object) -> None:
        """Add to the audit log something that changes nothing else here."""

        def on(state: State) -> None:
            state.notes.append(audit.entry(state.by, action, target, detail))

        await self._writer.decide(self._asked(on))

    async def end_session(self, session_id: str) -> None:
        """End a login; harmless if it ended before."""
        await self._decide(accounts.end_session, session_id)

    async def make_token(self, token: PersonalToken, who: Principal) -> PersonalToken:
        """Keep a new personal token; see `personal.make`."""
        return await self._decide(personal.make, token, who)

    async def revoke_token(self, who: Principal, token_id: str) -> PersonalToken:
        """End a personal token; see `personal.revoke`."""
        return await self._decide(personal.revoke, who, token_id)

    async def note_use(self, token_hash: str) -> None:
        """Keep that a personal token was used now."""
        await self._decide(personal.note_use, token_hash, self._clock())

    async def _decide(
        self,
        decision: Callable[Concatenate[State, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        def on(state: State) -> T:
            return decision(state, *args, **kwargs)

        return await self._writer.decide(self._asked(on))

    def _asked(self, decision: Callable[[State], T]) -> Callable[[State], T]:
        """Return *decision* on behalf of who asks for it here and now."""
        by = dataclasses.replace(asker.current(), at=self._clock())

        def on(state: State) -> T:
            state.by = by
            return decision(state)

        return on
