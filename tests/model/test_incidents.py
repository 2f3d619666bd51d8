from __future__ import annotations

from typing import Final

import pytest

from cidxd.errors import FaultError
from cidxd.model import catalogue, course, incidents, intake, pipeline, queue, removal
from cidxd.model.account import Principal, Role
from cidxd.model.course import Result
from cidxd.model.incident import ANSWERS, TROUBLES, WINDOW_S
from cidxd.model.intake import SyncRequest
from cidxd.model.job import Job, Outcome, Status
from cidxd.model.pipeline import GiveUp
from cidxd.model.queue import Limits
from cidxd.model.registry import State
from cidxd.model.report import Phase, PhaseEnded, PhaseProgressed, Usage
from cidxd.model.repository import Repository

NOON: Final = 1_800_014_400.0  # 2027-01-15 12:00 UTC
FETCHED = PhaseEnded(Phase.FETCH, {}, Usage())
DONE = Result(outcome=Outcome.UNCHANGED, summary={}, commits=())
ROOT = Principal("root", Role.ADMIN)


class House:
    """Repositories 1 to 6 of one host, 9 of another and 0 on this machine, each with a job."""

    def __init__(self, *numbers: int, **limits: float) -> None:
        self.state = State()
        self.limits = Limits(running=9, running_per_user=9, **limits)  # type: ignore[arg-type]
        self.now = NOON
        for number in (0, 1, 2, 3, 4, 5, 6, 9):
            self.state.repositories.put(number, repository(number))
        self.submit(*numbers)

    def submit(self, *numbers: int) -> None:
        for number in numbers:
            wish = SyncRequest(job_id=f"job-{number}", repository_id=number, user="ada")
            intake.submit(self.state, wish, self.limits, now=self.now)

    def claim(self) -> list[int]:
        claimed = course.claim_due(self.state, self.limits, now=self.now)
        return sorted(job.repository_id for job in claimed)

    def fail(
        self, *numbers: int, code: str = "remote-unreachable", retry_after_s: float | None = None
    ) -> None:
        for number in numbers:
            error = pipeline.job_error(FaultError(code), Phase.FETCH)
            course.end_attempt(
                *(self.state, f"job-{number}", error, GiveUp(), self.limits),
                now=self.now,
                retry_after_s=retry_after_s,
            )

    def job(self, number: int) -> Job:
        job = self.state.jobs.get(f"job-{number}")
        assert job is not None
        return job

    def reason(self, number: int) -> str:
        place = queue.place(self.job(number), self.state, self.limits, now=self.now)
        assert place is not None
        return place.reason

    def hosts(self) -> list[str]:
        return [known.host for known in incidents.opened(self.state)]


def repository(number: int) -> Repository:
    host = "example.net" if number == 9 else "example.org"
    return Repository(
        repository_id=number,
        name=f"r{number}",
        remote=f"https://{host}/{number}.git" if number else "/srv/git/0.git",
        key=str(number),
        created_at=0.0,
        created_by="ada",
    )


def broken(**limits: float) -> House:
    """Return a house whose host example.org has just failed three jobs; the last one waits."""
    house = House(1, 2, 3, **limits)
    house.claim()
    house.fail(1, 2, 3)
    return house


def test_the_third_repository_that_fails_alike_opens_an_incident_and_does_not_fail() -> None:
    house = House(1, 2, 3)
    assert house.claim() == [1, 2, 3]
    house.fail(1, 2)
    assert house.hosts() == []
    house.fail(3)
    assert house.hosts() == ["example.org"]
    assert [house.job(n).status for n in (1, 2, 3)] == ["failed", "failed", "queued"]
    held = house.job(3)
    assert (held.attempt, held.run_after, held.returned) == (0, None, True)
    assert held.attempts[-1].error == held.error
    (event,) = [e for e in house.state.events if e.kind == "deferred"]
    assert event.data["held"].startswith("example.org has been unreachable since 12:00 UTC")


@pytest.mark.parametrize("code", TROUBLES)
def test_any_trouble_of_the_host_counts(code: str) -> None:
    house = House(1, 2, 3)
    house.claim()
    house.fail(1, 2, 3, code=code)
    assert house.hosts() == ["example.org"]
    assert f"example.org {TROUBLES[code]} since" in house.reason(3)


