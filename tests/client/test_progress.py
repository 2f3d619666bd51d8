from __future__ import annotations

from typing import Any

from cidx.progress import PLAIN_PACE_S, Progress


def told(kind: str, **data: Any) -> dict[str, Any]:
    return {"type": kind, "data": {"status": "running", "progress_percentage": 0, **data}}


def ended(name: str, status: str = "completed") -> dict[str, Any]:
    record = {"name": name, "status": status, "duration_seconds": 1, "counters": {"files": 3}}
    return told(f"phase_{status}", phase_record=record)


def test_each_finished_phase_is_one_line_however_often_it_is_heard_of() -> None:
    progress = Progress()
    assert progress.after_event(ended("fetch")) == ["fetch          1.00 s  3 files"]
    assert progress.after_event(ended("fetch")) == []
    record = ended("diff")["data"]["phase_record"]
    job = {"status": "running", "phases": [ended("fetch")["data"]["phase_record"], record]}
    assert progress.after_job(job) == ["diff           1.00 s  3 files"]


def test_a_skipped_phase_is_no_line() -> None:
    assert Progress().after_event(ended("diff", "skipped")) == []


def test_the_percentage_never_goes_back() -> None:
    progress = Progress()
    for share in (10, 40.5, 0, 12, 41):
        progress.after_event(told("progressed", progress_percentage=share))
        progress.after_job({"status": "running", "progress_percentage": share / 2})
    assert progress.job["progress_percentage"] == 41


def test_a_job_that_is_ahead_of_its_events_gives_its_estimate_and_tells_nothing() -> None:
    progress = Progress()
    progress.after_event(told("phase_started", phase="fetch", progress_percentage=5))
    estimate = {"remaining_seconds": 9, "low_seconds": 4, "high_seconds": 20}
    record = ended("fetch")["data"]["phase_record"]
    ahead = {"status": "running", "phase": "index", "phases": [record], "estimate": estimate}
    progress.after_estimate({**ahead, "progress_percentage": 50})
    assert progress.live(80).split()[0] == "fetch"
    assert "9 s left" in progress.live(80)
    progress.after_event(told("interrupted", status="queued"))
    progress.after_estimate(ahead)
    assert "left" not in progress.live(80)
    assert progress.after_event(ended("fetch")) == ["fetch          1.00 s  3 files"]


def test_a_deferred_job_says_why_and_tells_its_phases_again() -> None:
    progress = Progress()
    progress.after_event(ended("fetch"))
    error = {"title": "the transfer broke off", "detail": "early EOF"}
    assert progress.after_event(told("deferred", status="queued", error=error)) == [
        "the transfer broke off: early EOF; it is tried again"
    ]
    assert progress.after_event(ended("fetch")) == ["fetch          1.00 s  3 files"]


def test_a_job_that_is_held_back_says_for_what_it_waits() -> None:
    error = {"title": "the remote cannot be reached", "detail": ""}
    held = "example.org has been unreachable since 14:02 UTC; next try in 4 s"
    news = told("deferred", status="queued", error=error, held=held)
    assert Progress().after_event(news) == [f"the remote cannot be reached; {held}"]


def test_a_daemon_that_stops_says_that_the_job_goes_on() -> None:
    lines = Progress().after_event(told("interrupted", status="queued"))
    assert lines == ["the daemon was stopped; the job goes on where it can"]


def test_unknown_events_are_taken_in_and_not_shown() -> None:
    progress = Progress()
    assert progress.after_event(told("sang", progress_percentage=7)) == []
    assert progress.job["progress_percentage"] == 7
    assert progress.after_event({"type": "hummed"}) == []


def test_a_log_gets_a_line_for_each_phase_and_else_every_few_seconds() -> None:
    progress = Progress()
    progress.after_event(told("progressed", phase="fetch", progress_percentage=5, message="ls"))
    assert progress.plain(100.0) == "fetch 5 %  ls"
    assert progress.plain(100.5) is None
    progress.after_event(told("phase_started", phase="index", progress_percentage=9, message=""))
    assert progress.plain(101.0) == "index 9 %"
    assert progress.plain(101.0 + PLAIN_PACE_S) == "index 9 %"
    progress.after_event(told("completed", status="completed", progress_percentage=100))
    assert progress.plain(200.0) is None
    assert progress.live(80) == ""


def test_a_log_hears_of_a_finished_phase_once() -> None:
    progress = Progress()
    progress.after_event(told("phase_started", phase="fetch"))
    progress.after_event(ended("fetch"))
    assert progress.plain(1.0) is None


def test_while_it_waits_the_reason_is_shown_and_forgotten_once_it_runs() -> None:
    progress = Progress()
    progress.after_job({"status": "queued", "queue": {"position": 2, "reason": "1 before it"}})
    assert "1 before it" in progress.live(80)
    progress.after_event(told("claimed", phase="fetch", message="looking at the remote"))
    assert "1 before it" not in progress.live(80)
    assert progress.live(80).endswith("looking at the remote")
