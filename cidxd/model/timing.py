"""What a finished sync took and for how much work: a repository's history, as estimates use it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

from cidxd.model.job import Job, PhaseStatus
from cidxd.model.report import Phase
from cidxd.model.steps import received_step

KEPT_OF_A_KIND: Final = 8  # syncs remembered per repository: first, full, incremental, unchanged
ASK: Final = "ask"  # the parts of a fetch: until objects come,
RECEIVE: Final = "receive"  # while they come,
SETTLE: Final = "settle"  # and what git does with them afterwards
START: Final = "start"  # Between the phases: until the build child is up and has its turn,
LEAVE: Final = "leave"  # and after the last phase, until the job is completed.


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """
    What one finished sync took, and for how much work.

    Attributes:
        is_first: All content was indexed; `is_new`: and all of the remote was fetched.
        seconds: Of each phase that ran.
        parts: Seconds of the fetch's parts, and of what lies between the phases; empty where
            nothing was indexed.
        work: `objects` and `bytes` received, `entries` of the trees, `blobs` new among them.
        ratio: Time remaining as estimated at half time, over what it became.
    """

    is_first: bool
    is_new: bool = False
    seconds: Mapping[Phase, float]
    parts: Mapping[str, float] = dataclasses.field(default_factory=dict)
    work: Mapping[str, int] = dataclasses.field(default_factory=dict)
    ratio: float | None = None

    @property
    def kind(self) -> tuple[bool, bool, bool]:
        """First, full, incremental and unchanged syncs differ in this."""
        return (self.is_first, self.is_new, Phase.INDEX in self.seconds)


def timing_of(job: Job) -> Timing:
    """Return what the completed *job* took, for the next job's estimate."""
    took = {
        record.name: max(0.0, record.finished_at - record.started_at)
        for record in job.phases
        if record.status is PhaseStatus.COMPLETED
        and record.started_at is not None
        and record.finished_at is not None
    }
    diff, fetch = job.record_of(Phase.DIFF).counters, job.record_of(Phase.FETCH).counters
    work = {
        "objects": fetch.get("objects_received"),
        "bytes": fetch.get("bytes_received"),
        "entries": diff.get("entries"),
        "blobs": diff.get("new_blobs"),
    }
    return Timing(
        is_first=job.is_first,
        is_new=job.is_new,
        seconds=took,
        parts=_parts(job) if Phase.INDEX in took else {},
        work={name: count for name, count in work.items() if count is not None},
        ratio=job.estimate_ratio,
    )


def remembered(timings: Sequence[Timing], newest: Timing) -> tuple[Timing, ...]:
    """Return *timings* and the *newest*, without the oldest where there are many of a kind."""
    kept: list[Timing] = []
    for timing in reversed((*timings, newest)):
        if sum(other.kind == timing.kind for other in kept) < KEPT_OF_A_KIND:
            kept.append(timing)
    return tuple(reversed(kept))


def _parts(job: Job) -> dict[str, float]:
    """Return the seconds of the parts of *job*'s fetch and of what lies between its phases."""
    record = job.record_of(Phase.FETCH)
    began, ended = record.started_at, record.finished_at
    if began is None or ended is None or job.finished_at is None:
        return {}
    received = received_step(record.steps)
    come_at = ended if received is None else received.started_at
    came_at = next((step.started_at for step in record.steps if step.started_at > come_at), ended)
    diff_at = job.record_of(Phase.DIFF).started_at or ended
    last_at = job.record_of(Phase.PUBLISH).finished_at or job.finished_at
    parts = {
        ASK: come_at - began,
        RECEIVE: came_at - come_at,
        SETTLE: ended - came_at,
        START: diff_at - ended,
        LEAVE: job.finished_at - last_at,
    }
    return {name: max(0.0, seconds) for name, seconds in parts.items()}
