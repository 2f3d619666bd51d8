from __future__ import annotations

from typing import Any

from cidx import amounts, render

NOW = amounts.instant_of("2026-11-24T03:10:00Z") or 0.0
JOB_ID = "01930000-0000-7000-8000-00000000beef"
UPDATED: dict[str, Any] = {
    "job_id": JOB_ID,
    "repository": "django",
    "requested_by": "ada",
    "requesters": ["ada", "bob"],
    "status": "completed",
    "outcome": "updated",
    "phase": None,
    "progress_percentage": 100.0,
    "created_at": "2026-11-24T03:00:00Z",
    "started_at": "2026-11-24T03:00:01Z",
    "finished_at": "2026-11-24T03:00:04Z",
    "elapsed_seconds": 3.21,
    "estimate": None,
    "queue": None,
    "commits": [
        {"branch": "main", "before": "1" * 40, "fetched": "2" * 40, "indexed": "2" * 40},
        {"branch": "stable", "before": "3" * 40, "fetched": "3" * 40, "indexed": "3" * 40},
        {"branch": "topic", "before": None, "fetched": "4" * 40, "indexed": "4" * 40},
    ],
    "phases": [
        {
            "name": "fetch",
            "status": "completed",
            "duration_seconds": 0.42,
            "counters": {"objects_received": 120, "bytes_received": 48_000},
        },
        {"name": "diff", "status": "completed", "duration_seconds": 12.3, "counters": {}},
        {"name": "index", "status": "skipped", "duration_seconds": None, "counters": {}},
    ],
    "summary": {
        "files_total": 7012,
        "files_added": 3,
        "files_modified": 2,
        "files_deleted": 1,
        "files_renamed": 0,
        "files_indexed": 5,
        "files_skipped": 12,
        "skipped_by_reason": {"binary": 10, "too large": 2},
    },
    "resources": {"cpu_seconds": 2.1, "peak_rss_bytes": 120_000_000},
    "attempts": [
        {"number": 1, "error": {"code": "remote-timeout", "title": "the remote stopped answering"}},
        {"number": 2, "error": None},
    ],
    "error": None,
}
RUNNING: dict[str, Any] = {
    "job_id": JOB_ID,
    "status": "running",
    "phase": "index",
    "progress_percentage": 52.4,
    "message": "1,200 of 3,000 files, 350/s",
    "estimate": {"remaining_seconds": 12, "low_seconds": 8, "high_seconds": 20},
}


def test_an_updated_job_tells_commits_files_and_cost() -> None:
    assert render.result_lines(UPDATED) == [
        f"job {JOB_ID}: completed, updated in 3.21 s",
        "  main      1111111111 -> 2222222222",
        "  stable    at 3333333333",
        "  topic     none -> 4444444444",
        (
            "  files     7,012 files: 3 added, 2 modified, 1 deleted, 0 renamed; 5 indexed; "
            "12 skipped (10 binary, 2 too large)"
        ),
        "  cost      3.21 s elapsed, 2.10 s CPU, 120.0 MB peak memory",
    ]


def test_a_job_that_rebuilt_a_damaged_index_names_the_damage() -> None:
    summary = {**UPDATED["summary"], "index_damage": "segment 12.seg: cut short"}
    assert "  rebuilt   the index was damaged: segment 12.seg: cut short" in render.result_lines(
        {**UPDATED, "summary": summary}
    )


def test_an_unchanged_job_is_told_without_its_files() -> None:
    job = {**UPDATED, "outcome": "unchanged", "commits": UPDATED["commits"][1:2]}
    assert render.result_lines(job) == [
        f"job {JOB_ID}: completed, unchanged in 3.21 s",
        "  stable    at 3333333333",
        "  cost      3.21 s elapsed, 2.10 s CPU, 120.0 MB peak memory",
    ]


def test_the_first_line_says_why_a_queued_job_waits() -> None:
    job = {"job_id": "1", "status": "queued", "queue": {"position": 3, "reason": "2 before it"}}
    assert render.job_line(job) == "job 1: queued, 2 before it"
    assert render.job_line({**job, "joined": True}) == (
        "job 1: queued, 2 before it (joined a sync that was already asked for)"
    )
    assert render.job_line({"job_id": "1", "status": "queued"}) == "job 1: queued"


