"""
Any sequence of what users, runners, operators and crashes do, held against the promises.

The decisions run as the store's writer runs them: some in one batch, each batch into the
real schema; a restart reads them back from there and settles what ran.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, cast

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cidxd.errors import BusyError, FaultError
from cidxd.model import course, estimate, incidents, intake, pipeline, queue
from cidxd.model.account import Principal, Role
from cidxd.model.course import PermitRefusedError, Result
from cidxd.model.intake import CancelEffect, SyncRequest
from cidxd.model.job import Job, Options, Outcome, Priority, Status
from cidxd.model.pipeline import Rescue
from cidxd.model.queue import Limits
from cidxd.model.registry import State
from cidxd.model.report import ORDER, PhaseEnded, PhaseProgressed, PhaseStarted, Usage
from cidxd.model.repository import Repository
from cidxd.store import database, load, rows

USERS = ("ada", "bob", "cy")
EVERYONE = st.sampled_from(
    [*(Principal(n, Role.MEMBER) for n in USERS), Principal("root", Role.ADMIN)]
)
REPOSITORIES = 4  # three of one host, and one of another
MAX_ATTEMPTS = 3
ANY = st.integers(0, 10**6)  # picks one of what there is
FAULTS = st.sampled_from(
    ["remote-unreachable", "remote-rate-limited", "remote-not-found", "internal"]
)
RETRY_AFTER_S = 4000.0
DONE = Result(outcome=Outcome.UNCHANGED, summary={}, commits=())


class Disk:
    """The real schema in memory, read back by the real loader."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        for _, sql in database.migrations():
            self.connection.executescript(sql)

    def write(self, draft: State, first_cursor: int) -> None:
        for sql, parameters in rows.statements(draft, first_cursor):
            self.connection.executemany(sql, parameters)

    def load(self) -> State:
        return asyncio.run(load.load_state(cast("Any", self)))

    async def execute_fetchall(self, sql: str, parameters: Iterable[Any] = ()) -> list[Any]:
        return self.connection.execute(sql, tuple(parameters)).fetchall()


