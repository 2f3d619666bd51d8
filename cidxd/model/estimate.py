"""
Progress on one denominator, and how long it will still take.

A job's phases have weights: the share of its time that each is expected to take,
from the medians of this repository's own finished syncs of the same kind, else
from ordinary rates.  They are fixed at the first claim, so the percentage has one
denominator; it is a high-water mark, so it never goes back.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from typing import Final

from cidxd.model.job import Job, PhaseRecord, PhaseStatus, Status
from cidxd.model.report import ORDER, Phase, PhaseProgressed

KEPT_TIMINGS: Final = 20  # finished syncs remembered per repository
CLOSE_TO_DONE: Final = 99.9  # what is shown while a job runs never says 100

# Seconds of an ordinary sync on an ordinary machine, for repositories without a history.
_ORDINARY_FIRST: Final = (2.0, 0.1, 3.0, 0.1, 0.1)
_ORDINARY_LATER: Final = (0.6, 0.1, 0.3, 0.1, 0.05)

# What a build child does in a second, and what it takes to begin.
_BLOBS_PER_S: Final = 800.0
_START_S: Final = 0.1

_OPENINGS: Final = {
    Phase.FETCH: "asking the remote",
    Phase.DIFF: "working out what changed",
    Phase.INDEX: "indexing",
    Phase.VALIDATE: "checking the new index",
    Phase.PUBLISH: "publishing",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long each phase of one finished sync took, in seconds; ORDER's phases that ran."""

    is_first: bool
    seconds: Mapping[Phase, float]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Remaining time in seconds, its range, and in words what it rests on."""

    remaining_s: float
    low_s: float
    high_s: float
    basis: str


def timing_of(job: Job) -> Timing:
    """Return what *job*'s completed phases took, for the next job's estimate."""
    took = {
        record.name: max(0.0, record.finished_at - record.started_at)
        for record in job.phases
        if record.status is PhaseStatus.COMPLETED
        and record.started_at is not None
        and record.finished_at is not None
    }
    return Timing(is_first=job.is_first, seconds=took)


def expected(timings: Sequence[Timing], *, is_first: bool) -> tuple[float, ...]:
    """Return the seconds each phase in ORDER is expected to take; all above zero."""
    alike = [timing for timing in timings if timing.is_first == is_first]
    ordinary = _ORDINARY_FIRST if is_first else _ORDINARY_LATER
    return tuple(
        max(0.01, statistics.median(_of(alike, phase) or [fallback]))
        for phase, fallback in zip(ORDER, ordinary, strict=True)
    )


def weights(timings: Sequence[Timing], *, is_first: bool) -> tuple[float, ...]:
    """Return each phase's share of the whole; sums to 1."""
    seconds = expected(timings, is_first=is_first)
    whole = sum(seconds)
    return tuple(part / whole for part in seconds)


def reached(shares: Sequence[float], phases: Sequence[PhaseRecord]) -> float:
    """Return the percentage that *phases* amount to, below 100."""
    # Before the first claim there are no shares, and nothing is reached.
    done = sum(share * record.fraction for share, record in zip(shares, phases, strict=False))
    return min(CLOSE_TO_DONE, 100.0 * done)


def after(job: Job, report: PhaseProgressed) -> float:
    """Return the percentage *job* will show once *report* is taken in."""
    phases = tuple(
        dataclasses.replace(record, fraction=max(record.fraction, fraction(report)))
        if record.name is report.phase
        else record
        for record in job.phases
    )
    return max(job.progress, reached(job.weights, phases))


def shown(percentage: float) -> float:
    """Return *percentage* as people and programs see it: one decimal, never rounded up."""
    return int(percentage * 10) / 10


def fraction(report: PhaseProgressed) -> float:
    """Return how far the phase is, 0 to 1; 0 while the total is not known."""
    if report.total <= 0:
        return 0.0
    return min(1.0, max(0.0, report.done / report.total))


def remaining(job: Job, timings: Sequence[Timing], *, now: float) -> Estimate | None:
    """Return what is still to come of *job*, None once it ended."""
    if job.is_final:
        return None
    alike = [timing for timing in timings if timing.is_first == job.is_first]
    usual = expected(timings, is_first=job.is_first)
    if not alike:
        usual = _at_usual_rates(usual, job)
    parts = [_left(record, took, now) for record, took in zip(job.phases, usual, strict=True)]
    total = sum(parts) + (job.wait_s(now) if job.status is Status.QUEUED else 0.0)
    spread = 0.25 if alike else 0.6
    return Estimate(
        remaining_s=round(total, 1),
        low_s=round(total * (1 - spread), 1),
        high_s=round(total * (1 + 2 * spread), 1),
        basis=f"this repository's last {len(alike)} syncs of this kind" if alike else "usual rates",
    )


def opening(phase: Phase) -> str:
    """Return what a job says when *phase* begins."""
    return _OPENINGS[phase]


def message(report: PhaseProgressed, elapsed_s: float) -> str:
    """Return *report* in plain words with its rate, *elapsed_s* after the phase began."""
    step = report.step or opening(report.phase)
    if not report.total:
        counts = f"{report.done:,} {report.unit}" if report.done else ""
    else:
        counts = f"{report.done:,} of {report.total:,} {report.unit}"
    parts = [counts] if counts else []
    if report.bytes:
        rate = f", {size(report.bytes / elapsed_s)}/s" if elapsed_s > 0 else ""
        parts.append(f"{size(report.bytes)}{rate}")
    return f"{step}: {', '.join(parts)}" if parts else step


def size(count: float) -> str:
    """Return a number of bytes for people, in powers of 1,000: `12.3 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:  # noqa: PLR2004 - the step between units
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _of(timings: Sequence[Timing], phase: Phase) -> list[float]:
    return [timing.seconds[phase] for timing in timings if phase in timing.seconds]


def _at_usual_rates(usual: tuple[float, ...], job: Job) -> tuple[float, ...]:
    """Return *usual* with the index phase's seconds from what is known to be indexed."""
    received = job.record_of(Phase.FETCH).counters.get("objects_received")
    blobs = job.record_of(Phase.DIFF).counters.get("new_blobs", received)
    if blobs is None:
        return usual
    at = ORDER.index(Phase.INDEX)
    return (*usual[:at], _START_S + blobs / _BLOBS_PER_S, *usual[at + 1 :])


def _left(record: PhaseRecord, usual_s: float, now: float) -> float:
    """Return the seconds still to come of one phase: its own rate once it shows one."""
    if record.status is PhaseStatus.PENDING:
        return usual_s
    if record.status is not PhaseStatus.RUNNING or record.started_at is None:
        return 0.0
    elapsed = max(0.0, now - record.started_at)
    if record.fraction <= 0:
        return max(usual_s - elapsed, usual_s * 0.1)
    by_rate = elapsed * (1 - record.fraction) / record.fraction
    by_history = usual_s * (1 - record.fraction)
    return record.fraction * by_rate + (1 - record.fraction) * by_history
