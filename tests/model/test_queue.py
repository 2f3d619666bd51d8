from __future__ import annotations

import dataclasses
import re
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cidxd.errors import BusyError
from cidxd.model import course, intake, moves, queue
from cidxd.model.account import Principal, Role
from cidxd.model.course import Result
from cidxd.model.intake import SyncRequest
from cidxd.model.job import Job, Outcome, Priority, Status
from cidxd.model.queue import Limits, Place
from cidxd.model.registry import State
from cidxd.model.repository import Repository

LIMITS = Limits(running=2, running_per_user=2)
INTERACTIVE, WEBHOOK, SCHEDULED = Priority
REASONS = re.compile(
    r"waiting \d+ s before attempt \d+|repository busy with job \S{1,8}"
    r"|your (job is|\w+ jobs are) running|\w+ of (one slot|\w+ slots) in use"
    r"|about to start|\w+ before it"
)


def job(number: int, user: str = "ada", *, repository: int = 0, **more: object) -> Job:
    made = Job(
        job_id=f"j{number}",
        repository_id=repository or number,
        repository=f"r{repository or number}",
        requested_by=user,
        requesters=(user,),
        created_at=float(number),
    )
    return dataclasses.replace(made, **more)  # type: ignore[arg-type]


def running(number: int, user: str = "ada", *, repository: int = 0) -> Job:
    return claimed(job(number, user, repository=repository))


def claimed(queued: Job, *, at: float = 1.0) -> Job:
    return moves.claim(queued, at=at, is_first=True).job


def registry(*jobs: Job) -> State:
    state = State()
    for row in jobs:
        state.jobs.put(row.job_id, row)
    return state


def ids(jobs: list[Job]) -> list[str]:
    return [job.job_id for job in jobs]


def place(waiting: Job, *others: Job, limits: Limits = LIMITS, now: float = 9.0) -> Place | None:
    return queue.place(waiting, registry(*others, waiting), limits, now=now)


def order(*jobs: Job, now: float = 9.0, state: State | None = None) -> list[str]:
    """Return the jobs as one slot runs them one after the other, each done before the next."""
    state = state or State()
    for row in jobs:
        state.jobs.put(row.job_id, row)
    taken = []
    while following := queue.due(state, Limits(running=1), now=now):
        (one,) = following
        taken.append(one.job_id)
        state.jobs.put(one.job_id, claimed(one, at=now))
        done = moves.complete(
            claimed(one, at=now), Outcome.UNCHANGED, at=now, summary={}, commits=()
        )
        state.jobs.put(one.job_id, done.job)
    return taken


# Who is next.


def test_the_oldest_go_first_up_to_the_slots() -> None:
    state = registry(job(3), job(1), job(2))
    assert ids(queue.due(state, LIMITS, now=9.0)) == ["j1", "j2"]


def test_a_job_of_a_busy_repository_is_passed_over() -> None:
    state = registry(running(1), job(2, repository=1), job(3))
    assert ids(queue.due(state, LIMITS, now=9.0)) == ["j3"]


def test_of_two_jobs_of_one_repository_only_the_first_starts() -> None:
    state = registry(job(1, repository=7), job(2, repository=7, returned=True))
    assert ids(queue.due(state, LIMITS, now=9.0)) == ["j2"]


def test_users_take_turns_also_when_there_is_one_slot() -> None:
    jobs = [job(n, "ada") for n in (1, 2, 3, 4)] + [job(5, "bob"), job(6, "cy"), job(7, "bob")]
    assert order(*jobs) == ["j1", "j5", "j6", "j2", "j7", "j3", "j4"]


def test_who_had_the_last_turn_waits_for_the_others() -> None:
    state = State()
    assert order(job(1, "ada"), job(2, "bob"), state=state) == ["j1", "j2"]
    assert order(job(3, "bob"), job(4, "ada"), state=state) == ["j4", "j3"]


