from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cidxd.errors import FaultError
from cidxd.model import estimate, moves, outlook, timing
from cidxd.model.job import Job, Outcome, Status
from cidxd.model.pipeline import job_error
from cidxd.model.records import Wait
from cidxd.model.report import (
    ORDER,
    RECEIVING,
    Phase,
    PhaseEnded,
    PhaseProgressed,
    PhaseStarted,
    Usage,
)
from cidxd.model.timing import ASK, LEAVE, RECEIVE, SETTLE, START, Timing

QUEUED = Job(job_id="j", repository_id=1, repository="r", requested_by="ada", created_at=0.0)
SECONDS = dict(zip(ORDER, (10.0, 1.0, 5.0, 1.0, 1.0), strict=True))
PARTS = {ASK: 2.0, RECEIVE: 6.0, SETTLE: 2.0, START: 0.5, LEAVE: 0.5}
WORK = {"objects": 1000, "entries": 500, "blobs": 100}
USUAL = Timing(is_first=False, seconds=SECONDS, parts=PARTS, work=WORK)
HISTORY = [USUAL]
WHOLE_S = 19.0
ERROR = job_error(FaultError("remote-unreachable", "no route"), Phase.FETCH)


def claimed(timings: list[Timing]) -> Job:
    return moves.claim(QUEUED, at=0.0, is_first=False, timings=timings).job


def fetching(timings: list[Timing], *, at: float = 0.0) -> Job:
    return moves.start_phase(claimed(timings), Phase.FETCH, at=at, timings=timings).job


def received(done: int, total: int) -> PhaseProgressed:
    return PhaseProgressed(Phase.FETCH, done, total, "objects", step=RECEIVING)


def left_s(job: Job, timings: list[Timing], now: float) -> float:
    left = estimate.remaining(job, timings, now=now)
    assert left is not None
    assert left.low_s <= left.remaining_s <= left.high_s
    return left.remaining_s


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(ORDER), st.integers(0, 120), st.integers(0, 100))),
    st.lists(st.floats(-10.0, 100.0)),
)
def test_the_percentage_never_goes_back_whatever_is_reported_and_when(
    reports: list[tuple[Phase, int, int]], steps: list[float]
) -> None:
    job, now = claimed(HISTORY), 0.0
    seen = [0.0]
    for number, (phase, done, total) in enumerate(reports):
        now += steps[number % len(steps)] if steps else 1.0  # a clock may be set back
        told = PhaseProgressed(phase, done, total, "files")
        job = moves.start_phase(job, phase, at=now, timings=HISTORY).job
        job = moves.progress(job, told, at=now, timings=HISTORY).job
        job = moves.pass_time(job, at=now + 1, timings=HISTORY).job
        seen.append(estimate.shown(job.progress))
    assert seen == sorted(seen)
    assert seen[-1] < 100


def test_the_percentage_is_the_share_of_the_time_that_the_repositorys_history_tells() -> None:
    job = fetching(HISTORY)
    for at in (1.0, 4.75, 9.5):
        job = moves.pass_time(job, at=at, timings=HISTORY).job
        if at <= PARTS[ASK]:
            assert job.progress == pytest.approx(100 * at / WHOLE_S)
    job = moves.progress(fetching(HISTORY), received(0, 1000), at=2.0, timings=HISTORY).job
    for done, at in ((250, 3.5), (500, 5.0), (1000, 8.0)):
        job = moves.progress(job, received(done, 1000), at=at, timings=HISTORY).job
        assert job.progress == pytest.approx(100 * at / WHOLE_S)


def test_a_sync_of_twice_the_work_is_expected_to_take_longer() -> None:
    told = [received(1, total) for total in (1000, 2000, 10_000)]
    jobs = [moves.progress(fetching(HISTORY), one, at=2.0, timings=HISTORY).job for one in told]
    usual, twice, tenfold = (left_s(job, HISTORY, now=2.0) for job in jobs)
    assert usual == pytest.approx(WHOLE_S - PARTS[ASK], abs=0.2)
    assert twice > usual * 1.5
    assert tenfold > usual * 5


def test_between_a_small_and_a_large_sync_time_is_in_proportion() -> None:
    points = [(10.0, 1.0), (1000.0, 10.9)]
    assert outlook.at_work(points, 500.0) == pytest.approx(5.9)
    assert outlook.at_work(points, 1000.0) == pytest.approx(10.9)
    assert outlook.at_work(points, 10.0) == pytest.approx(1.0)


