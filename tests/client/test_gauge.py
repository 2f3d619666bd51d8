from __future__ import annotations

from typing import Any

import pytest

from cidx import gauge

RUNNING: dict[str, Any] = {
    "status": "running",
    "phase": "index",
    "progress_percentage": 52.4,
    "message": "indexing: 1,200 of 3,000 files, 12.4 MB, 3.1 MB/s",
    "estimate": {"remaining_seconds": 12, "low_seconds": 8, "high_seconds": 20},
}
OPENING = {**RUNNING, "phase": "fetch", "progress_percentage": 0, "message": "asking the remote"}
QUEUED = {
    "status": "queued",
    "queue": {"position": 1, "reason": "github.example has been unreachable for 4 min"},
}


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (
            130,
            (
                "index      [==========          ]   52 %  12 s left (8 to 20 s)  "
                "indexing: 1,200 of 3,000 files, 12.4 MB, 3.1 MB/s"
            ),
        ),
        (
            110,
            (
                "index      [==========          ]   52 %  12 s left (8 to 20 s)  "
                "1,200 of 3,000 files, 12.4 MB, 3.1 MB/s"
            ),
        ),
        (80, "index      [=====     ]   52 %  12 s left (8 to 20 s)  12.4 MB, 3.1 MB/s"),
        (66, "index      [=====     ]   52 %  12 s left (8 to 20 s)  3.1 MB/s"),
        (60, "index      [=====     ]   52 %  12 s left (8 to 20 s)"),
        (59, "index 52 %  3.1 MB/s  12 s left (8 to 20 s)"),
        (40, "index 52 %  3.1 MB/s  12 s (8 to 20 s)"),
        (37, "index 52 %  3.1 MB/s  12 s (8-20 s)"),
        (35, "index 52 %  3.1 MB/s  12 s left"),
        (25, "index 52 %  3.1 MB/s"),
        (10, "index 52…"),
        (0, ""),
    ],
)
def test_the_live_line_keeps_what_tells_most_at_each_width(width: int, line: str) -> None:
    assert gauge.live_line(RUNNING, width) == line


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (80, "fetch      [          ]    0 %  12 s left (8 to 20 s)  asking the remote"),
        (66, "fetch      [          ]    0 %  12 s left (8 to 20 s)  asking th…"),
        (60, "fetch      [          ]    0 %  12 s left (8 to 20 s)"),
        (40, "fetch 0 %  12 s left (8 to 20 s)"),
    ],
)
def test_a_message_without_figures_is_cut_with_an_ellipsis(width: int, line: str) -> None:
    assert gauge.live_line(OPENING, width) == line


@pytest.mark.parametrize("width", range(200))
def test_the_live_line_never_wraps(width: int) -> None:
    for job in (RUNNING, OPENING, QUEUED, {}):
        assert len(gauge.live_line(job, width)) <= max(0, width - 1)


def test_a_job_that_waits_says_why_and_shows_no_bar() -> None:
    assert gauge.live_line(QUEUED, 80) == (
        "queued     github.example has been unreachable for 4 min"
    )
    assert gauge.live_line(QUEUED, 40) == "queued     github.example has been unr…"


def test_the_parts_stay_where_they_are_whatever_the_message_says() -> None:
    short, none = ({**RUNNING, "message": text} for text in ("indexing: 3.1 MB/s", ""))
    lines = [gauge.live_line(job, 80) for job in (RUNNING, short, none)]
    assert {line[: len(lines[2])] for line in lines} == {lines[2]}


def test_the_remaining_time_is_told_only_as_far_as_it_is_known() -> None:
    assert gauge.remaining({"estimate": None}) == ""
    assert gauge.remaining({"estimate": {"remaining_seconds": 0.2}}) == ""
    assert gauge.remaining({"estimate": {"remaining_seconds": 0.5}}) == "1 s left"
    assert gauge.remaining({"estimate": {"remaining_seconds": 300}}) == "5 min left"
    wide = {"remaining_seconds": 100, "low_seconds": 90, "high_seconds": 7200}
    assert gauge.remaining({"estimate": wide}) == "100 s left (90 s to 2 h)"
    same = {"remaining_seconds": 300, "low_seconds": 290, "high_seconds": 310}
    assert gauge.remaining({"estimate": same}) == "5 min left"


def test_a_log_gets_the_whole_message() -> None:
    assert gauge.plain_line(RUNNING) == (
        "index 52 %  indexing: 1,200 of 3,000 files, 12.4 MB, 3.1 MB/s  12 s left (8 to 20 s)"
    )
