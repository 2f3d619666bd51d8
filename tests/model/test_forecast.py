from __future__ import annotations

from collections.abc import Sequence

import pytest

from cidxd.model import estimate, forecast, moves, queue
from cidxd.model.job import Job
from cidxd.model.queue import Limits
from cidxd.model.registry import State
from cidxd.model.report import Phase
from cidxd.model.repository import BranchState, Repository
from cidxd.model.timing import Timing

TAKES = {Phase.FETCH: 4.0, Phase.DIFF: 1.0, Phase.INDEX: 4.0, Phase.VALIDATE: 1.0}
TIMING = Timing(is_first=False, seconds={**TAKES, Phase.PUBLISH: 0.0})  # 10 s in all
ONE_SLOT = Limits(running=1, running_per_user=1)


def state_of(jobs: Sequence[tuple[int, str]], *, running: int) -> State:
    """Return jobs 0, 1, 2… of (repository, user), the first *running* of them just claimed."""
    state = State()
    for number, (repository_id, user) in enumerate(jobs):
        state.repositories.put(repository_id, _repository(repository_id))
        queued = Job(
            job_id=str(number), repository_id=repository_id, repository="r",
            requested_by=user, created_at=float(number),
        )  # fmt: skip
        job = moves.enqueue(queued, at=float(number)).job
        state.jobs.put(job.job_id, job)
        if number < running:
            job = moves.claim(job, at=100.0, is_first=False, timings=(TIMING,)).job
            state.jobs.put(job.job_id, job)
    return state


def _repository(number: int) -> Repository:
    branch = BranchState(name="main", commit="c", indexed_at=0.0, job_id="x", is_default=True)
    return Repository(
        repository_id=number, name=f"r{number}", remote="/r", key=f"/{number}", created_at=0.0,
        created_by="ada", branches=(branch,), timings=(TIMING,),
    )  # fmt: skip


def starts(state: State, limits: Limits) -> list[float | None]:
    return [
        forecast.starts_in(job, state, limits, now=100.0)
        for job in sorted(state.jobs.active(), key=lambda job: job.job_id)
    ]


@pytest.mark.parametrize(
    ("jobs", "running", "limits", "expected"),
    [
        ([(1, "a"), (2, "b"), (3, "c")], 1, Limits(running=1), [0, 10, 20]),
        ([(1, "a"), (2, "b"), (3, "c"), (4, "d")], 2, Limits(running=2), [0, 0, 10, 10]),
        ([(1, "a"), (1, "b"), (2, "c")], 1, Limits(running=4), [0, 10, 0]),
        ([(1, "a"), (2, "a"), (3, "b")], 1, Limits(running=4, running_per_user=1), [0, 10, 0]),
    ],
    ids=["one slot", "two slots", "its repository is busy", "its user's jobs run"],
)
def test_a_queued_job_starts_when_what_it_waits_for_is_over(
    jobs: list[tuple[int, str]], running: int, limits: Limits, expected: list[float]
) -> None:
    found = starts(state_of(jobs, running=running), limits)
    assert found == pytest.approx(expected, abs=0.5)


def test_the_estimate_of_a_queued_job_has_the_jobs_before_it_and_says_so() -> None:
    state = state_of([(1, "a"), (2, "b")], running=1)
    job = state.jobs.get("1")
    assert job is not None
    starts_in_s = forecast.starts_in(job, state, ONE_SLOT, now=100.0)
    left = estimate.remaining(job, (TIMING,), now=100.0, starts_in_s=starts_in_s or 0.0)
    assert left is not None
    assert left.low_s < left.remaining_s < left.high_s
    assert left.remaining_s == pytest.approx(20, abs=0.5)
    assert left.basis == "this repository's last sync of this kind, after those before it"


def test_nobody_knows_when_a_paused_queue_goes_on() -> None:
    state = state_of([(1, "a")], running=0)
    queue.pause(state, reason="", user="ada", now=100.0)
    assert starts(state, ONE_SLOT) == [None]


def test_a_thousand_waiting_jobs_are_forecast_in_one_go() -> None:
    state = state_of([(number, str(number % 7)) for number in range(1000)], running=4)
    found = starts(state, Limits(running=4, running_per_user=4))
    assert max(start for start in found if start is not None) == pytest.approx(2490, abs=20)
