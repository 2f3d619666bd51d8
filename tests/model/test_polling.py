from __future__ import annotations

import dataclasses
import itertools

import pytest

from cidxd.errors import ConflictError
from cidxd.model import accounts, course, incidents, intake, polling, queue, schedule
from cidxd.model.account import Role, User
from cidxd.model.course import Result
from cidxd.model.incident import Incident
from cidxd.model.intake import SyncRequest
from cidxd.model.job import Job, JobError, Outcome, Priority
from cidxd.model.pipeline import GiveUp
from cidxd.model.polling import Terms
from cidxd.model.queue import Limits
from cidxd.model.registry import State
from cidxd.model.repository import BranchState, LastJob, Repository

NOW = 1_800_000_000.0
TERMS = Terms(default=schedule.adaptive(300, 3600), waiting=20)
LIMITS = Limits(running=4)
IDS = [f"p{number:05}" for number in range(10_000)]
ERROR = JobError(code="git-failed", title="", detail="", hint="", phase=None, retryable=True)


def house(count: int, *, asked_at: float = NOW - 86_400, host: str = "example.org") -> State:
    state = State()
    tip = BranchState(name="main", commit="1", indexed_at=NOW, job_id="j", committed_at=NOW)
    for number in range(1, count + 1):
        row = Repository(
            repository_id=number,
            name=f"r{number}",
            remote=f"https://{host}/{number}",
            key=f"{host}/{number}",
            created_at=asked_at,
            created_by="ada",
            branches=(tip,),
            last_job=LastJob(
                job_id="j", status="completed", finished_at=asked_at + 10_000 - 100 * number
            ),
        )
        state.repositories.put(number, row)
    return state


def poll(state: State, *, now: float = NOW, terms: Terms = TERMS) -> list[Job]:
    return polling.poll(state, terms, LIMITS, IDS[len(list(state.jobs.values())) :], now=now)


def ask(state: State, number: int, user: str = "ada") -> Job:
    request = SyncRequest(job_id=f"a{number}-{user}", repository_id=number, user=user)
    return intake.submit(state, request, LIMITS, now=NOW).job


def ended(state: State, job: Job, *, now: float = NOW) -> None:
    done = Result(outcome=Outcome.UNCHANGED, summary={}, commits=())
    course.complete(state, job.job_id, done, now=now)


def failed(state: State, job: Job, *, now: float = NOW) -> None:
    course.end_attempt(state, job.job_id, ERROR, GiveUp(), LIMITS, now=now)


def test_a_due_repository_gets_one_scheduled_job_and_no_second_one() -> None:
    state = house(1)
    (job,) = poll(state)
    assert (job.priority, job.requested_by) == (Priority.SCHEDULED, "schedule")
    assert poll(state) == []
    course.claim_due(state, LIMITS, now=NOW)
    assert poll(state) == []
    ended(state, job)
    assert poll(state) == []
    assert polling.plan(state, TERMS, LIMITS, now=NOW).wakes_at == pytest.approx(NOW + 315, abs=16)


def test_thousands_that_are_due_at_once_do_not_fill_the_queue() -> None:
    state = house(5_000)
    assert len(poll(state)) == 20
    assert poll(state) == []
    claimed = course.claim_due(state, LIMITS, now=NOW)
    assert len(claimed) == 3  # one place is left to people
    assert len(poll(state)) == 3
    assert state.jobs.queued_total() == 20
    assert queue.due(state, LIMITS, now=NOW) == []
    job = ask(state, 4_000)
    assert queue.due(state, LIMITS, now=NOW) == [job]


def test_the_longest_due_come_first() -> None:
    state = house(50)
    assert {job.repository_id for job in poll(state)} == set(range(31, 51))


def test_the_limits_of_a_user_are_not_for_schedules_and_the_limit_of_all_is() -> None:
    state = house(30)
    limits = Limits(running=4, queued=12, queued_per_user=2, running_per_user=1)
    assert len(polling.poll(state, TERMS, limits, IDS, now=NOW)) == 12
    assert len(course.claim_due(state, limits, now=NOW)) == 3


def test_a_paused_queue_is_not_filled() -> None:
    state = house(3)
    queue.pause(state, reason="", user="root", now=NOW)
    assert poll(state) == []
    queue.resume(state)
    assert len(poll(state)) == 3


@pytest.mark.parametrize(("is_due", "added"), [(False, 0), (True, 1)])
def test_a_host_in_trouble_is_not_hammered_and_not_forgotten(is_due: object, added: int) -> None:
    state = house(40)
    trouble = Incident(
        host="example.org",
        code="remote-unreachable",
        detail="",
        since=NOW - 60,
        last_at=NOW - 60,
        failed_at={1: NOW - 60},
        opened_at=NOW - 60,
        next_attempt_at=NOW - 1 if is_due else NOW + 100,
    )
    state.incidents.put("example.org", trouble)
    assert len(poll(state)) == added
    assert poll(state) == []
    assert len(incidents.opened(state)) == 1
    other = house(40)
    other.incidents.put("example.com", dataclasses.replace(trouble, host="example.com"))
    assert len(poll(other)) == 20


def test_a_repository_that_fails_is_left_alone_longer_until_somebody_asks_for_it() -> None:
    state, now, waits = house(1), NOW, []
    for _ in range(3):
        (job,) = poll(state, now=now)
        course.claim_due(state, LIMITS, now=now)
        failed(state, job, now=now)
        at = polling.plan(state, TERMS, LIMITS, now=now).wakes_at
        assert at is not None
        waits.append(at - now)
        now = at + 1
    assert all(after > 1.5 * before for before, after in itertools.pairwise(waits))
    job = ask(state, 1)
    assert state.repositories.get(1).failures == 0  # type: ignore[union-attr]
    course.claim_due(state, LIMITS, now=now)
    ended(state, job, now=now)
    again = polling.plan(state, TERMS, LIMITS, now=now).wakes_at
    assert again is not None
    assert again - now < 0.6 * (now - NOW) < waits[-1] * 2  # half the age of its commit


def test_a_person_who_joins_a_scheduled_job_has_it_counted_for_themselves() -> None:
    state = house(1)
    (job,) = poll(state)
    joined = ask(state, 1)
    assert joined.job_id == job.job_id
    assert joined.requesters == ("schedule", "ada")
    assert joined.priority is Priority.INTERACTIVE
    assert joined.counts_for == "ada"
    assert (state.jobs.queued_of("ada"), state.jobs.queued_of("schedule")) == (1, 0)


@pytest.mark.parametrize("name", ["schedule", "webhook"])
def test_nobody_can_have_the_name_of_a_schedule_or_a_webhook(name: str) -> None:
    user = User(name=name, password_hash="", role=Role.MEMBER, created_at=NOW)
    with pytest.raises(ConflictError, match="the daemon itself"):
        accounts.add(State(), user)
