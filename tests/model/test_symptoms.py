"""Symptoms of other systems' rules, one by one: each fails to happen here."""

from __future__ import annotations

import pytest

from cidxd.model import moves, retention
from cidxd.model.job import FINAL, Job, Outcome, PhaseStatus, Status
from cidxd.model.report import ORDER, Phase, PhaseEnded, PhaseProgressed, Usage
from cidxd.model.retention import Ended, Rules

DAY = 86_400.0
QUEUED = Job(job_id="j", repository_id=1, repository="r", requested_by="ada", created_at=0.0)


def claimed(job: Job = QUEUED) -> Job:
    return moves.claim(job, at=1.0, is_first=True, is_new=True).job


def started(job: Job, phase: Phase, at: float) -> Job:
    return moves.start_phase(job, phase, at=at, timings=()).job


def told(job: Job, phase: Phase, done: int, total: int, at: float = 2.0) -> Job:
    return moves.progress(job, PhaseProgressed(phase, done, total, "files"), at=at, timings=()).job


def test_a_percentage_of_25_is_not_followed_by_0() -> None:
    job = told(started(claimed(), Phase.FETCH, 1.0), Phase.FETCH, 25, 100)
    reached = job.progress
    assert reached > 0
    job = moves.end_phase(job, PhaseEnded(Phase.FETCH, {}, Usage()), at=2.0, timings=()).job
    for phase in ORDER[1:]:  # each begins with nothing done
        job = told(started(job, phase, 3.0), phase, 0, 8_008)
        assert job.progress >= reached
    again = claimed(moves.interrupt(job, at=4.0).job)
    assert told(started(again, Phase.FETCH, 5.0), Phase.FETCH, 0, 9).progress > 0


def test_174_of_8008_files_are_not_100_percent() -> None:
    job = started(claimed(), Phase.INDEX, 1.0)
    job = told(job, Phase.INDEX, 174, 174)  # what was known of at first
    job = told(job, Phase.INDEX, 174, 8_008)
    assert job.progress < 100
    done = moves.complete(job, Outcome.UPDATED, at=9.0, summary={}, commits=()).job
    assert done.progress == 100


def test_a_failed_job_shows_no_100_percent_and_no_phase_left_running() -> None:
    job = told(started(claimed(), Phase.FETCH, 1.0), Phase.FETCH, 9, 9)
    cancelled = moves.interrupt(job, at=2.0).job
    assert cancelled.progress < 100
    assert PhaseStatus.RUNNING not in {record.status for record in cancelled.phases}


@pytest.mark.parametrize("status", sorted(FINAL))
def test_no_final_state_is_never_purged_and_all_are_by_the_time_of_their_end(
    status: Status,
) -> None:
    rules = Rules(completed_s=30 * DAY, failed_s=90 * DAY, kept_per_repository=0)
    just_ended = Ended(job_id="a", status=status, finished_at=1_000 * DAY)  # created long before
    assert retention.expired([just_ended], (), rules, now=1_001 * DAY) == []
    assert retention.expired([just_ended], (), rules, now=1_091 * DAY) == [just_ended]
