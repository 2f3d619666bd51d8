"""
What the daemon counts and measures, for Prometheus; docs/operations.md describes each name.

Counters and histograms are fed from committed events and by those who measure
themselves; gauges are set when somebody asks.  Nothing is kept over a restart.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client import metrics as library
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from cidxd.model import incidents
from cidxd.model.incident import TROUBLES
from cidxd.model.job import Event, Kind, Outcome, Status
from cidxd.model.registry import State
from cidxd.model.report import ORDER
from cidxd.model.repository import Repository
from cidxd.work.http_metrics import HttpMetrics

NAMED_REPOSITORIES: Final = 1_000  # have an age of their own; each is a time series
LAG_EVERY_S: Final = 1.0

_LONG: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400)
_SHORT: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_COUNT: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_ERROR: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5)
_ENDS: Final = (
    (Status.COMPLETED, Outcome.UPDATED),
    (Status.COMPLETED, Outcome.UNCHANGED),
    (Status.FAILED, ""),
    (Status.CANCELLED, ""),
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How things are at the moment: what gauges are set to."""

    now: float
    is_ready: bool
    has_store_fault: bool
    followers: int
    build: Mapping[str, str]


class _Ages(Collector):
    """The age of each repository, all of them replaced at once: a removed one is gone."""

    def __init__(self) -> None:
        self.by_name: Mapping[str, float] = {}

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily(
            "cidxd_repository_age_seconds",
            "Since a repository was last found or brought in step with its remote.",
            labels=["repository"],
        )
        for name, age in self.by_name.items():
            family.add_metric([name], age)
        yield family


