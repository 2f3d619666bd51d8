from __future__ import annotations

import dataclasses
import datetime as dt
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cidxd.errors import InvalidError
from cidxd.model import schedule
from cidxd.model.repository import BranchState, LastJob, Repository, Schedule

NOW = dt.datetime(2026, 11, 25, 12, 0, tzinfo=dt.UTC).timestamp()
HOUR, DAY = 3600.0, 86_400.0
ADAPTIVE = schedule.adaptive(300, 6 * HOUR)


def repository(
    *, age_s: float = 0.0, asked_at: float = NOW, failures: int = 0, **more: object
) -> Repository:
    """A repository whose last sync ended then, with a commit so old at that moment."""
    tip = BranchState(
        name="main", commit="1" * 40, indexed_at=NOW, job_id="j", committed_at=asked_at - age_s
    )
    made = Repository(
        repository_id=1,
        name="demo",
        remote="https://example.org/demo",
        key="example.org/demo",
        created_at=NOW - 400 * DAY,
        created_by="ada",
        branches=(tip,),
        last_job=LastJob(job_id="j", status="completed", finished_at=asked_at),
        failures=failures,
    )
    return dataclasses.replace(made, **more)  # type: ignore[arg-type]


def wait(row: Repository, chosen: Schedule = ADAPTIVE, *, now: float = NOW) -> float:
    at = schedule.next_at(row, chosen, now=now)
    assert at is not None
    return at - NOW


def utc(text: str) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()


@pytest.mark.parametrize(
    ("age_s", "least", "most"),
    [
        (0.0, 300, 330),
        (-DAY, 300, 330),  # a commit from the future
        (500.0, 300, 330),
        (2 * HOUR, HOUR, 1.1 * HOUR),
        (8 * HOUR, 4 * HOUR, 4.4 * HOUR),
        (300 * DAY, 5.4 * HOUR, 6 * HOUR),
    ],
)
def test_a_repository_is_looked_at_after_half_the_age_of_its_last_commit_between_bounds(
    age_s: float, least: float, most: float
) -> None:
    assert least <= wait(repository(age_s=age_s)) <= most


def test_repositories_that_were_asked_together_are_not_asked_together_again() -> None:
    waits = {wait(repository(age_s=300 * DAY, repository_id=number)) for number in range(1, 101)}
    assert len(waits) == 100
    assert min(waits) < 5.6 * HOUR < 5.8 * HOUR < max(waits)


@given(
    age_s=st.floats(-1e9, 1e9),
    failures=st.integers(0, 2000),
    low=st.floats(60, 1e6),
    more=st.floats(0, 1e6),
)
def test_an_adaptive_interval_never_leaves_its_bounds(
    age_s: float, failures: int, low: float, more: float
) -> None:
    bounds = Schedule(kind="adaptive", min_s=low, max_s=low + more)
    got = wait(repository(age_s=age_s, failures=failures), bounds)
    assert low - 1 <= got <= low + more + 1


def test_each_failure_doubles_the_wait_up_to_the_longest() -> None:
    waits = [wait(repository(failures=count)) for count in range(9)]
    for before, after in itertools.pairwise(waits[:7]):
        assert 1.6 * before < after < 2.3 * before
    assert waits[8] <= 6 * HOUR


def test_a_repository_that_was_never_synced_is_due_after_the_shortest_interval() -> None:
    row = repository(branches=(), last_job=None, created_at=NOW)
    assert 300 <= wait(row) <= 330


def test_what_is_off_is_never_due_and_one_without_a_choice_goes_by_the_servers() -> None:
    assert schedule.next_at(repository(), schedule.OFF, now=NOW) is None
    own = repository(schedule=schedule.OFF)
    assert schedule.next_at(own, ADAPTIVE, now=NOW) is None
    assert schedule.effective(own, ADAPTIVE) == (schedule.OFF, "repository")
    assert schedule.effective(repository(), ADAPTIVE) == (ADAPTIVE, "server")


