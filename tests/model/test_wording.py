from __future__ import annotations

import pytest

from cidxd.model import wording
from cidxd.model.report import Phase, PhaseProgressed

RECEIVED = PhaseProgressed(Phase.FETCH, 450, 1000, "objects", 12_300_000, "receiving objects")


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (RECEIVED, "receiving objects: 450 of 1,000 objects, 12.3 MB, 3.0 MB/s"),
        (
            PhaseProgressed(Phase.INDEX, 3120, 8008, "files", 41_000_000),
            "indexing: 3,120 of 8,008 files, 41.0 MB, 10.0 MB/s, 760 files/s",
        ),
        (
            PhaseProgressed(Phase.FETCH, 30, 300, "deltas", step="resolving deltas"),
            "resolving deltas: 30 of 300 deltas, 7.3 deltas/s",
        ),
        (PhaseProgressed(Phase.VALIDATE, 0, 0, "files"), "checking the new index"),
        (PhaseProgressed(Phase.FETCH, 70, 0, "objects", step="x"), "x: 70 objects, 17 objects/s"),
    ],
)
def test_a_message_has_counts_and_rates(report: PhaseProgressed, words: str) -> None:
    assert wording.message(report, 4.1) == words


def test_there_is_no_rate_before_there_is_time() -> None:
    assert wording.message(RECEIVED, 0.0) == "receiving objects: 450 of 1,000 objects, 12.3 MB"
