from __future__ import annotations

from typing import Any

import click
import pytest

from cidx import amounts, schedules

NOW = amounts.instant_of("2026-11-24T03:10:00Z") or 0.0


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("off", {"kind": "off"}),
        ("default", {"kind": "default"}),
        ("adaptive", {"kind": "adaptive"}),
        ("adaptive:5m-6h", {"kind": "adaptive", "min_seconds": 300, "max_seconds": 21_600}),
        ("adaptive:90-2d", {"kind": "adaptive", "min_seconds": 90, "max_seconds": 172_800}),
        ("*/15 * * * *", {"kind": "cron", "expression": "*/15 * * * *"}),
        ("@hourly", {"kind": "cron", "expression": "@hourly"}),
        ("sometimes", None),
        ("off:1", None),
        ("adaptive:", None),
        ("adaptive:5m", None),
        ("adaptive:5w-6h", None),
        ("* * * *", None),
        ("", None),
    ],
)
def test_a_schedule_is_written_in_one_word_or_as_cron(text: str, meant: Any) -> None:
    assert schedules.parsed(text) == meant


def test_a_time_zone_belongs_to_a_cron_expression() -> None:
    cron = {"kind": "cron", "expression": "0 3 * * *"}
    assert schedules.wanted(cron, "Europe/Berlin") == {**cron, "timezone": "Europe/Berlin"}
    assert schedules.wanted(None, None) is None
    for other in (None, {"kind": "off"}):
        with pytest.raises(click.UsageError, match="belongs to a cron expression"):
            schedules.wanted(other, "Europe/Berlin")


def test_what_starts_syncs_is_told_in_words() -> None:
    adaptive = {"kind": "adaptive", "min_seconds": 300, "max_seconds": 21600}
    row: dict[str, Any] = {"schedule": adaptive, "schedule_from": "server"}
    hook = {"created_by": "ada", "created_at": "2026-11-24T03:00:00Z"}
    told = {**row, "next_sync": "2026-11-24T03:15:00Z", "webhook": hook}
    assert schedules.lines(told, NOW) == [
        "  schedule  adaptive, every 5 min to 6 h (the server's default)",
        "  next sync in 5 min",
        "  webhook   made 10 min ago by ada",
    ]
    off = {"schedule": None, "schedule_from": "repository", "next_sync": None}
    assert schedules.lines(off, NOW) == ["  schedule  off"]
    assert schedules.lines({}, NOW) == []
    assert schedules.coming("2026-11-24T03:09:00Z", NOW) == "due"