def test_a_step_that_is_slower_than_usual_is_expected_to_stay_so() -> None:
    job = moves.progress(fetching(HISTORY), received(0, 1000), at=2.0, timings=HISTORY).job
    job = moves.progress(job, received(500, 1000), at=32.0, timings=HISTORY).job
    assert left_s(job, HISTORY, now=32.0) > 11 + 20


def test_large_objects_that_come_last_are_expected_from_the_bytes_of_other_syncs() -> None:
    history = [dataclasses.replace(USUAL, work={**WORK, "bytes": 6_000_000})]
    job = moves.progress(fetching(history), received(0, 1000), at=2.0, timings=history).job
    told = PhaseProgressed(Phase.FETCH, 600, 1000, "objects", 1_000_000, RECEIVING)
    job = moves.progress(job, told, at=3.0, timings=history).job
    assert left_s(job, history, now=3.0) > 4.5 + 10, "five of six seconds of receiving are to come"
    faster = dataclasses.replace(told, done=900, bytes=5_900_000)
    job = moves.progress(job, faster, at=4.0, timings=history).job
    assert left_s(job, history, now=4.0) < 2 + 11, "a remote that is faster than usual"


def test_a_phase_that_is_late_and_tells_nothing_is_expected_to_be_as_late_again() -> None:
    assert left_s(fetching(HISTORY), HISTORY, now=42.0) == pytest.approx(40 + 17, abs=0.2)


def test_a_second_attempt_is_expected_at_the_pace_of_the_first() -> None:
    job = moves.progress(fetching(HISTORY), received(0, 1000), at=2.0, timings=HISTORY).job
    job = moves.progress(job, received(500, 1000), at=62.0, timings=HISTORY).job
    job = moves.defer(job, ERROR, Wait(70.0, 65.0), at=65.0, timings=HISTORY).job
    wait_s, whole_s = 5, 120 + WHOLE_S - PARTS[RECEIVE]
    assert left_s(job, HISTORY, now=65.0) == pytest.approx(wait_s + whole_s)
    shown = job.progress
    job = moves.claim(job, at=70.0, is_first=False, timings=HISTORY).job
    assert left_s(job, HISTORY, now=70.0) == pytest.approx(whole_s)
    assert job.progress >= shown


def test_the_pace_of_the_first_attempt_is_told_by_bytes_where_they_are_known() -> None:
    history = [dataclasses.replace(USUAL, work={**WORK, "bytes": 6_000_000})]
    job = moves.progress(fetching(history), received(0, 1000), at=2.0, timings=history).job
    told = PhaseProgressed(Phase.FETCH, 900, 1000, "objects", 2_000_000, RECEIVING)
    job = moves.progress(job, told, at=12.0, timings=history).job
    job = moves.defer(job, ERROR, Wait(12.0, 12.0), at=12.0, timings=history).job
    assert left_s(job, history, now=12.0) == pytest.approx(30 + WHOLE_S - PARTS[RECEIVE])


def test_a_mark_that_was_too_high_waits_until_the_truth_has_caught_up() -> None:
    job = fetching([])
    job = moves.pass_time(job, at=1.0, timings=[]).job
    high = job.progress
    job = moves.progress(job, received(1, 1_000_000), at=2.0, timings=[]).job
    job = moves.progress(job, received(10_000, 1_000_000), at=4.0, timings=[]).job
    assert job.progress == high
    assert left_s(job, [], now=4.0) > 50


def test_an_ended_job_has_no_remaining_time() -> None:
    job = moves.interrupt(claimed([]), at=1.0).job
    cancelled = dataclasses.replace(job, status=Status.CANCELLED)
    assert estimate.remaining(cancelled, [], now=2.0) is None