def test_one_user_cannot_take_every_slot() -> None:
    state = registry(*(job(n, "ada") for n in range(1, 5)))
    limits = Limits(running=4, running_per_user=2)
    assert ids(queue.due(state, limits, now=9.0)) == ["j1", "j2"]


@pytest.mark.parametrize(
    ("requesters", "counts_for"),
    [(("ada",), "ada"), (("ada", "bob"), "ada"), (("bob", "cy"), "bob"), (("cy",), "cy")],
)
def test_a_job_counts_for_the_first_of_those_who_still_want_it(
    requesters: tuple[str, ...], counts_for: str
) -> None:
    shared = job(1, "ada", requesters=requesters)
    state = registry(claimed(shared), job(2, "ada"), job(3, "bob"), job(4, "cy"))
    due = queue.due(state, Limits(running=4, running_per_user=1), now=9.0)
    assert {"ada", "bob", "cy"} - {row.requested_by for row in due} == {counts_for}
    state = registry(shared)
    assert [state.jobs.queued_of(user) for user in ("ada", "bob", "cy")] == [
        int(user == counts_for) for user in ("ada", "bob", "cy")
    ]
    state.jobs.put("j1", claimed(shared))
    assert state.jobs.queued_of(counts_for) == 0
    assert [user for user in ("ada", "bob", "cy") if state.jobs.turn_of(user)] == [counts_for]


def test_who_withdraws_gets_the_place_in_the_limits_back_and_stays_on_record() -> None:
    state, limits = State(), Limits(queued_per_user=1)
    for number in (1, 2):
        state.repositories.put(number, repository(number))

    def ask(number: int, user: str, repository_id: int) -> Job:
        request = SyncRequest(job_id=f"j{number}", repository_id=repository_id, user=user)
        return intake.submit(state, request, limits, now=1.0).job

    ask(1, "ada", 1)
    ask(2, "bob", 1)
    with pytest.raises(BusyError):
        ask(3, "ada", 2)
    intake.cancel(state, "j1", Principal("ada", Role.MEMBER), reason="", force=False, now=2.0)
    shared = state.jobs.get("j1")
    assert shared is not None
    assert (shared.requested_by, shared.requesters) == ("ada", ("bob",))
    assert ask(3, "ada", 2).job_id == "j3"
    with pytest.raises(BusyError):
        queue.check_room(state, "bob", limits)


def test_what_is_more_urgent_goes_first_whoever_had_a_turn() -> None:
    jobs = [
        job(1, "cron", priority=SCHEDULED),
        job(2, "forge", priority=WEBHOOK),
        job(3, "ada"),
        job(4, "ada"),
    ]
    assert order(*jobs) == ["j3", "j4", "j2", "j1"]


def test_a_returned_job_goes_before_a_fresh_one_however_urgent() -> None:
    assert order(job(1), job(2, returned=True, priority=SCHEDULED)) == ["j2", "j1"]


@pytest.mark.parametrize(
    ("priority", "waited_s", "is_first"),
    [
        (WEBHOOK, 599.0, False),
        (WEBHOOK, 600.0, True),
        (SCHEDULED, 1199.0, False),
        (SCHEDULED, 1200.0, True),
        (SCHEDULED, 90_000.0, True),
        (SCHEDULED, -3600.0, False),  # the clock was set back
    ],
)
def test_to_wait_makes_a_job_as_urgent_as_any(
    priority: Priority, waited_s: float, *, is_first: bool
) -> None:
    old = job(1, "cron", priority=priority, created_at=10_000.0 - waited_s)
    new = job(2, "ada", created_at=10_000.0)
    assert (order(old, new, now=10_000.0) == ["j1", "j2"]) is is_first