class Metrics:
    """
    Every metric there is, in a registry of its own.

    Attributes:
        registry: What is shown; no other part of the process adds to it.
        is_open: Nobody needs a token to read them.
        http: What the door counts.
    """

    def __init__(self, state: State, *, is_open: bool = False) -> None:
        self._state = state
        self.is_open = is_open
        # A second series for each counter, which nobody asks for.
        library.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(namespace="cidxd", registry=self.registry)
        self._ages = _Ages()
        self.registry.register(self._ages)
        self.http = HttpMetrics(self.registry)
        self._make_gauges()
        self._make_counters()
        self._make_histograms()
        self._takers: Mapping[Kind, Callable[[Event], None]] = {
            Kind.ENQUEUED: self._requested,
            Kind.JOINED: self._requested,
            Kind.CLAIMED: self._claimed,
            Kind.PHASE_COMPLETED: self._phase_ended,
            Kind.DEFERRED: self._faulted,
            Kind.COMPLETED: self._ended,
            Kind.FAILED: self._ended,
            Kind.CANCELLED: self._ended,
        }

    def notice(self, events: Sequence[Event]) -> None:
        """Count *events*, just committed."""
        for event in events:
            take = self._takers.get(event.kind)
            if take is not None:
                take(event)

    def committed(self, seconds: float, decisions: int) -> None:
        """Take in a transaction that took *seconds* for so many decisions."""
        self._commit_seconds.observe(seconds)
        self._commit_decisions.observe(decisions)

    def searched(self, mode: str, outcome: str, seconds: float) -> None:
        """Take in a search, from its question to its answer or refusal."""
        self._search_seconds.labels(mode, outcome).observe(seconds)

    async def watch_loop(self) -> None:
        """Measure how late the event loop wakes up, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            self._loop_lag.observe(max(0.0, loop.time() - due))

    async def text(self, look: Look) -> bytes:
        """Return every metric in Prometheus' text format, its gauges as *look* says."""
        self._set_gauges(look)
        return await asyncio.to_thread(generate_latest, self.registry)

    def _set_gauges(self, look: Look) -> None:
        state, jobs = self._state, self._state.jobs
        queued = jobs.queued_total()
        active = jobs.active()
        self._jobs.labels(Status.QUEUED).set(queued)
        self._jobs.labels(Status.RUNNING).set(len(active) - queued)
        waiting = [look.now - job.created_at for job in active if job.status is Status.QUEUED]
        self._oldest.set(max([0.0, *waiting]))
        self._paused.set(state.pause is not None)
        troubles = [row.code for row in incidents.opened(state)]
        for code in TROUBLES:
            self._incidents.labels(code).set(troubles.count(code))
        self._ready.set(look.is_ready)
        self._store_fault.set(look.has_store_fault)
        self._followers.set(look.followers)
        self._build.clear()
        self._build.labels(**look.build).set(1)
        repositories = sorted(state.repositories.values(), key=lambda row: row.repository_id)
        ages = {row.name: _age(row, look.now) for row in repositories}
        self._repositories.set(len(ages))
        self._oldest_repository.set(max([0.0, *ages.values()]))
        self._ages.by_name = dict(list(ages.items())[:NAMED_REPOSITORIES])

    def _requested(self, event: Event) -> None:
        self._requests[event.kind].inc()

    def _claimed(self, event: Event) -> None:
        job = self._state.jobs.get(event.job_id)
        if job is not None and len(job.attempts) == 1:
            self._queue_wait.observe(max(0.0, event.at - job.created_at))

    def _phase_ended(self, event: Event) -> None:
        record = event.data["phase_record"]
        self._phase_seconds.labels(record["name"]).observe(record["duration_seconds"] or 0.0)
        self._git_bytes.inc(record["counters"].get("bytes_received", 0))

    def _faulted(self, event: Event) -> None:
        error = event.data["error"]
        self._faults.labels(error["code"], error["phase"] or "").inc()

    def _ended(self, event: Event) -> None:
        self._ends.labels(event.data["status"], event.data.get("outcome") or "").inc()
        if event.kind is Kind.FAILED:
            self._faulted(event)
        self._index_bytes.inc((event.data.get("summary") or {}).get("bytes_indexed") or 0)
        job = self._state.jobs.get(event.job_id)
        if job is None:
            return
        if job.started_at is not None:
            took = max(0.0, event.at - job.started_at)
            self._job_seconds.labels(event.data["status"]).observe(took)
        # What was guessed at half its time over what it became; None where nobody guessed.
        ratio: float | None = job.estimate_ratio
        if ratio is not None:
            self._estimate_error.observe(abs(ratio - 1.0))

    def _make_gauges(self) -> None:
        gauge = self._gauge
        self._jobs = gauge("jobs", "Jobs that have not ended.", "status")
        self._oldest = gauge("queue_oldest_seconds", "How long the oldest queued job has waited.")
        self._paused = gauge("queue_paused", "1 while no job is started.")
        self._incidents = gauge("incidents", "Hosts in trouble, whose jobs are held back.", "code")
        self._ready = gauge("ready", "1 while /readyz says ready.")
        self._store_fault = gauge("store_fault", "1 while the database refuses.")
        self._followers = gauge("followers", "Streams and held answers.")
        self._repositories = gauge("repositories", "Registered repositories.")
        self._oldest_repository = gauge(
            "repository_age_max_seconds", "The largest age of all repositories."
        )
        self._build = gauge(
            "build_info", "1; what runs here.", "version", "wire", "sqlite", "kernel"
        )

    def _make_counters(self) -> None:
        counter = self._counter
        requests = counter(
            "sync_requests", "Requests: enqueued as a new job, or joined to one.", "answer"
        )
        self._requests = {kind: requests.labels(kind) for kind in (Kind.ENQUEUED, Kind.JOINED)}
        self._ends = counter("jobs_ended", "Jobs by how they ended.", "status", "outcome")
        for status, outcome in _ENDS:
            self._ends.labels(status, outcome)
        self._faults = counter("faults", "Faults, those tried again too.", "code", "phase")
        self._git_bytes = counter("git_received_bytes", "Received by fetches that completed.")
        self._index_bytes = counter("indexed_bytes", "Content indexed by completed jobs.")

    def _make_histograms(self) -> None:
        made = self._histogram
        self._queue_wait = made("queue_wait_seconds", "From the request to the first start.", _LONG)
        self._phase_seconds = made("phase_seconds", "Of completed phases.", _LONG, "phase")
        for phase in ORDER:
            self._phase_seconds.labels(phase)
        self._job_seconds = made("job_seconds", "From first start to end.", _LONG, "status")
        self._estimate_error = made(
            "estimate_error_ratio", "Of the time guessed at half of it, over the time.", _ERROR
        )
        self._search_seconds = made("search_seconds", "Of searches.", _SHORT, "mode", "outcome")
        self._loop_lag = made("event_loop_lag_seconds", "How late the event loop woke up.", _SHORT)
        self._commit_seconds = made(
            "commit_seconds", "Of transactions that committed events.", _SHORT
        )
        self._commit_decisions = made(
            "commit_decisions", "Changes in one such transaction.", _COUNT
        )

    def _gauge(self, name: str, words: str, *labels: str) -> Gauge:
        return Gauge(f"cidxd_{name}", words, labels, registry=self.registry)

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(f"cidxd_{name}", words, labels, registry=self.registry)

    def _histogram(
        self, name: str, words: str, buckets: Sequence[float], *labels: str
    ) -> Histogram:
        return Histogram(f"cidxd_{name}", words, labels, buckets=buckets, registry=self.registry)


def _age(row: Repository, now: float) -> float:
    """Return the seconds since *row* was last in step, or since it was registered."""
    return max(0.0, now - (row.checked_at or row.created_at))
