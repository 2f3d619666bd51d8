from __future__ import annotations

import pytest

from cidx import amounts


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.00 s"),
        (0.004, "0.00 s"),
        (1.5, "1.50 s"),
        (9.999, "10.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 0 s"),
        (200, "3 min 20 s"),
        (3599.6, "1 h 0 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert amounts.duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(8.4, "8 s"), (119, "119 s"), (180, "3 min"), (7200, "2 h"), (1e6, "12 days")],
)
def test_rough_durations(seconds: float, text: str) -> None:
    assert amounts.rough_duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (999, "999 B"), (5_240_000, "5.2 MB"), (1.5e9, "1.5 GB"), (3e15, "3000.0 TB")],
)
def test_sizes(number: float, text: str) -> None:
    assert amounts.size(number) == text


def test_counters_are_words_and_zeros_are_left_out() -> None:
    counted = {"objects_received": 1234, "bytes_received": 5_240_000, "files": 1, "blobs_new": 0}
    assert amounts.counters(counted) == "1,234 objects received, 5.2 MB received, 1 file"


def test_one_of_a_kind_is_singular() -> None:
    counted = {"branches": 1, "checked_entries": 1, "new_blobs": 1, "files_indexed": 1}
    assert amounts.counters(counted) == "1 branch, 1 checked entry, 1 new blob, 1 file indexed"


def test_ages_are_told_from_instants_with_and_without_fractions() -> None:
    at = amounts.instant_of("2026-11-24T03:00:00.500Z")
    assert at == amounts.instant_of("2026-11-24T04:00:00.5+01:00")
    assert at is not None
    assert amounts.age("2026-11-24T03:00:00Z", at + 300) == "5 min ago"
    assert amounts.age(None, 0) == "-"
    assert amounts.age("yesterday", 0) == "-"
