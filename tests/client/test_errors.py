from __future__ import annotations

import pytest

from cidx.errors import Exit, ProblemError, WaitInterruptedError, WaitTimedOutError, exit_code_of


def test_the_exit_codes_are_those_of_the_contract() -> None:
    assert {code.name.lower(): int(code) for code in Exit} == {
        "done": 0,
        "error": 1,
        "usage": 2,
        "unreachable": 3,
        "not_allowed": 4,
        "job_failed": 5,
        "job_cancelled": 6,
        "timed_out": 124,
        "interrupted": 130,
    }


@pytest.mark.parametrize(
    ("status", "code"),
    [("completed", 0), ("failed", 5), ("cancelled", 6), ("queued", 0), ("running", 0)],
)
def test_a_jobs_status_becomes_an_exit_code(status: str, code: int) -> None:
    assert exit_code_of(status) == code


@pytest.mark.parametrize(
    ("status", "code"), [(400, 1), (401, 4), (403, 4), (404, 1), (409, 1), (422, 1), (500, 1)]
)
def test_only_refused_access_is_exit_4(status: int, code: int) -> None:
    assert ProblemError("no", status=status).exit_code == code


def test_who_stops_waiting_is_told_the_whole_id() -> None:
    assert WaitTimedOutError("abc", "running", 600).message == (
        "the job is still running after 600 s and goes on: abc"
    )
    assert WaitInterruptedError("abc").hint == "cidx jobs follow abc, or cidx jobs cancel abc"