@pytest.mark.parametrize("code", [*sorted(ANSWERS), "stalled", "disk-full", "internal"])
def test_a_fault_of_something_else_opens_none(code: str) -> None:
    house = House(1, 2, 3)
    house.claim()
    house.fail(1, 2, 3, code=code)
    assert house.hosts() == []
    assert house.job(3).status is Status.FAILED


def test_two_repositories_one_again_and_again_or_three_hosts_are_no_incident() -> None:
    house = House(0, 1, 9)
    house.claim()
    house.fail(0, 1, 9)
    for _ in range(3):
        house.submit(1)
        assert house.claim() == [1]
        house.fail(1)
    assert house.hosts() == []


def test_failures_that_are_far_apart_are_no_incident() -> None:
    house = House(1, 2, 3)
    house.claim()
    house.fail(1, 2)
    house.now += WINDOW_S + 1
    house.fail(3)
    assert house.hosts() == []


def test_a_success_in_between_is_a_new_beginning() -> None:
    house = House(1, 2, 3, 4)
    house.claim()
    house.fail(1, 2)
    course.report(house.state, "job-4", FETCHED, now=house.now)
    house.fail(3)
    assert house.hosts() == []


def test_an_open_incident_holds_its_host_back_and_nobody_else() -> None:
    house = broken()
    house.submit(4, 5, 9, 0)
    assert house.claim() == [0, 9]
    assert house.reason(4) == house.reason(3)
    assert house.reason(4).endswith("since 12:00 UTC; next try in 4 s")
    assert house.job(4).attempts == ()


def test_the_host_is_asked_by_one_job_at_a_time_at_growing_distances() -> None:
    house = broken()
    house.submit(4, 5)
    waits = []
    for _ in range(9):
        wakes_at = queue.wakes_at(house.state, now=house.now)
        assert wakes_at is not None
        waits.append(wakes_at - house.now)
        house.now = wakes_at - 0.01
        assert house.claim() == []
        house.now = wakes_at
        (probe,) = house.claim()
        assert house.claim() == []
        assert house.reason(next(n for n in (3, 4, 5) if n != probe)).endswith("asks it now")
        house.fail(probe)
    assert waits == [3.75, 7.5, 15.0, 30.0, 60.0, 120.0, 225.0, 225.0, 225.0]
    assert [house.job(n).status for n in (3, 4, 5)] == ["queued"] * 3
    assert [house.job(n).attempt for n in (3, 4, 5)] == [0, 0, 0]


def test_the_one_that_asks_is_the_one_that_was_tried_longest_ago() -> None:
    house = broken()
    house.submit(4, 5)
    asked = []
    for _ in range(6):
        house.now += 400
        asked += house.claim()
        house.fail(asked[-1])
    assert asked == [4, 5, 3, 4, 5, 3]


def test_the_wait_that_the_host_names_is_kept_but_not_for_ever() -> None:
    for named_s, waits_s in ((90.0, 90.0), (1e9, 86_400.0)):
        house = House(1, 2, 3)
        house.claim()
        house.fail(1, 2)
        house.fail(3, code="remote-rate-limited", retry_after_s=named_s)
        (known,) = incidents.opened(house.state)
        assert known.next_attempt_at == house.now + waits_s


def test_one_that_was_under_way_when_it_opened_is_held_and_no_probe() -> None:
    house = House(1, 2, 3, 4, 5)
    house.claim()
    house.fail(1, 2, 3)
    (before,) = incidents.opened(house.state)
    house.now += 1
    house.fail(4)
    house.fail(5, retry_after_s=90.0)
    (known,) = incidents.opened(house.state)
    assert house.job(4).status is house.job(5).status is Status.QUEUED
    assert (known.attempts, known.since) == (0, before.since)
    assert known.next_attempt_at == house.now + 90.0
    assert sorted(known.failed_at) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("how", ["fetched", "transferring", "answered", "completed"])
