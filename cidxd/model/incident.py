"""
A remote host whose repositories fail alike: what is known of it, and when it is asked again.

    suspected ── enough repositories failed ──> open ── it answered ──> forgotten
        └── it answered ──> forgotten

Suspected is nothing that anybody sees.  Open, it holds the host's jobs back, all but one
at a time: the probe.  What that means for jobs is in `incidents`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

from cidxd.model import instant

WINDOW_S: Final = 600.0  # failures further apart than this are no common trouble
BACKOFF_S: Final = 5.0
BACKOFF_CAP_S: Final = 300.0

# What a host does wrong, whichever of its repositories is asked for.
TROUBLES: Final = {
    "remote-unreachable": "has been unreachable",
    "remote-timeout": "has not been answering",
    "remote-interrupted": "has been breaking transfers off",
    "remote-unavailable": "has been answering with server errors",
    "remote-rate-limited": "has been asking us to slow down",
}
# What only a host that answers can say; any other fault tells nothing of the host.
ANSWERS: Final = frozenset(
    {
        "remote-not-found",
        "remote-empty",
        "remote-redirected",
        "branch-not-found",
        "auth-required",
        "auth-failed",
        "access-forbidden",
        "host-key-unknown",
        "tls-untrusted",
    }
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """
    One attempt that a host ended.

    Attributes:
        code: A key of TROUBLES.
        jitter: A number in [0, 1).
        retry_after_s: The wait that the host named, None for none.
    """

    repository_id: int
    job_id: str
    code: str
    detail: str
    at: float
    jitter: float
    retry_after_s: float | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """
    What is known of a host's trouble; instants in POSIX seconds.

    Attributes:
        host: As `repository.host_of` names it.
        code: The newest failure's.
        detail: The newest failure's own words.
        since: The first failure's time.
        failed_at: Each repository's newest failure, by its id.
        opened_at: None while it is a suspicion.
        next_attempt_at: No probe starts before it.
        attempts: How many probes have failed.
        probe: The job that was let through last.
    """

    host: str
    code: str
    detail: str
    since: float
    last_at: float
    failed_at: Mapping[int, float]
    opened_at: float | None = None
    next_attempt_at: float = 0.0
    attempts: int = 0
    probe: str | None = None

    @property
    def is_open(self) -> bool:
        """It holds jobs back."""
        return self.opened_at is not None

    def is_due(self, now: float) -> bool:
        """A probe may start; also when the clock was set back, for nobody knows by how much."""
        return now >= self.next_attempt_at or now < self.last_at

    def with_probe(self, job_id: str) -> Incident:
        """Return it with that job let through."""
        return dataclasses.replace(self, probe=job_id)

    def put_off(self, attempts: int, news: Failure, most_s: float) -> Incident:
        """Return it after so many probes that failed, with the time of the next one."""
        delay_s = min(BACKOFF_CAP_S, BACKOFF_S * 2.0 ** min(attempts, 10))
        wait_s = max(delay_s * (0.5 + news.jitter / 2), news.retry_after_s or 0.0)
        return dataclasses.replace(
            self, attempts=attempts, probe=None, next_attempt_at=news.at + min(most_s, wait_s)
        )


def after(
    known: Incident | None, host: str, news: Failure, *, needed: int, most_s: float
) -> Incident:
    """
    Return what is known of *host* after *news*.

    Args:
        known: What was known before, None for nothing.
        host: Its name.
        news: Its newest failure.
        needed: So many repositories make a suspicion an incident.
        most_s: No wait is longer, whatever the host names.
    """
    if known is None:
        known = Incident(
            host=host, code="", detail="", since=news.at, last_at=news.at, failed_at={}
        )
    failed_at = {**_recent(known, news.at), news.repository_id: news.at}
    noted = dataclasses.replace(
        known,
        code=news.code,
        detail=news.detail,
        since=known.since if known.is_open else min(failed_at.values()),
        last_at=news.at,
        failed_at=failed_at,
    )
    if not known.is_open:
        if len(failed_at) < needed:
            return noted
        opened = dataclasses.replace(noted, opened_at=news.at)
        return opened.put_off(0, news, most_s)
    if known.probe == news.job_id:
        return noted.put_off(known.attempts + 1, news, most_s)
    # It was under way when the incident opened; that moves the next attempt no nearer.
    named_at = news.at + min(most_s, news.retry_after_s or 0.0)
    return dataclasses.replace(noted, next_attempt_at=max(known.next_attempt_at, named_at))


def words(incident: Incident, now: float, probing: str | None) -> str:
    """
    Return the fact, and what comes next.

    *probing* is the job that asks the host now, None without one, empty for one not to be named.
    """
    fact = f"{incident.host} {TROUBLES[incident.code]} since {instant.told(incident.since, now)}"
    if probing is not None:
        return f"{fact}; {f'job {probing[-8:]}' if probing else 'a job'} asks it now"
    if incident.is_due(now):
        return f"{fact}; asked again as soon as a job can start"
    wait_s = int(incident.next_attempt_at - now) + 1
    return f"{fact}; next try in {wait_s} s"


def _recent(known: Incident, now: float) -> dict[int, float]:
    """Return which repositories failed lately; of an open incident, all that it ever held."""
    if known.is_open:
        return dict(known.failed_at)
    return {key: at for key, at in known.failed_at.items() if now - at <= WINDOW_S}
