"""
Which jobs a host's trouble holds back: decided on the state, see `incident` for one host's.

While an incident is open, one job of the host runs at a time, the one that was tried
longest ago, so that a repository with a trouble of its own does not hold the others back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cidxd.model import incident as incident_of
from cidxd.model.incident import ANSWERS, TROUBLES, Failure, Incident
from cidxd.model.job import Job, JobError, Status
from cidxd.model.registry import State
from cidxd.model.repository import host_of

# Of these a transfer that began is no proof: it is what they break.
_BREAKS_TRANSFERS: Final = frozenset({"remote-interrupted", "remote-timeout"})


def opened(state: State) -> list[Incident]:
    """Return the open incidents, by host."""
    return sorted((row for row in state.incidents.values() if row.is_open), key=lambda i: i.host)


def holding(job: Job, state: State) -> Incident | None:
    """Return the open incident of the host that *job* will ask, None without one."""
    host = _host(state, job.repository_id)
    known = None if host is None else state.incidents.get(host)
    return known if known is not None and known.is_open else None


def let_through(state: State, jobs: list[Job], now: float) -> list[Job]:
    """Return those of *jobs*, which could start, that no incident holds back."""
    hosts = {row.host: row for row in opened(state)}
    if not hosts:
        return jobs
    free: list[Job] = []
    held: dict[str, list[Job]] = {}
    for job in jobs:
        host = _host(state, job.repository_id)
        if host is not None and host in hosts:
            held.setdefault(host, []).append(job)
        else:
            free.append(job)
    for host, waiting in held.items():
        if hosts[host].is_due(now) and probe(state, hosts[host]) is None:
            free.append(min(waiting, key=_tried_at))
    return free


def probe(state: State, known: Incident) -> Job | None:
    """Return the job that asks the host now, None while none does."""
    job = None if known.probe is None else state.jobs.get(known.probe)
    return job if job is not None and job.status is Status.RUNNING else None


def waiting(state: State, known: Incident) -> list[Job]:
    """Return the queued jobs that *known* holds back."""
    jobs = (job for job in state.jobs.active() if job.status is Status.QUEUED)
    return [job for job in jobs if _host(state, job.repository_id) == known.host]


def words(state: State, known: Incident, now: float) -> str:
    """
    Return the fact in words, and what comes next.

    They are kept in jobs of the host's other repositories, so they name the job that asks it
    only where every user may read of that one.
    """
    job = probe(state, known)
    return incident_of.words(known, now, None if job is None else _public_id(state, job))


def claimed(state: State, job: Job) -> None:
    """Take note that *job*, which was let through, asks its host."""
    known = holding(job, state)
    if known is not None:
        state.incidents.put(known.host, known.with_probe(job.job_id))


def answered(state: State, job: Job, *, in_full: bool) -> None:
    """Take note that *job*'s host answers; in full when the whole fetch went well."""
    host = _host(state, job.repository_id)
    known = None if host is None else state.incidents.get(host)
    if known is None:
        return
    if in_full or (known.is_open and known.code not in _BREAKS_TRANSFERS):
        state.incidents.drop(known.host)


def after_fault(
    state: State,
    job: Job,
    error: JobError,
    needed: int,
    most_s: float,
    *,
    now: float,
    jitter: float,
    retry_after_s: float | None,
) -> Incident | None:
    """Take note of what *error* tells of the host; return the incident that is to blame for it."""
    host = _host(state, job.repository_id)
    if host is None or error.code not in TROUBLES:
        if error.code in ANSWERS:
            answered(state, job, in_full=True)
        return None
    failure = Failure(
        repository_id=job.repository_id,
        job_id=job.job_id,
        code=error.code,
        detail=error.detail,
        at=now,
        jitter=jitter,
        retry_after_s=retry_after_s,
    )
    before = state.incidents.get(host)
    known = incident_of.after(before, host, failure, needed=needed, most_s=most_s)
    state.incidents.put(host, known)
    return known if known.is_open else None


def is_overdue(job: Job, known: Incident, most_s: float, now: float) -> bool:
    """Return whether *known* held *job* back for as long as it may."""
    return now - max(job.created_at, known.opened_at or 0.0) >= most_s


def forget_unused(state: State, remotes: Iterable[str]) -> None:
    """Forget the hosts of *remotes* that no repository has any more."""
    used = {host_of(row.remote) for row in state.repositories.values()}
    for host in {host_of(remote) for remote in remotes} - used:
        if host is not None and state.incidents.get(host) is not None:
            state.incidents.drop(host)


def _public_id(state: State, job: Job) -> str:
    row = state.repositories.get(job.repository_id)
    return "" if row is None or row.access.is_restricted else job.job_id


def _host(state: State, repository_id: int) -> str | None:
    repository = state.repositories.get(repository_id)
    return None if repository is None else host_of(repository.remote)


def _tried_at(job: Job) -> tuple[float, float, str]:
    tried_at = job.attempts[-1].started_at if job.attempts else 0.0
    return tried_at, job.created_at, job.job_id
