"""Lists of jobs and repositories as aligned columns; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cidx import amounts, layout, matches, render, schedules
from cidx.layout import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

_JOBS = (
    Column("JOB"),
    Column("REPOSITORY", least=10),
    Column("STATUS", least=26),
    Column("BY", least=6),
    Column("CREATED"),
    Column("TOOK"),
)
_REPOSITORIES = (
    Column("NAME", least=10),
    Column("REMOTE", least=10, keeps_end=True),
    Column("BRANCH", least=6),
    Column("COMMIT"),
    Column("INDEXED"),
    Column("LAST JOB"),
    Column("NEXT"),
)


def jobs_table(jobs: Sequence[dict[str, Any]], now: float, width: int | None = None) -> list[str]:
    """Return jobs as a table within *width* cells; ids by their last eight characters."""
    return layout.table(_JOBS, [_job_row(job, now) for job in jobs], width, heads=2)


def _job_row(job: dict[str, Any], now: float) -> list[str]:
    status = str(job.get("status"))
    if status in {"queued", "running"}:
        status = render.state(job)
    elif status == "completed":
        status = str(job.get("outcome") or status)
    elif job.get("error"):
        status = f"{status}: {job['error'].get('code')}"
    elapsed = job.get("elapsed_seconds")
    return [
        amounts.short_id(job.get("job_id")),
        str(job.get("repository")),
        status,
        str(job.get("requested_by") or "-"),
        amounts.age(job.get("created_at"), now),
        amounts.duration(float(elapsed)) if elapsed else "-",
    ]


def repositories_table(
    repositories: Sequence[dict[str, Any]], now: float, width: int | None = None
) -> list[str]:
    """Return repositories as a table within *width* cells, one row for each branch."""
    rows = [row for one in repositories for row in _rows(one, now)]
    return layout.table(_REPOSITORIES, rows, width)


def _rows(repository: dict[str, Any], now: float) -> list[list[str]]:
    job = repository.get("last_job") or {}
    last = str(job.get("status") or "-")
    coming = schedules.coming(repository.get("next_sync"), now)
    name, remote = str(repository.get("name")), str(repository.get("remote"))
    branches = repository.get("branches") or [{"name": repository.get("default_branch") or "-"}]
    rows = []
    for at, branch in enumerate(branches):
        lead = [name, remote] if at == 0 else ["", ""]
        tail = [last, coming] if at == 0 else ["", ""]
        rows.append([*lead, *_branch_cells(branch, now), *tail])
    return rows


def _branch_cells(branch: dict[str, Any], now: float) -> list[str]:
    commit = branch.get("commit")
    return [
        str(branch.get("name")),
        amounts.short_commit(commit) if commit else "-",
        amounts.age(branch.get("indexed_at"), now) if commit else "not yet",
    ]


def repository_lines(repository: dict[str, Any], now: float) -> list[str]:
    """Return everything `cidx repo show` tells of a repository."""
    job = repository.get("last_job") or {}
    tracked = _tracked(repository)
    lines = [
        f"{repository.get('name')}",
        f"  remote    {repository.get('remote')}",
        f"  tracked   {tracked}",
        *_access(repository, now),
    ]
    lines += [f"  {freshness(branch, now)}" for branch in repository.get("branches") or ()]
    if job:
        ended = amounts.age(job.get("finished_at"), now) if job.get("finished_at") else ""
        last = f"{amounts.short_id(job.get('job_id'))} {job.get('status')} {ended}"
        lines.append(f"  last job  {last.rstrip()}")
    return lines + schedules.lines(repository, now)


def _access(repository: dict[str, Any], now: float) -> list[str]:
    kept = repository.get("credentials")
    if not kept:
        return []
    set_ago, key = amounts.age(kept.get("set_at"), now), kept.get("fingerprint")
    whose = f"set {set_ago} by {kept.get('set_by')}"
    return [f"  access    {kept.get('kind')}, {whose}{f', {key}' if key else ''}"]


def skipped_line(file: dict[str, Any]) -> str:
    """Return a file whose content is not searched as reason, size in bytes and path."""
    path = matches.printable(str(file.get("path")))
    return f"{file.get('reason'):10} {file.get('size'):>12} {path}"


def _tracked(repository: dict[str, Any]) -> str:
    default = repository.get("default_branch")
    names = [name for name in repository.get("tracked") or () if name != default]
    return ", ".join([f"{default} (default)" if default else "the default branch", *names])


def freshness(branch: dict[str, Any], now: float) -> str:
    """Return how fresh one branch's index is."""
    name = f"{branch.get('name'):9}"
    if not branch.get("commit"):
        return f"{name} not indexed yet"
    commit = amounts.short_commit(branch["commit"])
    return f"{name} at {commit}, indexed {amounts.age(branch.get('indexed_at'), now)}"
