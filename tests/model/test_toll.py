"""Rules of the token buckets, with a clock that is a number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cidxd.model.toll import Rate, Toll, neighbourhood


def test_a_burst_passes_and_then_the_rate_holds() -> None:
    toll = Toll(Rate(per_second=2.0, burst=3))
    said = [toll.charge("ada", 0.0) for _ in range(4)]
    assert [verdict.is_passed for verdict in said] == [True, True, True, False]
    assert [verdict.remaining for verdict in said] == [2, 1, 0, 0]
    assert said[-1].retry_after_s == 1
    assert said[-1].reset_s == 2
    assert toll.charge("ada", 0.5).is_passed
    assert not toll.charge("ada", 0.5).is_passed


def test_one_who_is_over_the_limit_keeps_nobody_else_from_asking() -> None:
    toll = Toll(Rate(1.0, 1))
    assert toll.charge("ada", 0.0).is_passed
    assert not toll.charge("ada", 0.0).is_passed
    assert toll.charge("bob", 0.0).is_passed


def test_a_refused_request_costs_nothing() -> None:
    toll = Toll(Rate(1.0, 1))
    for at in (0.0, 0.2, 0.4, 0.6, 0.8):
        toll.charge("ada", at)
    assert toll.charge("ada", 1.0).is_passed


def test_a_long_rest_gives_a_burst_and_no_more() -> None:
    toll = Toll(Rate(10.0, 5))
    toll.charge("ada", 0.0)
    assert [toll.charge("ada", 1e6).is_passed for _ in range(6)] == [True] * 5 + [False]


def test_so_many_are_remembered_and_the_one_not_seen_for_longest_is_forgotten() -> None:
    toll = Toll(Rate(1.0, 1), most=3)
    for number in range(100):
        toll.charge(str(number), 0.0)
    assert len(toll) == 3
    assert not toll.charge("99", 0.0).is_passed
    assert toll.charge("0", 0.0).is_passed


@given(st.lists(st.floats(0, 5), max_size=60), st.floats(0.1, 50), st.integers(1, 20))
def test_never_more_pass_than_burst_and_rate_allow(
    pauses: list[float], per_second: float, burst: int
) -> None:
    toll, now, passed = Toll(Rate(per_second, burst)), 0.0, 0
    for pause in pauses:
        now += pause
        verdict = toll.charge("ada", now)
        passed += verdict.is_passed
        assert passed <= burst + per_second * now + 1e-6
        assert verdict.is_passed or (verdict.retry_after_s or 0) >= 1


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("203.0.113.9", "203.0.113.10", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("unix", "unix", True),
    ],
)
def test_addresses_that_one_host_may_have_are_one(one: str, other: str, is_same: bool) -> None:  # noqa: FBT001
    assert (neighbourhood(one) == neighbourhood(other)) is is_same
