from __future__ import annotations

import dataclasses

from cidxd.model import moves, queue
from cidxd.model.job import Job, Status
from cidxd.model.queue import Limits

LIMITS = Limits(running=2, running_per_user=2)


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
    return moves.claim(
        job(number, user, repository=repository), at=1.0, weights=(), is_first=True
    ).job


def ids(jobs: list[Job]) -> list[str]:
    return [job.job_id for job in jobs]


def test_the_oldest_go_first_up_to_the_slots() -> None:
    assert ids(queue.due([job(3), job(1), job(2)], LIMITS, now=9.0)) == ["j1", "j2"]


def test_a_busy_repository_waits() -> None:
    waiting = job(2, repository=1)
    assert queue.due([running(1), waiting], LIMITS, now=9.0) == []
    place = queue.place(waiting, [running(1), waiting], LIMITS, now=9.0)
    assert place == queue.Place(1, "repository busy with job j1")


def test_users_take_turns() -> None:
    jobs = [running(1, "ada"), job(2, "ada"), job(3, "bob")]
    assert ids(queue.due(jobs, LIMITS, now=9.0)) == ["j3"]


def test_one_user_cannot_take_every_slot() -> None:
    limits = Limits(running=4, running_per_user=2)
    jobs = [job(n, "ada") for n in range(1, 5)]
    assert ids(queue.due(jobs, limits, now=9.0)) == ["j1", "j2"]
    held = [running(1), running(2), job(3)]
    place = queue.place(held[2], held, limits, now=9.0)
    assert place == queue.Place(1, "your two jobs are running")


def test_a_returned_job_goes_before_a_fresh_one() -> None:
    jobs = [job(1), job(2, returned=True)]
    assert ids(queue.due(jobs, Limits(running=1), now=9.0)) == ["j2"]


def test_a_job_in_back_off_waits_and_says_for_how_long() -> None:
    waiting = job(1, run_after=50.0, returned=True, attempt=2)
    assert queue.due([waiting], LIMITS, now=10.0) == []
    assert queue.wakes_at([waiting]) == 50.0
    place = queue.place(waiting, [waiting], LIMITS, now=10.0)
    assert place == queue.Place(1, "waiting 40 s before attempt 3")
    assert ids(queue.due([waiting], LIMITS, now=50.0)) == ["j1"]


def test_full_slots_are_the_reason() -> None:
    jobs = [running(1, "bob"), running(2, "cy"), job(3)]
    place = queue.place(jobs[2], jobs, LIMITS, now=9.0)
    assert place == queue.Place(1, "two of two slots in use")


def test_a_job_that_runs_has_no_place() -> None:
    assert queue.place(running(1), [running(1)], LIMITS, now=9.0) is None
    assert running(1).status is Status.RUNNING
