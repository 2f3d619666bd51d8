from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cidxd.model import estimate, moves
from cidxd.model.estimate import Timing
from cidxd.model.job import Job
from cidxd.model.report import ORDER, Phase, PhaseEnded, PhaseProgressed, PhaseStarted, Usage

QUEUED = Job(job_id="j", repository_id=1, repository="r", requested_by="ada", created_at=0.0)
SECONDS = dict(zip(ORDER, (10.0, 1.0, 5.0, 1.0, 1.0), strict=True))
HISTORY = [Timing(is_first=False, seconds=SECONDS)]


def claimed(timings: list[Timing]) -> Job:
    shares = estimate.weights(timings, is_first=False)
    return moves.claim(QUEUED, at=0.0, weights=shares, is_first=False).job


@given(st.lists(st.tuples(st.sampled_from(ORDER), st.integers(0, 120), st.integers(0, 100))))
def test_the_percentage_never_goes_back_whatever_is_reported(
    reports: list[tuple[Phase, int, int]],
) -> None:
    job = claimed(HISTORY)
    seen = [0.0]
    for phase, done, total in reports:
        job = moves.start_phase(job, phase, at=1.0).job
        job = moves.progress(job, PhaseProgressed(phase, done, total, "files"), at=1.0).job
        seen.append(estimate.shown(job.progress))
    assert seen == sorted(seen)
    assert seen[-1] < 100


def test_the_shares_are_those_of_the_repositorys_own_history() -> None:
    shares = dict(zip(ORDER, estimate.weights(HISTORY, is_first=False), strict=True))
    assert shares[Phase.FETCH] == pytest.approx(10 / 18)
    assert sum(shares.values()) == pytest.approx(1)


def test_the_remaining_time_rests_on_history_then_on_the_phases_own_rate() -> None:
    job = moves.start_phase(claimed(HISTORY), Phase.FETCH, at=0.0).job
    left = estimate.remaining(job, HISTORY, now=0.0)
    assert left is not None
    assert left.remaining_s == pytest.approx(18.0)
    assert left.low_s < left.remaining_s < left.high_s
    assert "last 1 syncs" in left.basis
    halfway = moves.progress(job, PhaseProgressed(Phase.FETCH, 50, 100, "objects"), at=20.0).job
    left = estimate.remaining(halfway, HISTORY, now=20.0)
    assert left is not None
    assert left.remaining_s > 8 + 5, "it is slower than usual, and so is the estimate"


def test_an_ended_job_has_no_remaining_time() -> None:
    job = moves.interrupt(claimed([]), at=1.0).job
    cancelled = dataclasses.replace(job, status="cancelled")  # type: ignore[arg-type]
    assert estimate.remaining(cancelled, [], now=2.0) is None


def test_a_finished_sync_becomes_history_for_the_next() -> None:
    job = claimed([])
    for at, phase in enumerate(ORDER):
        job = moves.start_phase(job, PhaseStarted(phase).phase, at=at * 10.0).job
        job = moves.end_phase(job, PhaseEnded(phase, {}, Usage()), at=at * 10.0 + 4).job
    timing = estimate.timing_of(job)
    assert timing == Timing(is_first=False, seconds=dict.fromkeys(ORDER, 4.0))


def test_a_message_has_counts_and_a_rate() -> None:
    report = PhaseProgressed(Phase.FETCH, 450, 1000, "objects", 12_300_000, "receiving objects")
    words = estimate.message(report, 4.1)
    assert words == "receiving objects: 450 of 1,000 objects, 12.3 MB, 3.0 MB/s"


def test_without_history_the_remaining_time_follows_what_is_known_to_be_indexed() -> None:
    job = moves.start_phase(claimed([]), Phase.FETCH, at=0.0).job
    few = moves.end_phase(job, PhaseEnded(Phase.FETCH, {"objects_received": 10}, Usage()), at=1.0)
    many = moves.end_phase(
        job, PhaseEnded(Phase.FETCH, {"objects_received": 80_000}, Usage()), at=1.0
    )
    short = estimate.remaining(few.job, [], now=1.0)
    long = estimate.remaining(many.job, [], now=1.0)
    assert short is not None
    assert long is not None
    assert short.remaining_s < 2
    assert long.remaining_s > 60
    assert short.basis == "usual rates"