def test_back_off_ends_at_its_instant_and_wakes_nobody_after_it() -> None:
    state = registry(job(1, run_after=50.0, returned=True, attempt=2), job(2, run_after=60.0))
    assert queue.wakes_at(state, now=10.0) == 50.0
    assert queue.due(state, LIMITS, now=49.9) == []
    assert ids(queue.due(state, LIMITS, now=50.0)) == ["j1"]
    assert queue.wakes_at(state, now=50.0) == 60.0
    assert queue.wakes_at(state, now=60.0) is None


def test_the_more_urgent_request_decides_of_a_joined_job() -> None:
    state = State()
    state.repositories.put(1, repository(1))
    kinds = [SCHEDULED, WEBHOOK, SCHEDULED, INTERACTIVE, WEBHOOK]
    seen = []
    for number, priority in enumerate(kinds):
        request = SyncRequest(job_id=f"j{number}", repository_id=1, user="ada", priority=priority)
        seen.append(intake.submit(state, request, LIMITS, now=1.0).job.priority)
    assert seen == [SCHEDULED, WEBHOOK, WEBHOOK, INTERACTIVE, INTERACTIVE]


# Why one waits.

UUID = "01a20bec-daaf-73da-8899-7e73525dec48"


@pytest.mark.parametrize(
    ("waiting", "others", "limits", "expected"),
    [
        (job(1), [], LIMITS, Place(1, "about to start")),
        (
            job(3),
            [running(1, "bob"), running(2, "cy")],
            LIMITS,
            Place(1, "two of two slots in use"),
        ),
        (job(3), [running(1, "bob")], Limits(running=1), Place(1, "one of one slot in use")),
        (
            job(3),
            [running(1, "bob"), running(2, "cy")],
            Limits(running=1),
            Place(1, "two of one slot in use"),  # the limit was lowered
        ),
        (
            job(90),
            [running(n, f"user {n}") for n in range(1, 13)],
            Limits(running=12),
            Place(1, "twelve of twelve slots in use"),
        ),
        (
            job(90),
            [running(n, f"user {n}") for n in range(1, 14)],
            Limits(running=13),
            Place(1, "13 of 13 slots in use"),
        ),
        (
            job(9),
            [running(n) for n in (1, 2, 3)],
            Limits(running=8),
            Place(1, "your three jobs are running"),
        ),
        (
            job(9),
            [running(1)],
            Limits(running=8, running_per_user=1),
            Place(1, "your job is running"),
        ),
        (
            job(9, repository=1),
            [claimed(dataclasses.replace(job(1), job_id=UUID))],
            LIMITS,
            Place(1, "repository busy with job 525dec48"),
        ),
        (
            job(1, run_after=48.2, returned=True, attempt=2),
            [],
            LIMITS,
            Place(1, "waiting 40 s before attempt 3"),
        ),
        (
            job(1, run_after=9.001, returned=True, attempt=1),
            [],
            LIMITS,
            Place(1, "waiting 1 s before attempt 2"),
        ),
        (job(2), [job(1)], Limits(running=1), Place(2, "one before it")),
        (job(4), [job(1), job(2), job(3)], Limits(running=3), Place(4, "three before it")),
        (job(2), [job(1)], LIMITS, Place(2, "about to start")),
    ],
)
def test_a_queued_job_tells_its_place_and_why_it_waits(
    waiting: Job, others: list[Job], limits: Limits, expected: Place
) -> None:
    assert place(waiting, *others, limits=limits, now=8.5) == expected


def test_of_several_reasons_the_nearest_to_the_job_is_told() -> None:
    limits = Limits(running=2, running_per_user=1)
    everything = [running(1, "ada", repository=5), running(2, "bob")]
    waiting = job(9, "ada", repository=5, run_after=20.0, attempt=1)
    assert place(waiting, *everything, limits=limits) == Place(1, "waiting 11 s before attempt 2")
    waiting = dataclasses.replace(waiting, run_after=None)
    assert place(waiting, *everything, limits=limits) == Place(1, "repository busy with job j1")
    waiting = dataclasses.replace(waiting, repository_id=6)
    assert place(waiting, *everything, limits=limits) == Place(1, "your job is running")
    waiting = dataclasses.replace(waiting, requested_by="cy", requesters=("cy",))
    assert place(waiting, *everything, limits=limits) == Place(1, "two of two slots in use")