def test_a_host_that_answers_lets_everybody_go_on_at_once(how: str) -> None:
    house = broken()
    house.submit(4, 5)
    house.now += 5
    assert house.claim() == [4]
    if how == "fetched":
        course.report(house.state, "job-4", FETCHED, now=house.now)
    elif how == "transferring":
        news = PhaseProgressed(Phase.FETCH, 1, 2, "objects")
        course.report(house.state, "job-4", news, now=house.now)
    elif how == "answered":
        house.fail(4, code="auth-failed")
        assert house.job(4).status is Status.FAILED
    else:
        course.complete(house.state, "job-4", DONE, now=house.now)
    assert house.hosts() == []
    assert house.claim() == [3, 5]


def test_a_transfer_that_began_is_no_proof_where_transfers_break_off() -> None:
    house = House(1, 2, 3)
    house.claim()
    house.fail(1, 2, 3, code="remote-interrupted")
    house.now += 5
    house.claim()
    course.report(house.state, "job-3", PhaseProgressed(Phase.FETCH, 1, 2, "objects"), now=NOON)
    assert house.hosts() == ["example.org"]


def test_a_probe_that_tells_nothing_of_the_host_makes_room_for_the_next() -> None:
    house = broken()
    house.submit(4, 5)
    house.now += 5
    assert house.claim() == [4]
    house.fail(4, code="disk-full")
    assert house.hosts() == ["example.org"]
    assert house.claim() == [5]
    intake.cancel(house.state, "job-5", ROOT, reason="", force=False, now=house.now)
    course.cancelled(house.state, "job-5", now=house.now)
    assert house.claim() == [3]
    course.interrupted(house.state, "job-3", now=house.now)
    assert house.claim() == [3]


def test_a_held_job_can_be_cancelled() -> None:
    house = broken()
    answer = intake.cancel(house.state, "job-3", ROOT, reason="", force=False, now=house.now)
    assert answer is not None
    assert answer.job.status is Status.CANCELLED


def test_nobody_is_held_back_for_longer_than_the_operator_says() -> None:
    house = broken(hold_s=600.0)
    house.now += 599
    house.submit(4)
    assert house.claim() == [4]
    house.fail(4)
    assert house.job(3).status is Status.QUEUED
    house.submit(5)
    house.now += 300
    assert house.claim() == [5]
    house.fail(5)
    held_for_long = house.job(3)
    assert (held_for_long.status, held_for_long.phase) == (Status.FAILED, None)
    assert held_for_long.error is not None
    assert held_for_long.error.code == "remote-unreachable"
    assert house.job(4).status is house.job(5).status is Status.QUEUED
    last = house.state.repositories.get(3)
    assert last is not None
    assert last.last_job is not None
    assert last.last_job.job_id == "job-3"


def test_a_clock_that_is_set_back_makes_nobody_wait_for_it() -> None:
    house = broken()
    house.now -= 3600
    assert house.claim() == [3]


def test_a_pause_is_told_before_an_incident() -> None:
    house = broken()
    queue.pause(house.state, reason="", user="root", now=house.now)
    house.now += 60
    assert house.reason(3) == "the queue is paused"
    assert house.claim() == []


def test_a_job_that_is_let_through_and_has_no_place_is_told_of_the_incident() -> None:
    house = broken()
    house.submit(9)
    house.claim()
    house.limits = Limits(running=1)
    house.now += 60
    assert house.claim() == []
    assert house.reason(3).endswith("; asked again as soon as a job can start")


def test_a_host_that_no_repository_is_left_of_is_forgotten() -> None:
    house = broken()
    intake.cancel(house.state, "job-3", ROOT, reason="", force=False, now=house.now)
    for number in (1, 2, 3, 4, 5):
        removal.remove(house.state, number, "ada", now=house.now)
    assert house.hosts() == ["example.org"]
    moved = catalogue.RepositoryChange(remote="https://example.com/6.git")
    catalogue.change(house.state, 6, moved)
    assert house.hosts() == []


def test_an_incident_of_another_day_is_told_with_its_date() -> None:
    house = broken()
    house.now += 80_000
    assert " since 2027-01-15 12:00 UTC; " in incidents.words(
        house.state, incidents.opened(house.state)[0], house.now
    )
