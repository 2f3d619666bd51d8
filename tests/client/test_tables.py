from __future__ import annotations

from typing import Any

from cidx import amounts, tables

NOW = amounts.instant_of("2026-11-24T03:10:00Z") or 0.0
REPOSITORY = {
    "name": "django",
    "remote": "https://example.org/django.git",
    "default_branch": "main",
    "tracked": ["stable"],
    "branches": [
        {"name": "main", "commit": "1" * 40, "indexed_at": "2026-11-24T03:00:00Z"},
        {"name": "stable", "commit": None, "indexed_at": None},
    ],
    "last_job": {"job_id": "x", "status": "completed", "finished_at": "2026-11-24T03:00:00Z"},
    "schedule": {"kind": "cron", "expression": "*/15 * * * *", "timezone": "UTC"},
    "schedule_from": "repository",
    "next_sync": "2026-11-24T03:15:00Z",
}


def test_jobs_are_listed_by_the_end_of_their_ids() -> None:
    created = "2026-11-24T03:05:00Z"
    base: dict[str, Any] = {"repository": "django", "requested_by": "ada", "created_at": created}
    jobs: list[dict[str, Any]] = [
        {**base, "job_id": "019300000-aaaa1111", "status": "queued", "elapsed_seconds": None},
        {
            **base,
            "job_id": "019300000-bbbb2222",
            "status": "running",
            "phase": "index",
            "progress_percentage": 40,
            "elapsed_seconds": 61,
        },
        {**base, "job_id": "019300000-cccc3333", "status": "failed", "error": {"code": "stalled"}},
    ]
    assert tables.jobs_table(jobs, NOW) == [
        "JOB       REPOSITORY  STATUS                BY   CREATED    TOOK",
        "aaaa1111  django      queued                ada  5 min ago  -",
        "bbbb2222  django      running, index, 40 %  ada  5 min ago  1 min 1 s",
        "cccc3333  django      failed: stalled       ada  5 min ago  -",
    ]


def test_a_job_that_waits_says_why_and_not_only_what_failed_before() -> None:
    held = "example.org has been unreachable since 14:02 UTC; next try in 40 s"
    error = {"code": "remote-unreachable"}
    job = {"job_id": "1", "repository": "django", "status": "queued", "error": error}
    lines = tables.jobs_table([{**job, "queue": {"position": 1, "reason": held}}], NOW)
    assert f"queued, {held}" in lines[1]
    narrow = tables.jobs_table([{**job, "queue": {"position": 1, "reason": held}}], NOW, 80)
    assert "queued, example.org has been" in narrow[1]
    assert len(narrow[1]) <= 80


def test_repositories_have_a_row_for_each_branch() -> None:
    remote = "https://example.org/django.git"
    assert tables.repositories_table([REPOSITORY], NOW) == [
        "NAME    REMOTE                          BRANCH  COMMIT      INDEXED     LAST JOB   NEXT",
        f"django  {remote}  main    1111111111  10 min ago  completed  in 5 min",
        "                                        stable  -           not yet",
    ]


def test_a_repository_in_full() -> None:
    assert tables.repository_lines(REPOSITORY, NOW) == [
        "django",
        "  remote    https://example.org/django.git",
        "  tracked   main (default), stable",
        "  main      at 1111111111, indexed 10 min ago",
        "  stable    not indexed yet",
        "  last job  x completed 10 min ago",
        "  schedule  */15 * * * * in UTC",
        "  next sync in 5 min",
    ]