def course(job: Job, timings: list[Timing], *, factor: float = 1.0) -> Job:
    """Complete *job* in the way of SECONDS and PARTS, each *factor* times as long."""
    now = 0.0
    counters = {
        Phase.FETCH: {"objects_received": 1000},
        Phase.DIFF: {"entries": 500, "new_blobs": 100},
    }
    for phase in ORDER:
        job = moves.start_phase(job, PhaseStarted(phase).phase, at=now, timings=timings).job
        if phase is Phase.FETCH:
            for done, at in ((0, 2.0), (500, 5.0), (999, 8.0)):
                told = received(done, 1000)
                job = moves.progress(job, told, at=at * factor, timings=timings).job
            told = PhaseProgressed(phase, 1, 9, "deltas", step="resolving deltas")
            job = moves.progress(job, told, at=8.0 * factor, timings=timings).job
        now += SECONDS[phase] * factor
        ended = PhaseEnded(phase, counters.get(phase, {}), Usage())
        job = moves.end_phase(job, ended, at=now, timings=timings).job
        now += PARTS[START] * factor if phase is Phase.FETCH else 0.0
    now += PARTS[LEAVE] * factor
    return moves.complete(job, Outcome.UPDATED, at=now, summary={}, commits=()).job


def test_a_finished_sync_becomes_history_for_the_next() -> None:
    found = timing.timing_of(course(claimed([]), []))
    assert found.seconds == pytest.approx(SECONDS)
    assert found.parts == pytest.approx(PARTS)
    assert found.work == WORK


def test_many_syncs_that_change_nothing_do_not_push_out_what_others_took() -> None:
    unchanged = Timing(is_first=False, seconds={Phase.FETCH: 0.1})
    timings: tuple[Timing, ...] = (USUAL,)
    for _ in range(100):
        timings = timing.remembered(timings, unchanged)
    assert USUAL in timings
    assert len(timings) < 20


@pytest.mark.parametrize(("factor", "ratio"), [(1.0, 1.0), (2.0, 0.45), (0.5, 2.1)])
def test_a_completed_job_knows_how_far_off_its_estimate_was_at_half_time(
    factor: float, ratio: float
) -> None:
    job = course(claimed(HISTORY), HISTORY, factor=factor)
    assert job.estimate_ratio == pytest.approx(ratio, rel=0.15)
    assert job.guesses == (), "they are not kept with the job"


def test_guesses_kept_while_a_job_runs_are_few_however_long_it_takes() -> None:
    job = fetching(HISTORY)
    for second in range(1, 20_000):
        job = moves.pass_time(job, at=float(second), timings=HISTORY).job
    assert len(job.guesses) < 20
    assert any(guess.gone_s <= 10_000 for guess in job.guesses)


def test_the_range_is_as_wide_as_past_estimates_were_wrong() -> None:
    def width(ratio: float) -> float:
        history = [dataclasses.replace(USUAL, ratio=ratio)] * 3
        left = estimate.remaining(fetching(history), history, now=0.0)
        assert left is not None
        return left.high_s - left.low_s

    assert width(1.0) < width(1.5) < width(2.5)


def test_an_estimate_says_what_it_rests_on() -> None:
    first = dataclasses.replace(USUAL, is_first=True, is_new=True)
    sized = moves.progress(fetching([]), received(1, 10), at=1.0).job
    for job, timings, words in (
        (fetching([]), [], "usual rates"),
        (sized, [], "usual rates and this repository's size"),
        (fetching([first]), [first], "this repository's other syncs"),
        (fetching(HISTORY), HISTORY, "this repository's last sync of this kind"),
        (fetching(HISTORY * 3), HISTORY * 3, "this repository's last 3 syncs of this kind"),
    ):
        left = estimate.remaining(job, timings, now=1.0)
        assert left is not None
        assert left.basis == words


def test_without_history_the_remaining_time_follows_what_is_known_to_be_indexed() -> None:
    job = fetching([])
    few = moves.end_phase(job, PhaseEnded(Phase.FETCH, {"objects_received": 10}, Usage()), at=1.0)
    many = moves.end_phase(
        job, PhaseEnded(Phase.FETCH, {"objects_received": 8_000_000}, Usage()), at=1.0
    )
    assert left_s(few.job, [], now=1.0) < 2
    assert left_s(many.job, [], now=1.0) > 10


def test_history_of_an_older_daemon_still_counts() -> None:
    old = Timing(is_first=False, seconds=SECONDS)
    job = moves.start_phase(fetching([old]), Phase.INDEX, at=1.0, timings=[old]).job
    assert left_s(job, [old], now=1.0) == pytest.approx(10 + 5 + 1 + 1 + 1, abs=10)