@pytest.mark.parametrize(
    ("reason", "words"),
    [("a new disk", "the queue is paused: a new disk"), ("", "the queue is paused")],
)
def test_a_paused_queue_claims_nothing_and_is_every_jobs_reason(reason: str, words: str) -> None:
    waiting = job(2, run_after=99.0), job(3, repository=1), job(4)
    state = registry(running(1), *waiting)
    queue.pause(state, reason=reason, user="root", now=5.0)
    assert queue.due(state, LIMITS, now=9.0) == []
    told = [queue.place(row, state, LIMITS, now=9.0) for row in waiting]
    assert told == [Place(1, words), Place(2, words), Place(3, words)]
    queue.resume(state)
    assert ids(queue.due(state, LIMITS, now=9.0)) == ["j4"]


def test_a_pause_is_kept_until_it_is_for_another_reason_or_ends() -> None:
    state = State()
    assert queue.resume(state) is None
    first = queue.pause(state, reason="a new disk", user="root", now=5.0)
    assert queue.pause(state, reason="a new disk", user="ada", now=6.0) is first
    second = queue.pause(state, reason="a full disk", user="ada", now=7.0)
    assert (state.pause, second.requested_by, second.at) == (second, "ada", 7.0)
    assert queue.resume(state) is second
    assert queue.resume(state) is None
    assert state.pause is None


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.QUEUED])
def test_a_job_that_left_the_queue_has_no_place(status: Status) -> None:
    row = dataclasses.replace(running(1), status=status)
    assert queue.place(row, registry(row), LIMITS, now=9.0) is None


def test_a_place_is_that_of_the_newest_registry_and_limits() -> None:
    state, waiting = registry(job(1), job(2)), job(2)
    assert queue.place(waiting, state, Limits(running=1), now=9.0) == Place(2, "one before it")
    state.jobs.put("j1", running(1, "ada"))
    assert queue.place(waiting, state, Limits(running=1), now=9.0) == Place(
        1, "one of one slot in use"
    )
    assert queue.place(waiting, state, LIMITS, now=9.0) == Place(1, "about to start")
    state.jobs.put("j3", job(3, "bob", created_at=1.0))
    assert queue.place(waiting, state, LIMITS, now=9.0) == Place(2, "one before it")


def test_a_job_claimed_since_it_was_read_is_about_to_start() -> None:
    was = job(1)
    assert queue.place(was, registry(claimed(was)), LIMITS, now=9.0) == Place(1, "about to start")


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(queued=2), "queue-full"),
        (Limits(queued_per_user=2), "user-queue-full"),
    ],
)
def test_a_full_queue_refuses_with_the_limit_that_is_reached(limits: Limits, code: str) -> None:
    state = registry(job(1), job(2), running(3))
    with pytest.raises(BusyError) as caught:
        queue.check_room(state, "ada", limits)
    assert caught.value.code == code


# Whatever the registry holds.


@st.composite
def registries(draw: st.DrawFn) -> State:
    """Any mix of queued and running jobs that the database would take."""
    users, kinds = st.sampled_from(["ada", "bob", "cy"]), st.sampled_from(Priority)
    made, number = State(), 0
    for repository_id in range(1, draw(st.integers(1, 8)) + 1):
        for slot in draw(st.sets(st.sampled_from(["running", "fresh", "returned"]))):
            number += 1
            row = job(number, draw(users), repository=repository_id, priority=draw(kinds))
            row = dataclasses.replace(row, created_at=float(draw(st.integers(0, 3000))))
            if slot == "returned":
                run_after = draw(st.sampled_from([None, 2900.0, 3000.0, 3000.5, 3100.0]))
                row = dataclasses.replace(row, returned=True, run_after=run_after, attempt=1)
            made.jobs.put(row.job_id, row)
            if slot == "running":
                made.jobs.put(row.job_id, claimed(row))
    return made