class Scheduling(RuleBasedStateMachine):
    """
    What the daemon decides in the model.

    Attributes:
        committed: What the disk has.
        newest: The batch that is decided and not yet committed, laid over it.
        probes: Of each open incident's host, the jobs that were claimed since it opened.
        shown: The last percentage of every job that was accepted.
        ended: Every ended job as it was at its end.
        wishes: How many requests there were; a job's id is the number of one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.disk = Disk()
        self.committed = State()
        self.now = 1000.0
        self.shown: dict[str, float] = {}
        self.seqs: Counter[str] = Counter()
        self.ended: dict[str, Job] = {}
        self.wishes = 0
        self.limits = Limits()
        self.is_batching = False
        self.probes: dict[str, set[str]] = {}
        self.newest = State(self.committed)

    def teardown(self) -> None:
        self.everything_that_waits_has_its_turn_although_others_keep_asking()
        self.disk.connection.close()

    # What happens.

    @initialize(
        limits=st.builds(
            Limits,
            running=st.integers(1, 3),
            running_per_user=st.integers(1, 2),
            queued=st.integers(2, 6),
            queued_per_user=st.integers(1, 3),
            incident_repositories=st.integers(1, 3),
            hold_s=st.sampled_from([60.0, 86_400.0]),
        )
    )
    def start(self, limits: Limits) -> None:
        self.limits = limits
        for number in range(1, REPOSITORIES + 1):
            self.newest.repositories.put(number, repository(number))
        self._commit()

    @rule(
        user=st.sampled_from(USERS),
        number=st.integers(1, REPOSITORIES),
        priority=st.sampled_from(Priority),
        is_full=st.booleans(),
        is_claimed=st.booleans(),
    )
    def submit(
        self, user: str, number: int, priority: Priority, *, is_full: bool, is_claimed: bool
    ) -> None:
        options = Options(full=is_full)
        self._submit(self._wish(user, number, priority=priority, options=options))
        if is_claimed:  # the scheduler is woken by every commit
            self.claim()

    @precondition(lambda self: self.newest.jobs.active())
    @rule(any_=ANY, is_requester=st.booleans(), other=EVERYONE, force=st.booleans())
    def cancel(self, any_: int, *, is_requester: bool, other: Principal, force: bool) -> None:
        jobs = self.newest.jobs
        job = self._one(jobs.active() if any_ % 4 else jobs.values(), any_ // 4)
        assert job is not None
        who = Principal(job.requesters[0], Role.MEMBER) if is_requester else other
        wanted_by = set(job.requesters) - {who.name}
        how = {"reason": "", "force": force, "now": self.now}
        answer = self._decide(intake.cancel, job.job_id, who, **how)
        assert answer is not None
        if answer.effect is CancelEffect.TOO_LATE:
            assert answer.job is job
            assert job.is_final or job.is_permitted
        elif wanted_by and not who.is_admin:
            assert answer.effect is CancelEffect.WITHDRAWN
            assert set(answer.job.requesters) == wanted_by
            assert answer.job.status is job.status
        elif answer.effect is CancelEffect.ENDED:
            assert answer.job.status is Status.CANCELLED
        else:
            assert answer.effect is CancelEffect.STOPPING
            assert answer.job.cancel is not None

    @precondition(lambda self: self.ended)
    @rule(user=st.sampled_from(USERS), any_=ANY)
    def retry(self, user: str, any_: int) -> None:
        old = self._one((job for job in self.newest.jobs.values() if job.is_final), any_)
        if old is None:
            return
        wish = self._wish(user, old.repository_id, options=old.options, retry_of=old.job_id)
        with contextlib.suppress(BusyError):
            job = self._decide(intake.retry, old, wish, self.limits, now=self.now).job
            after = self.newest.jobs.get(old.job_id)
            assert after is not None
            assert after.retried_by == job.job_id
            assert user in job.requesters

    @rule()
    def claim(self) -> None:
        running = self._running()
        claimed = self._decided_claim()
        if claimed:
            after = self._running()
            assert len(after) == len(running) + len(claimed) <= self.limits.running
            of_user = Counter(job.counts_for for job in after)
            assert all(of_user[j.counts_for] <= self.limits.running_per_user for j in claimed)
        assert all((job.run_after or 0.0) <= self.now for job in claimed)
        assert queue.due(self.newest, self.limits, now=self.now) == []

    @precondition(lambda self: self._running())
    @rule(any_=ANY, phase=st.sampled_from(ORDER), done=st.integers(0, 100))
    def report(self, any_: int, phase: Any, done: int) -> None:
        for news in (
            PhaseStarted(phase),
            PhaseProgressed(phase, done, 100, "files"),
            PhaseEnded(phase, {}, Usage()),
        )[: 1 + done % 3]:
            if (job := self._one(self._running(), any_)) is not None:
                self._decide(course.report, job.job_id, news, now=self.now)

    @precondition(lambda self: self._running())
    @rule(any_=ANY)
    def ask_for_the_permit(self, any_: int) -> None:
        if (job := self._one(self._running(), any_)) is None:
            return
        try:
            self._decide(course.permit, job.job_id, summary={}, commits=(), now=self.now)
        except PermitRefusedError:
            assert job.cancel is not None

    @precondition(lambda self: self._running())
    @rule(any_=ANY)
    def finish(self, any_: int) -> None:
        if (job := self._one(self._running(), any_)) is not None:
            outcome = Outcome.UPDATED if job.is_permitted else Outcome.UNCHANGED
            result = dataclasses.replace(DONE, outcome=outcome)
            done = self._decide(course.complete, job.job_id, result, now=self.now)
            assert incidents.holding(done, self.newest) is None

    @precondition(lambda self: self._running())
    @rule(any_=ANY, code=FAULTS)
    def fail(self, any_: int, code: str) -> None:
        if (job := self._one(self._running(), any_)) is not None:
            self._fail(job, code)

    @rule(user=st.sampled_from(USERS), rounds=st.integers(1, 3), seconds=st.sampled_from([1, 400]))
    def a_host_breaks(self, user: str, rounds: int, seconds: int) -> None:
        """Everything that is asked of it fails alike, while more is asked for."""
        for _ in range(rounds):
            for number in range(1, REPOSITORIES):
                self._submit(self._wish(user, number))
                self.claim()
            for job in self._running():
                if job.repository_id < REPOSITORIES:
                    self._fail(job, "remote-unreachable")
            self.now += seconds
            self.claim()
            self.a_host_in_trouble_is_asked_by_one_job_at_a_time()

    def _fail(self, job: Job, code: str) -> None:
        """End an attempt, judged by the runner before it knows of the newest cancel."""
        fault = FaultError(code)
        following = pipeline.after_fault(
            fault, attempt=job.attempt, max_attempts=MAX_ATTEMPTS, jitter=0.5
        )
        error = pipeline.job_error(fault, job.phase)
        waits_s = RETRY_AFTER_S if code == "remote-rate-limited" else None
        after = self._decide(
            *(course.end_attempt, job.job_id, error, following, self.limits),
            now=self.now,
            retry_after_s=waits_s,
        )
        assert after.status is not Status.RUNNING
        held = incidents.holding(after, self.newest)
        if code.startswith("remote-un") and held is not None and job.cancel is None:
            is_over = self.now - max(job.created_at, held.opened_at or 0) >= self.limits.hold_s
            assert after.status is (Status.FAILED if is_over else Status.QUEUED)
            assert is_over or after.attempt == job.attempt - 1
        elif code == "remote-not-found" and job.cancel is None:
            assert held is None, "a host that says no answers"
        elif after.status is Status.QUEUED:
            assert fault.transient
            assert held is not None or job.attempt < MAX_ATTEMPTS

    @precondition(lambda self: self._running())
    @rule(any_=ANY)
    def stopped(self, any_: int) -> None:
        """The runner's children ended because of a cancel, or because the daemon stops."""
        if (job := self._one(self._running(), any_)) is not None:
            decision = course.cancelled if job.cancel and any_ % 2 else course.interrupted
            self._decide(decision, job.job_id, now=self.now)

    @rule(any_=ANY)
    def restart(self, any_: int) -> None:
        """The daemon is killed; what was not committed never happened, nor was it answered."""
        self._commit()
        self.newest = State(self.committed)
        before = {job.job_id: job for job in self.committed.jobs.values()}
        hosts = {known.host: known for known in self.committed.incidents.values()}
        cursor = self.committed.cursor
        self.committed = self.disk.load()
        self.newest = State(self.committed)
        assert {job.job_id: job for job in self.committed.jobs.values()} == before
        assert {known.host: known for known in self.committed.incidents.values()} == hosts
        assert self.committed.cursor == cursor
        for job in self._running():
            verdict = pipeline.rescue(job, frozenset([job.job_id] if any_ % 2 else ()))
            match verdict:
                case Rescue.COMPLETE:
                    result = dataclasses.replace(DONE, outcome=Outcome.UPDATED)
                    self._decide(course.complete, job.job_id, result, now=self.now)
                case Rescue.CANCEL:
                    self._decide(course.cancelled, job.job_id, now=self.now)
                case Rescue.REQUEUE:
                    self._decide(course.interrupted, job.job_id, now=self.now)
        assert self._running() == []

    @rule(seconds=st.sampled_from([0.5, 5.0, 70.0, 700.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def begin_a_batch(self) -> None:
        self._commit()
        self.is_batching = True
        self.claim()

    @rule(running=st.integers(1, 3), running_per_user=st.integers(1, 2))
    def reload(self, running: int, running_per_user: int) -> None:
        self.limits = dataclasses.replace(
            self.limits, running=running, running_per_user=running_per_user
        )

    @precondition(lambda self: self.newest.pause is None and self._queued())
    @rule()
    def pause(self) -> None:
        self._decide(queue.pause, reason="a new disk", user="root", now=self.now)
        assert self._decided_claim() == []

    @precondition(lambda self: self.newest.pause is not None)
    @rule()
    def resume(self) -> None:
        self._decide(queue.resume)
        self.claim()

    # What holds whenever one looks.

    @invariant()
    def a_repository_has_at_most_one_running_and_one_fresh_queued_job(self) -> None:
        for number in range(1, REPOSITORIES + 1):
            jobs = self.newest.jobs.active_of(number)
            states = [(job.status, job.returned and job.status is Status.QUEUED) for job in jobs]
            assert states.count((Status.RUNNING, False)) <= 1, jobs
            assert states.count((Status.QUEUED, False)) <= 1, jobs
            assert len(jobs) <= 2, jobs

    @invariant()
    def every_accepted_job_is_there_and_a_final_one_never_changes(self) -> None:
        jobs = {job.job_id: job for job in self.newest.jobs.values()}
        assert jobs.keys() == self.shown.keys()
        for job_id, job in jobs.items():
            if job.is_final:
                known = self.ended.setdefault(job_id, job)
                assert dataclasses.replace(job, retried_by=known.retried_by) == known
            assert job.is_final or job_id not in self.ended

    @invariant()
    def the_counts_are_those_of_the_jobs(self) -> None:
        queued = Counter(job.counts_for for job in self._queued())
        assert self.newest.jobs.queued_total() == queued.total()
        assert all(self.newest.jobs.queued_of(user) == queued[user] for user in USERS)

    @invariant()
    def every_queued_job_has_one_place_and_one_reason(self) -> None:
        queued = self._queued()
        told = [queue.place(job, self.newest, self.limits, now=self.now) for job in queued]
        assert sorted(at.position for at in told if at) == list(range(1, len(queued) + 1))
        due = {job.job_id for job in queue.due(self.newest, self.limits, now=self.now)}
        for job, at in zip(queued, told, strict=True):
            assert at is not None
            assert at.reason
            assert (at.reason == "about to start") == (job.job_id in due), at

    @invariant()
    def a_host_in_trouble_is_asked_by_one_job_at_a_time(self) -> None:
        hosts = {known.host for known in incidents.opened(self.newest)}
        self.probes = {host: self.probes.get(host, set()) for host in hosts}
        running = {job.job_id for job in self._running()}
        assert all(len(probes & running) <= 1 for probes in self.probes.values())

    @invariant()
    def no_job_is_tried_more_often_than_it_may(self) -> None:
        assert all(0 <= job.attempt <= MAX_ATTEMPTS for job in self.newest.jobs.values())

    @invariant()
    def nobody_runs_a_job_again_that_is_to_be_cancelled(self) -> None:
        assert [job for job in self._queued() if job.cancel is not None] == []

    @invariant()
    def an_active_job_is_wanted_by_somebody(self) -> None:
        assert all(job.requesters for job in self.newest.jobs.active())

    @invariant()
    def the_percentage_never_goes_back(self) -> None:
        for job_id, before in self.shown.items():
            job = self.newest.jobs.get(job_id)
            assert job is not None
            now = estimate.shown(job.progress)
            assert before <= now <= 100
            assert (now == 100) == (job.status is Status.COMPLETED)
            self.shown[job_id] = now

    def everything_that_waits_has_its_turn_although_others_keep_asking(self) -> None:
        self._decide(queue.resume)
        waiting = {job.job_id for job in self._queued()}
        rounds = (len(USERS) + 1) * (len(waiting) + 1) + 2
        if incidents.opened(self.newest):  # the first to be let through ends it
            rounds += int(RETRY_AFTER_S / queue.PATIENCE_S) + 1
        for _ in range(rounds):
            for job in self._running():
                self._decide(course.complete, job.job_id, DONE, now=self.now)
            self.now += queue.PATIENCE_S + 1
            for number in range(1, REPOSITORIES + 1):
                self._submit(self._wish("keen", number))
            waiting -= {job.job_id for job in self._decided_claim()}
        assert not waiting, f"still waiting after {rounds} rounds"

    # How the writer does it.

    def _decide(self, decision: Callable[..., Any], *args: Any, **more: Any) -> Any:
        own = State(self.newest)
        answer = decision(own, *args, **more)
        for event in own.events:
            self.seqs[event.job_id] += 1
            assert event.seq == self.seqs[event.job_id], "no gap in a job's events"
            assert event.job_id not in self.ended, "a final job takes no event"
            self.shown.setdefault(event.job_id, 0.0)
        self.newest.merge(own)
        if not self.is_batching:
            self._commit()
        return answer

    def _decided_claim(self) -> list[Job]:
        before = {known.host: known for known in incidents.opened(self.newest)}
        claimed: list[Job] = self._decide(course.claim_due, self.limits, now=self.now)
        for job in claimed:
            if (known := incidents.holding(job, self.newest)) is not None:
                assert before[known.host].is_due(self.now)
                self.probes.setdefault(known.host, set()).add(job.job_id)
        return claimed

    def _commit(self) -> None:
        self.disk.write(self.newest, self.committed.cursor + 1)
        self.committed.absorb(self.newest)
        self.newest = State(self.committed)
        self.is_batching = False

    def _submit(self, wish: SyncRequest) -> None:
        known = queue.joinable(self.newest, wish.repository_id)
        try:
            answer = self._decide(intake.submit, wish, self.limits, now=self.now)
        except BusyError:
            jobs = self.newest.jobs
            full = jobs.queued_total() >= self.limits.queued
            assert full or jobs.queued_of(wish.user) >= self.limits.queued_per_user
            return
        assert wish.user in answer.job.requesters
        assert answer.is_joined == (known is not None)
        if not answer.is_joined:
            assert self.newest.jobs.queued_total() <= self.limits.queued
            assert self.newest.jobs.queued_of(wish.user) <= self.limits.queued_per_user

    def _wish(self, user: str, number: int, **more: Any) -> SyncRequest:
        self.wishes += 1
        return SyncRequest(job_id=f"j{self.wishes:06}", repository_id=number, user=user, **more)

    def _one(self, jobs: Iterable[Job], number: int) -> Job | None:
        found = list(jobs)
        return found[number % len(found)] if found else None

    def _running(self) -> list[Job]:
        return [job for job in self.newest.jobs.active() if job.status is Status.RUNNING]

    def _queued(self) -> list[Job]:
        return [job for job in self.newest.jobs.active() if job.status is Status.QUEUED]


def repository(number: int) -> Repository:
    return Repository(
        repository_id=number,
        name=f"r{number}",
        remote=f"https://example.{'net' if number == REPOSITORIES else 'org'}/{number}.git",
        key=str(number),
        created_at=0.0,
        created_by="ada",
    )


TestScheduling = Scheduling.TestCase
TestScheduling.settings = settings(
    max_examples=100,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