def test_running_failed_and_cancelled_jobs_in_one_line() -> None:
    assert render.job_line(RUNNING) == f"job {JOB_ID}: running, index, 52 %"
    failed = {"job_id": "1", "status": "failed", "error": {"phase": "fetch"}, "elapsed_seconds": 3}
    assert render.job_line(failed) == "job 1: failed in fetch after 3.00 s"
    cancelled = {"job_id": "1", "status": "cancelled", "cancel": {"requested_by": "ada"}}
    assert render.job_line(cancelled) == "job 1: cancelled by ada"


def test_phase_lines_align_their_figures() -> None:
    assert [render.phase_line(record) for record in UPDATED["phases"]] == [
        "fetch          0.42 s  120 objects received, 48.0 kB received",
        "diff           12.3 s",
        "index         skipped",
    ]
    failed = {"name": "fetch", "status": "failed", "duration_seconds": 0.06}
    assert render.phase_line(failed) == "fetch          failed  0.06 s"


def test_an_error_is_its_title_and_its_detail() -> None:
    assert render.error_text({"title": "git failed", "detail": "exit 128\n"}) == (
        "git failed: exit 128"
    )
    assert render.error_text({"code": "internal", "title": None}) == "internal"


def test_the_details_of_a_job() -> None:
    assert render.detail_lines(UPDATED, NOW)[:10] == [
        f"job {JOB_ID}: completed, updated in 3.21 s",
        "  repo      django",
        "  asked by  ada, bob",
        "  created   2026-11-24 03:00:00 UTC, 10 min ago",
        "  started   2026-11-24 03:00:01 UTC",
        "  finished  2026-11-24 03:00:04 UTC",
        "  fetch          0.42 s  120 objects received, 48.0 kB received",
        "  diff           12.3 s",
        "  skipped   index",
        "  main      1111111111 -> 2222222222",
    ]
    assert render.detail_lines(UPDATED, NOW)[-1] == (
        "  attempt   1 failed: the remote stopped answering"
    )


def test_a_failed_job_tells_each_fault_once_and_what_was_not_run() -> None:
    error = {"code": "remote-timeout", "title": "the remote stopped answering", "hint": "wait"}
    phases = [{"name": "fetch", "status": "failed", "duration_seconds": 2}]
    phases += [{"name": name, "status": "pending"} for name in ("diff", "index")]
    attempts = [
        {"number": 1, "error": None, "interrupted": True},
        {"number": 2, "error": {"title": "git failed"}},
        {"number": 3, "error": error},
    ]
    job = {"job_id": "1", "status": "failed", "phases": phases, "attempts": attempts}
    lines = render.detail_lines({**job, "error": error}, NOW)
    assert lines[2:] == [
        "  fetch          failed  2.00 s",
        "  not run   diff, index",
        "  attempt   1 was interrupted: the daemon was stopped",
        "  attempt   2 failed: git failed",
        "  error     the remote stopped answering",
        "  hint      wait",
        "  fault     remote-timeout (permanent)",
    ]


def test_a_running_job_tells_what_it_does_and_what_is_to_come() -> None:
    phases = [{"name": "index", "status": "running"}, {"name": "validate", "status": "pending"}]
    lines = render.detail_lines({**RUNNING, "phases": phases}, NOW)
    assert "  now       1,200 of 3,000 files, 350/s" in lines
    assert "  remaining 12 s left (8 to 20 s)" in lines
    assert "  to come   validate" in lines


def test_a_cancelled_job_tells_who_and_why() -> None:
    cancel = {"requested_by": "ada", "reason": "the disk is exchanged"}
    job = {"job_id": "1", "status": "cancelled", "cancel": cancel}
    assert "  cancel    ada: the disk is exchanged" in render.detail_lines(job, NOW)


def test_a_daemon_that_says_next_to_nothing_is_borne() -> None:
    assert render.detail_lines({"job_id": "1", "status": "queued", "requested_by": "ada"}, NOW)
    assert render.result_lines({"job_id": "1", "status": "completed"}) == ["job 1: completed, done"]