BUSY_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
LIMITED = st.builds(Limits, running=st.integers(1, 6), running_per_user=st.integers(1, 3))


@BUSY_MACHINE
@given(state=registries(), limits=LIMITED)
def test_every_queued_job_has_one_place_and_one_reason(state: State, limits: Limits) -> None:
    queued = [row for row in state.jobs.active() if row.status is Status.QUEUED]
    places = [queue.place(row, state, limits, now=3000.0) for row in queued]
    assert sorted(at.position for at in places if at) == list(range(1, len(queued) + 1))
    for at in places:
        assert at is not None
        assert REASONS.fullmatch(at.reason), at


@BUSY_MACHINE
@given(state=registries(), limits=LIMITED)
def test_a_job_with_nothing_in_its_way_is_claimed(state: State, limits: Limits) -> None:
    before = [row for row in state.jobs.active() if row.status is Status.QUEUED]
    told = {row.job_id: queue.place(row, state, limits, now=3000.0) for row in before}
    chosen = ids(course.claim_due(state, limits, now=3000.0))
    starting = [key for key, at in told.items() if at and at.reason == "about to start"]
    assert sorted(chosen) == sorted(starting)
    assert queue.due(state, limits, now=3000.0) == []
    active = state.jobs.active()
    running_now = [row for row in active if row.status is Status.RUNNING]
    busy = {row.repository_id for row in running_now}
    of_user = Counter(row.requested_by for row in running_now)
    assert len(busy) == len(running_now)
    for row in active:
        if row.status is Status.QUEUED:
            assert (
                row.repository_id in busy
                or of_user[row.requested_by] >= limits.running_per_user
                or len(running_now) >= limits.running
                or (row.run_after or 0) > 3000.0
            ), row


USERS = ("ada", "bob", "cy", "cron")
STEP_S = 60.0


@settings(BUSY_MACHINE, max_examples=30)
@given(
    data=st.data(),
    limits=st.builds(
        Limits,
        running=st.integers(1, 3),
        running_per_user=st.integers(1, 3),
        queued_per_user=st.integers(1, 5),
    ),
)
def test_nobody_starves_while_others_keep_submitting(data: st.DataObject, limits: Limits) -> None:
    """Every job runs after so many claims, whoever asks for whatever in the meantime."""
    bound = int(2 * queue.PATIENCE_S / STEP_S) + len(USERS) * (limits.queued_per_user + 1)
    state, now, number = State(), 0.0, 0
    seen: dict[str, int] = {}
    for repository_id in range(1, 200):
        state.repositories.put(repository_id, repository(repository_id))
    keen = data.draw(st.lists(st.sampled_from(USERS), min_size=2, max_size=6), "who submits")
    kinds = {user: data.draw(st.sampled_from(Priority), user) for user in USERS}
    for _ in range(3 * bound):
        now += STEP_S
        for user in keen:
            number += 1
            request = SyncRequest(
                job_id=f"j{number:06}",
                repository_id=number % 199 + 1,
                user=user,
                priority=kinds[user],
            )
            try:
                seen.setdefault(intake.submit(state, request, limits, now=now).job.job_id, 0)
            except BusyError:
                continue
        claims = course.claim_due(state, limits, now=now)
        for row in state.jobs.active():
            if row.status is Status.QUEUED:
                seen[row.job_id] += len(claims)
                assert seen[row.job_id] <= bound * limits.running, row
        for row in claims:
            done = Result(outcome=Outcome.UNCHANGED, summary={}, commits=())
            course.complete(state, row.job_id, done, now=now)


def repository(number: int) -> Repository:
    return Repository(
        repository_id=number,
        name=f"r{number}",
        remote=f"https://example.org/{number}.git",
        key=str(number),
        created_at=0.0,
        created_by="ada",
    )
