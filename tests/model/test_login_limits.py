"""How many logins may fail: rules without a daemon."""

from __future__ import annotations

import pytest

from cidxd.model import login_limits
from cidxd.model.login_limits import LoginCounts, LoginLimits, network_of

LIMITS = LoginLimits(per_account_and_address=3, per_address=5, per_account=7, window_s=70.0)


def tries(counts: LoginCounts, account: str, address: str, *, now: float = 0.0) -> int:
    """Return how many tries there are until one must wait."""
    count = 0
    while not counts.attempt(account, address, now=now):
        count += 1
    return count


def test_an_account_has_so_many_tries_from_one_address() -> None:
    counts = LoginCounts(LIMITS)
    assert tries(counts, "ada", "10.0.0.1") == 3
    assert tries(counts, "ada", "10.0.0.2") == 3, "elsewhere it has others"
    assert tries(counts, "bob", "10.0.0.1") == 2, "of which the address has five in all"


def test_the_wait_that_is_told_is_enough() -> None:
    counts = LoginCounts(LIMITS)
    tries(counts, "ada", "10.0.0.1")
    wait_s = counts.attempt("ada", "10.0.0.1", now=0.0)
    assert wait_s == pytest.approx(70 / 3)
    assert counts.attempt("ada", "10.0.0.1", now=wait_s + 0.001) == 0
    assert counts.attempt("ada", "10.0.0.1", now=wait_s + 0.001) > 0
    assert tries(counts, "ada", "10.0.0.1", now=1000.0) == 3


def test_guesses_from_many_places_do_not_lock_out_the_owner_at_home() -> None:
    counts = LoginCounts(LIMITS)
    assert counts.attempt("ada", "192.0.2.1", now=0.0) == 0
    counts.succeeded("ada", "192.0.2.1", now=0.0)
    for number in range(20):
        tries(counts, "ada", f"10.0.0.{number}")
    assert counts.attempt("ada", "10.0.1.1", now=0.0) > 0, "nobody guesses on from anywhere"
    assert counts.attempt("ada", "192.0.2.1", now=0.0) == 0, "and ada logs in"


def test_a_success_takes_no_room() -> None:
    counts = LoginCounts(LIMITS)
    for _ in range(100):
        assert counts.attempt("ada", "10.0.0.1", now=0.0) == 0
        counts.succeeded("ada", "10.0.0.1", now=0.0)


def test_a_clock_that_goes_back_gives_no_tries_and_takes_none() -> None:
    counts = LoginCounts(LIMITS)
    assert counts.attempt("ada", "10.0.0.1", now=1000.0) == 0
    assert tries(counts, "ada", "10.0.0.1", now=0.0) == 2


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_limits, "_MOST", 50)
    counts = LoginCounts(LIMITS)
    for number in range(1000):
        counts.attempt(f"user{number}", f"10.0.{number // 250}.{number % 250}", now=0.0)
        counts.succeeded(f"user{number}", f"10.0.{number // 250}.{number % 250}", now=0.0)
    for buckets in (counts._pairs, counts._addresses, counts._accounts):
        assert len(buckets._buckets) <= 50
    assert len(counts._known) <= 50


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("unix", "unix", True),
    ],
)
def test_what_counts_as_one_place(one: str, other: str, *, is_same: bool) -> None:
    assert (network_of(one) == network_of(other)) == is_same
