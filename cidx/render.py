"""A job as lines for people; pure, and tolerant of a daemon that says less or more."""

from __future__ import annotations

from typing import Any

from cidx import amounts

_CHANGES = ("added", "modified", "deleted", "renamed")
_NAME_WIDTH = 9
_BAR_WIDTH = 20
_ROOM_FOR_BAR = 60  # cells; a narrower line tells figures only
_LEAST_TOLD_S = 0.5

Job = dict[str, Any]


def job_line(job: Job) -> str:
    """Return who and how it is: `job ID: queued, waiting for its turn`."""
    joined = " (joined a sync that was already asked for)" if job.get("joined") else ""
    text = state(job)
    return f"job {job.get('job_id')}: {text}{joined}"


def state(job: Job) -> str:
    """Return a job's status in words, with what tells most about it."""
    status = str(job.get("status"))
    if status == "running":
        share = f"{_percentage(job)} %"
        return ", ".join(str(part) for part in (status, job.get("phase"), share) if part)
    if status == "queued":
        why = (job.get("queue") or {}).get("reason") or job.get("message")
        return f"{status}, {why}" if why else status
    return f"{status}{_how_it_ended(job)}"


def _how_it_ended(job: Job) -> str:
    took = _elapsed(job)
    after = f" after {took}" if took else ""
    if job.get("status") == "completed":
        return f", {job.get('outcome') or 'done'}{f' in {took}' if took else ''}"
    if job.get("status") == "failed":
        phase = (job.get("error") or {}).get("phase")
        return f"{f' in {phase}' if phase else ''}{after}"
    by = (job.get("cancel") or {}).get("requested_by")
    return f"{f' by {by}' if by else ''}{after}"


def _elapsed(job: Job) -> str:
    elapsed = job.get("elapsed_seconds")
    return "" if elapsed is None else amounts.duration(float(elapsed))


def _percentage(job: Job) -> int:
    # Rounded down: 100 is for a job that has ended.
    return min(100, int(job.get("progress_percentage") or 0))


def phase_line(record: dict[str, Any]) -> str:
    """Return one ended phase: its name, how it ended, how long it took, what it counted."""
    name = f"{record.get('name', ''):{_NAME_WIDTH}}"
    status = str(record.get("status"))
    took = record.get("duration_seconds")
    time = "" if took is None else amounts.duration(float(took))
    words = [f"{time:>10}"] if status == "completed" else [f"{status:>10}", time]
    counted = amounts.counters(record.get("counters") or {})
    return "  ".join(part for part in (name, *words, counted) if part).rstrip()


def live_line(job: Job, width: int) -> str:
    """
    Return the one line that is drawn again and again, no wider than *width* cells.

    Args:
        job: status, phase, progress_percentage, message, and estimate where known.
        width: Of the terminal.
    """
    share = _percentage(job)
    filled = share * _BAR_WIDTH // 100
    bar = f"[{'=' * filled}{' ' * (_BAR_WIDTH - filled)}]" if width >= _ROOM_FOR_BAR else ""
    name = str(job.get("phase") or job.get("status") or "")
    # The message comes last: where there is no room for all of it, its end goes.
    parts = [f"{name:{_NAME_WIDTH}}", bar, f"{share:3} %", remaining(job), _what_now(job)]
    return "  ".join(part for part in parts if part)[: max(0, width - 1)].rstrip()


def plain_line(job: Job) -> str:
    """Return how far a job is, for a log: `index 52 %  1,200 of 3,000 files`."""
    name = job.get("phase") or job.get("status") or ""
    parts = [f"{name} {_percentage(job)} %", _what_now(job), remaining(job)]
    return "  ".join(part for part in parts if part)


def _what_now(job: Job) -> str:
    if job.get("status") == "queued":
        return str((job.get("queue") or {}).get("reason") or job.get("message") or "")
    return str(job.get("message") or "")


def remaining(job: Job) -> str:
    """Return the rest of the time with its range, an empty string while it is not known."""
    estimate = job.get("estimate") or {}
    left = estimate.get("remaining_seconds")
    if left is None or float(left) < _LEAST_TOLD_S:
        return ""
    low, high = estimate.get("low_seconds"), estimate.get("high_seconds")
    text = f"{amounts.rough_duration(float(left))} left"
    if low is None or high is None:
        return text
    shortest, longest = amounts.rough_duration(float(low)), amounts.rough_duration(float(high))
    if shortest == longest:
        return text
    number, _, unit = shortest.partition(" ")
    return f"{text} ({number if longest.endswith(f' {unit}') else shortest} to {longest})"