def test_what_was_missed_for_days_is_due_once() -> None:
    hourly = schedule.cron("0 * * * *", "UTC", now=NOW - 9 * DAY)
    row = repository(schedule=hourly, polled_at=NOW - 3 * DAY)
    at = schedule.next_at(row, schedule.OFF, now=NOW)
    assert at is not None
    assert at < NOW
    again = dataclasses.replace(row, polled_at=NOW)
    assert schedule.next_at(again, schedule.OFF, now=NOW) == NOW + HOUR


def test_a_cron_schedule_that_was_just_set_is_not_due_for_the_time_before() -> None:
    nightly = schedule.cron("0 3 * * *", "UTC", now=NOW)
    row = repository(schedule=nightly, polled_at=NOW - 30 * DAY)
    assert schedule.next_at(row, schedule.OFF, now=NOW) == utc("2026-11-26 03:00")


def test_a_cron_schedule_passes_times_over_after_failures() -> None:
    minutely = schedule.cron("* * * * *", "UTC", now=NOW - DAY)

    def waited(failures: int) -> float:
        row = repository(schedule=minutely, polled_at=NOW - 60, failures=failures)
        return wait(row, minutely)

    assert [waited(count) for count in (0, 1, 2, 3)] == [0, 360, 660, 1260]
    assert waited(500) == DAY + 60


@pytest.mark.parametrize("kind", ["adaptive", "cron"])
def test_a_clock_that_was_set_back_makes_it_due_and_the_sync_ends_that(kind: str) -> None:
    cron = schedule.cron("0 3 * * *", "UTC", now=NOW)
    chosen = ADAPTIVE if kind == "adaptive" else cron
    row = repository(schedule=chosen, polled_at=NOW + 5 * DAY, asked_at=NOW + 5 * DAY)
    assert schedule.next_at(row, chosen, now=NOW) == NOW
    synced = repository(schedule=chosen, polled_at=NOW, asked_at=NOW)
    assert (schedule.next_at(synced, chosen, now=NOW) or 0) > NOW


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        # Summer time begins: 02:30 does not exist, and comes at once.
        ("30 2 * * *", "2026-03-28 12:00", ["2026-03-29 01:00", "2026-03-30 00:30"]),
        ("*/30 * * * *", "2026-03-29 00:30", ["2026-03-29 01:00", "2026-03-29 01:30"]),
        # It ends: 02:30 is there twice, and counts once; every half hour goes on.
        ("30 2 * * *", "2026-10-24 12:00", ["2026-10-25 00:30", "2026-10-26 01:30"]),
        ("*/30 * * * *", "2026-10-25 00:30", ["2026-10-25 01:00", "2026-10-25 01:30"]),
    ],
)
def test_cron_times_over_the_changes_of_summer_time(
    expression: str, after: str, expected: list[str]
) -> None:
    at, got = utc(after), []
    for _ in expected:
        at = schedule.cron_after(expression, "Europe/Berlin", at)
        got.append(at)
    assert got == [utc(text) for text in expected]


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "* * * *",
        "* * * * * *",
        "61 * * * *",
        "*/0 * * * *",
        "a b c d e",
        "30 2 30 2 *",  # the 30th of February
        "R * * * *",
        "H(0-5) * * * *",
        "@nightly",
    ],
)
def test_what_is_no_cron_expression_is_refused_with_a_pointer(expression: str) -> None:
    with pytest.raises(InvalidError) as refused:
        schedule.cron(expression, "UTC", now=NOW)
    assert refused.value.code == "schedule-invalid"
    assert refused.value.pointer == "/schedule/expression"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "/etc/localtime"])
def test_what_is_no_time_zone_is_refused_with_a_pointer(zone: str) -> None:
    with pytest.raises(InvalidError) as refused:
        schedule.cron("0 3 * * *", zone, now=NOW)
    assert refused.value.pointer == "/schedule/timezone"


@pytest.mark.parametrize(
    ("low", "high", "field"),
    [(1, 600, "min_seconds"), (600, 300, "max_seconds"), (300, 1e9, "max_seconds")],
)
def test_bounds_that_are_none_are_refused_with_a_pointer(
    low: float, high: float, field: str
) -> None:
    with pytest.raises(InvalidError) as refused:
        schedule.adaptive(low, high)
    assert refused.value.pointer == f"/schedule/{field}"
