"""A job as lines for people; pure, and tolerant of a daemon that says less or more."""

from __future__ import annotations

from typing import Any

from cidx import amounts, gauge

_CHANGES = ("added", "modified", "deleted", "renamed")
_REACHED = {"running", "completed", "failed", "cancelled"}

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
        share = f"{gauge.percentage(job)} %"
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


def phase_line(record: dict[str, Any]) -> str:
    """Return one ended phase: its name, how it ended, how long it took, what it counted."""
    name = f"{record.get('name', ''):{gauge.NAME_WIDTH}}"
    status = str(record.get("status"))
    took = record.get("duration_seconds")
    time = "" if took is None else amounts.duration(float(took))
    words = [f"{time:>10}"] if status == "completed" else [f"{status:>10}", time]
    counted = amounts.counters(record.get("counters") or {})
    return "  ".join(part for part in (name, *words, counted) if part).rstrip()


def result_lines(job: Job) -> list[str]:
    """Return what became of an ended job: outcome, commits, files, cost."""
    lines = [job_line(job)]
    lines += [f"  {_commit_line(move)}" for move in job.get("commits") or ()]
    summary = job.get("summary")
    if summary and job.get("outcome") != "unchanged":
        lines += [f"  {'files':{gauge.NAME_WIDTH}} {_files(summary)}"]
    if summary and summary.get("index_damage"):
        lines += [
            f"  {'rebuilt':{gauge.NAME_WIDTH}} the index was damaged: {summary['index_damage']}"
        ]
    cost = _cost(job)
    if cost:
        lines.append(f"  {'cost':{gauge.NAME_WIDTH}} {cost}")
    return lines


def _commit_line(move: dict[str, Any]) -> str:
    before, after = move.get("before"), move.get("indexed") or move.get("fetched")
    name = f"{move.get('branch', ''):{gauge.NAME_WIDTH}}"
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


def detail_lines(job: Job, now: float) -> list[str]:
    """Return everything `cidx jobs show` tells of a job at POSIX second *now*."""
    lines = [job_line(job), *_facts(job, now), *_phases(job), *result_lines(job)[1:]]
    error = job.get("error") or {}
    lines += [
        _fact("attempt", _attempt(attempt))
        for attempt in job.get("attempts") or ()
        # The last attempt's error is the job's own, which follows.
        if attempt.get("interrupted") or (attempt.get("error") and attempt["error"] != error)
    ]
    if error:
        lines.append(_fact("error", error_text(error)))
        lines += [_fact("hint", error["hint"])] if error.get("hint") else []
        lines.append(_fact("fault", _fault_name(error)))
    return lines


def _fault_name(error: dict[str, Any]) -> str:
    kind = "transient" if error.get("retryable") else "permanent"
    page = error.get("docs")
    return f"{error.get('code')} ({kind})" + (f", see {page}" if page else "")


def _facts(job: Job, now: float) -> list[str]:
    asked = amounts.moment(job.get("created_at"))
    facts = [
        ("repo", job.get("repository")),
        ("asked by", ", ".join(job.get("requesters") or [str(job.get("requested_by"))])),
        ("created", f"{asked}, {amounts.age(job['created_at'], now)}" if asked else ""),
        ("started", amounts.moment(job.get("started_at"))),
        ("finished", amounts.moment(job.get("finished_at"))),
        ("now", job.get("message") if job.get("status") == "running" else ""),
        ("remaining", gauge.remaining(job)),
        ("cancel", _cancel(job.get("cancel") or {})),
        ("retry of", job.get("retry_of")),
        ("retried", job.get("retried_by")),
    ]
    return [_fact(name, value) for name, value in facts if value]


def _fact(name: str, value: object) -> str:
    return f"  {name:{gauge.NAME_WIDTH}} {value}"


def _cancel(cancel: dict[str, Any]) -> str:
    parts = (str(cancel.get(name) or "") for name in ("requested_by", "reason"))
    return ": ".join(part for part in parts if part)


def _phases(job: Job) -> list[str]:
    """Return a line for each phase that was reached, and one for those that were not."""
    records = job.get("phases") or ()
    lines = [f"  {phase_line(one)}" for one in records if one.get("status") in _REACHED]
    others: dict[str, list[str]] = {}
    for one in records:
        if one.get("status") not in _REACHED:
            others.setdefault(_unreached(job, str(one.get("status"))), []).append(one["name"])
    return lines + [_fact(word, ", ".join(names)) for word, names in others.items()]


def _unreached(job: Job, status: str) -> str:
    if status != "pending":
        return status
    return "to come" if job.get("status") in {"queued", "running"} else "not run"


def _attempt(attempt: dict[str, Any]) -> str:
    if attempt.get("error"):
        return f"{attempt.get('number')} failed: {error_text(attempt['error'])}"
    return f"{attempt.get('number')} was interrupted: the daemon was stopped"