def result_lines(job: Job) -> list[str]:
    """Return what became of an ended job: outcome, commits, files, cost."""
    lines = [job_line(job)]
    lines += [f"  {_commit_line(move)}" for move in job.get("commits") or ()]
    summary = job.get("summary")
    if summary and job.get("outcome") != "unchanged":
        lines += [f"  {'files':{_NAME_WIDTH}} {_files(summary)}"]
    if summary and summary.get("index_damage"):
        lines += [f"  {'rebuilt':{_NAME_WIDTH}} the index was damaged: {summary['index_damage']}"]
    cost = _cost(job)
    if cost:
        lines.append(f"  {'cost':{_NAME_WIDTH}} {cost}")
    return lines


def _commit_line(move: dict[str, Any]) -> str:
    before, after = move.get("before"), move.get("indexed") or move.get("fetched")
    name = f"{move.get('branch', ''):{_NAME_WIDTH}}"
    if before == after:
        return f"{name} at {amounts.short_commit(after)}"
    return f"{name} {amounts.short_commit(before)} -> {amounts.short_commit(after)}"


def _files(summary: dict[str, Any]) -> str:
    total = amounts.count(int(summary.get("files_total") or 0), "file")
    changes = [f"{summary.get(f'files_{kind}') or 0:,} {kind}" for kind in _CHANGES]
    text = f"{total}: {', '.join(changes)}"
    if summary.get("files_indexed"):
        text += f"; {summary['files_indexed']:,} indexed"
    skipped = summary.get("skipped_by_reason") or {}
    if summary.get("files_skipped"):
        reasons = ", ".join(f"{number:,} {reason}" for reason, number in skipped.items())
        text += f"; {summary['files_skipped']:,} skipped{f' ({reasons})' if reasons else ''}"
    return text


def _cost(job: Job) -> str:
    resources = job.get("resources") or {}
    parts = []
    if _elapsed(job):
        parts.append(f"{_elapsed(job)} elapsed")
    if resources.get("cpu_seconds") is not None:
        parts.append(f"{amounts.duration(float(resources['cpu_seconds']))} CPU")
    if resources.get("peak_rss_bytes"):
        parts.append(f"{amounts.size(resources['peak_rss_bytes'])} peak memory")
    return ", ".join(parts)


def error_text(error: dict[str, Any]) -> str:
    """Return a job's error as one text: what happened, and git's or the indexer's own word."""
    title = str(error.get("title") or error.get("code") or "the job failed")
    detail = str(error.get("detail") or "").strip()
    return f"{title}: {detail}" if detail else title


def detail_lines(job: Job) -> list[str]:
    """Return everything `cidx jobs show` tells of a job."""
    facts = [
        ("repository", job.get("repository")),
        ("asked by", ", ".join(job.get("requesters") or [str(job.get("requested_by"))])),
        ("created", job.get("created_at")),
        ("started", job.get("started_at")),
        ("finished", job.get("finished_at")),
        ("remaining", remaining(job)),
        ("retry of", job.get("retry_of")),
        ("retried by", job.get("retried_by")),
    ]
    lines = [*result_lines(job)[:1], *(f"  {name:10} {value}" for name, value in facts if value)]
    lines += [f"  {phase_line(record)}" for record in job.get("phases") or ()]
    lines += result_lines(job)[1:]
    attempts = job.get("attempts") or ()
    lines += [f"  {_attempt_line(attempt)}" for attempt in attempts if attempt.get("error")]
    if job.get("error"):
        lines.append(f"  {'error':10} {error_text(job['error'])}")
        lines += [f"  {'hint':10} {job['error']['hint']}"] if job["error"].get("hint") else []
        lines.append(f"  {'fault':10} {_fault_name(job['error'])}")
    return lines


def _fault_name(error: dict[str, Any]) -> str:
    kind = "transient" if error.get("retryable") else "permanent"
    page = error.get("docs")
    return f"{error.get('code')} ({kind})" + (f", see {page}" if page else "")


def _attempt_line(attempt: dict[str, Any]) -> str:
    return f"{'attempt':10} {attempt.get('number')} failed: {error_text(attempt['error'])}"
