from __future__ import annotations

import dataclasses

import pytest

from cidxd.model import moves, retention
from cidxd.model.job import Job, Outcome, Status
from cidxd.model.registry import State
from cidxd.model.retention import Ended, Rules

DAY = 86_400.0
NOW = 1_000 * DAY
RULES = Rules(completed_s=30 * DAY, failed_s=90 * DAY, kept_per_repository=1)


def ended(status: Status, days_ago: float, job_id: str = "old") -> Ended:
    return Ended(job_id=job_id, status=status, finished_at=NOW - days_ago * DAY)


@pytest.mark.parametrize(
    ("status", "days_ago", "is_gone"),
    [
        (Status.COMPLETED, 0, False),
        (Status.COMPLETED, 30, False),
        (Status.COMPLETED, 30.1, True),
        (Status.CANCELLED, 29.9, False),
        (Status.CANCELLED, 30.1, True),
        (Status.FAILED, 30.1, False),
        (Status.FAILED, 90, False),
        (Status.FAILED, 90.1, True),
        (Status.COMPLETED, -1, False),  # the clock was set back
    ],
)
def test_a_job_goes_when_its_kind_is_kept_no_longer(
    status: Status, days_ago: float, *, is_gone: bool
) -> None:
    job = ended(status, days_ago)
    assert retention.expired([job], ["newer"], RULES, now=NOW) == ([job] if is_gone else [])
    assert retention.expired([job], ["old"], RULES, now=NOW) == []


def test_the_jobs_that_ended_last_stay_and_the_order_too() -> None:
    jobs = [ended(Status.COMPLETED, 100 - n, str(n)) for n in range(5)]
    gone = retention.expired(jobs, ["4", "3"], RULES, now=NOW)
    assert [job.job_id for job in gone] == ["0", "1", "2"]


@pytest.mark.parametrize(("completed_s", "failed_s"), [(1.0, 9.0), (9.0, 1.0)])
def test_nothing_that_ended_after_the_earliest_instant_is_old_enough(
    completed_s: float, failed_s: float
) -> None:
    rules = dataclasses.replace(RULES, completed_s=completed_s, failed_s=failed_s)
    at = rules.earliest(now=NOW)
    statuses = (Status.COMPLETED, Status.CANCELLED, Status.FAILED)
    on = [Ended(job_id="x", status=status, finished_at=at) for status in statuses]
    assert not any(rules.is_over(job, now=NOW) for job in on)
    before = [dataclasses.replace(job, finished_at=at - 0.1) for job in on]
    assert any(rules.is_over(job, now=NOW) for job in before)


def test_pruning_forgets_ended_jobs_and_no_active_one() -> None:
    state = State()
    queued = Job(job_id="q", repository_id=1, repository="r", requested_by="ada", created_at=1.0)
    running = moves.claim(
        dataclasses.replace(queued, job_id="r", repository_id=2),
        at=2.0, is_first=True,
    ).job  # fmt: skip
    done = moves.complete(
        dataclasses.replace(running, job_id="d", repository_id=3, is_permitted=True),
        Outcome.UNCHANGED, at=3.0, summary={}, commits=(),
    ).job  # fmt: skip
    for job in (queued, running, done):
        state.jobs.put(job.job_id, job)
    draft = State(state)
    gone = retention.prune(draft, ["q", "r", "d", "in the store only"])
    assert gone == ["d", "in the store only"]
    state.absorb(draft)
    assert [job.job_id for job in state.jobs.values()] == ["q", "r"]
    assert [job.job_id for job in state.jobs.active()] == ["q", "r"]
