"""
What the rest of a job is expected to take, from what the repository's syncs took before.

A phase whose work is counted takes as long as it did for as much work: between two syncs
that had less and more to do in proportion, beyond them at the rate of the nearest.  The
work is what the job's own reports tell, and until they do, that of the last syncs alike.
Where the repository has no history, usual rates and its size have to do.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from cidxd.model.job import Job, PhaseStatus
from cidxd.model.report import Phase
from cidxd.model.steps import Step, received_step
from cidxd.model.timing import ASK, LEAVE, RECEIVE, SETTLE, START, Timing

Points = list[tuple[float, float]]  # work and seconds, the newest last

_NEAREST: Final = 3
_START_UNITS: Final = 20.0  # what it takes to begin, in objects or blobs
_LEAST_S: Final = 0.005

# An ordinary sync on an ordinary machine, for repositories without a history.
_USUAL_FIRST: Final[Mapping[str, float]] = {
    ASK: 0.2, RECEIVE: 1.0, SETTLE: 0.8, START: 0.05, Phase.DIFF: 0.1, Phase.INDEX: 1.0,
    Phase.VALIDATE: 0.1, Phase.PUBLISH: 0.03, LEAVE: 0.02,
}  # fmt: skip
_USUAL_LATER: Final[Mapping[str, float]] = {
    ASK: 0.1, RECEIVE: 0.02, SETTLE: 0.03, START: 0.05, Phase.DIFF: 0.02, Phase.INDEX: 0.05,
    Phase.VALIDATE: 0.02, Phase.PUBLISH: 0.02, LEAVE: 0.02,
}  # fmt: skip
_USUAL_OBJECTS: Final = 20  # of an incremental fetch
_USUAL_BLOBS_PER_OBJECT: Final = 0.015
# Seconds are this times the root of the blobs: of a large repository most definitions come later.
_USUAL_INDEX_S: Final = 0.05
_USUAL_SETTLED_PER_S: Final = 20_000.0  # objects


@dataclasses.dataclass(frozen=True, slots=True)
class Outlook:
    """
    Expected seconds of a job's parts.

    Attributes:
        parts: Of the fetch's parts, and of what lies between the phases.
        phases: Of the other phases.
        alike: The syncs of the same kind that it rests on.
        others: How many of another kind.
        is_sized: The job's own counts are known.
        bytes: To be received by a job of this kind, None without others.
    """

    parts: Mapping[str, float]
    phases: Mapping[Phase, float]
    alike: Sequence[Timing]
    others: int
    is_sized: bool
    bytes: float | None

    def of(self, phase: Phase) -> float:
        """Return the seconds of a whole phase."""
        if phase is Phase.FETCH:
            return self.parts[ASK] + self.parts[RECEIVE] + self.parts[SETTLE]
        return self.phases[phase]


class _Known(NamedTuple):
    """
    What is known of a job by now; its outlook depends on nothing else of it.

    Attributes:
        objects: To be received.
        blobs: To be indexed.
        tried: What the attempt before had received.
    """

    is_first: bool
    is_new: bool
    objects: int | None
    blobs: int | None
    tried: Step | None


def outlook(job: Job, timings: Sequence[Timing]) -> Outlook:
    """
    Return what each part of *job* is expected to take, at the work that is known by now.

    It is asked for many times a second and seldom changes, so the last answers are kept.
    """
    known = _Known(
        is_first=job.is_first,
        is_new=job.is_new,
        objects=_objects(job),
        blobs=job.record_of(Phase.DIFF).counters.get("new_blobs"),
        tried=_tried(job),
    )
    answer = _answers.get((id(timings), known))
    if answer is None or answer[0] is not timings:
        if len(_answers) >= _ANSWERS:
            _answers.clear()
        answer = _answers[id(timings), known] = (timings, _worked_out(known, timings))
    return answer[1]


_ANSWERS: Final = 256
_answers: Final[dict[tuple[int, _Known], tuple[Sequence[Timing], Outlook]]] = {}


def _worked_out(known: _Known, timings: Sequence[Timing]) -> Outlook:
    past = [timing for timing in timings if Phase.INDEX in timing.seconds]
    alike = [t for t in past if (t.is_first, t.is_new) == (known.is_first, known.is_new)]
    usual = _USUAL_FIRST if known.is_first else _USUAL_LATER
    objects = _expected(alike, "objects") if known.objects is None else known.objects
    blobs = _blobs(past, alike, known) if known.blobs is None else float(known.blobs)
    phases = {
        phase: _phase_s(phase, past, alike, blobs) or usual[phase]
        for phase in (Phase.DIFF, Phase.INDEX, Phase.VALIDATE, Phase.PUBLISH)
    }
    if blobs is not None and not past:
        phases[Phase.INDEX] = _LEAST_S + _USUAL_INDEX_S * math.sqrt(blobs)
    return Outlook(
        _parts_s(known, past, alike, objects) or _usual_parts(usual, known, alike),
        phases,
        alike,
        len(past) - len(alike),
        known.objects is not None or known.blobs is not None,
        _bytes(alike, objects),
    )


def usual_total_s(timings: Sequence[Timing], *, is_first: bool) -> float:
    """Return what a whole sync takes that nothing is known of: as the last ones took."""
    alike = [timing for timing in timings if timing.is_first == is_first][-_NEAREST:]
    if not alike:
        return sum((_USUAL_FIRST if is_first else _USUAL_LATER).values())
    between = statistics.median(
        timing.parts.get(START, 0.0) + timing.parts.get(LEAVE, 0.0) for timing in alike
    )
    return between + statistics.median(sum(timing.seconds.values()) for timing in alike)


def _objects(job: Job) -> int | None:
    """Return how many objects *job* has to receive, None while that is not known."""
    record = job.record_of(Phase.FETCH)
    if record.status is PhaseStatus.COMPLETED:
        return record.counters.get("objects_received")
    received = received_step(record.steps) or received_step(record.earlier)
    return received.total if received is not None and received.total else None


def _expected(timings: Sequence[Timing], name: str) -> float | None:
    counts = [timing.work[name] for timing in timings if name in timing.work]
    return statistics.median(counts[-_NEAREST:]) if counts else None


def _bytes(alike: Sequence[Timing], objects: float | None) -> float | None:
    points = [(float(t.work["objects"]), float(t.work["bytes"])) for t in alike if _has_bytes(t)]
    return at_work(points, objects) if points and objects is not None else None


def _has_bytes(timing: Timing) -> bool:
    return bool(timing.work.get("objects")) and bool(timing.work.get("bytes"))


def _blobs(past: Sequence[Timing], alike: Sequence[Timing], known: _Known) -> float | None:
    """Return how many blobs will be new, from what is received; None if nothing tells."""
    if known.is_first and not known.is_new:  # all of them, whatever is received
        return _expected([timing for timing in past if timing.is_first], "blobs")
    if known.objects is None:
        return _expected(alike, "blobs")
    shares = [
        timing.work["blobs"] / timing.work["objects"]
        for timing in alike[-_NEAREST:]
        if timing.work.get("objects") and "blobs" in timing.work
    ]
    return known.objects * (statistics.median(shares) if shares else _USUAL_BLOBS_PER_OBJECT)


def _phase_s(
    phase: Phase, past: Sequence[Timing], alike: Sequence[Timing], blobs: float | None
) -> float | None:
    if phase in {Phase.INDEX, Phase.VALIDATE} and blobs is not None:
        points = [(t.work["blobs"], t.seconds[phase]) for t in past if _has(t, phase)]
        if points:
            return at_work([(float(work), took) for work, took in points], blobs)
    took = [timing.seconds[phase] for timing in alike if phase in timing.seconds]
    return _median(took) if took else None


def _has(timing: Timing, phase: Phase) -> bool:
    return phase in timing.seconds and "blobs" in timing.work


def _parts_s(
    known: _Known, past: Sequence[Timing], alike: Sequence[Timing], objects: float | None
) -> dict[str, float] | None:
    """Return the seconds of all parts, None without a history."""
    timed = [timing for timing in past if timing.parts and "objects" in timing.work]
    if not timed:
        return None
    if objects is None:
        objects = float(timed[-1].work["objects"] if known.is_new else _USUAL_OBJECTS)
    same = [timing for timing in timed if timing.is_new == known.is_new] or timed
    parts = {name: _median(t.parts[name] for t in same) for name in (ASK, START, LEAVE)}
    nearby = [timing for timing in timed if timing in alike] or timed
    if objects > max(timing.work["objects"] for timing in nearby):
        nearby = timed
    for name in (RECEIVE, SETTLE):
        points = [(float(t.work["objects"]), t.parts[name]) for t in nearby]
        parts[name] = at_work(points, objects)
    if known.tried is not None:
        parts[RECEIVE] = _paced(known.tried, _bytes(alike, objects))
    return parts


def _median(seconds: Iterable[float]) -> float:
    """Return the middle of the newest of *seconds*, which are not none."""
    return max(_LEAST_S, statistics.median(list(seconds)[-_NEAREST:]))


def _tried(job: Job) -> Step | None:
    record = job.record_of(Phase.FETCH)
    is_over = record.status in {PhaseStatus.FAILED, PhaseStatus.CANCELLED}
    before = received_step(record.steps if is_over else record.earlier)
    return None if before is None or before.done < max(1, before.total / 50) else before


def _paced(tried: Step, usual_bytes: float | None) -> float:
    """Return how long receiving takes at the pace of the attempt before."""
    whole = tried.total / tried.done
    if usual_bytes is not None and tried.bytes:
        whole = max(whole, usual_bytes / tried.bytes)
    return max(_LEAST_S, (tried.at - tried.started_at) * whole)


def _usual_parts(
    usual: Mapping[str, float], known: _Known, alike: Sequence[Timing]
) -> Mapping[str, float]:
    parts = {name: usual[name] for name in (ASK, RECEIVE, SETTLE, START, LEAVE)}
    took = [timing.seconds[Phase.FETCH] for timing in alike if Phase.FETCH in timing.seconds]
    if took:  # by an older daemon, which knew no parts
        return parts | {ASK: _median(took), RECEIVE: _LEAST_S, SETTLE: _LEAST_S}
    if known.objects is not None:
        parts[SETTLE] = max(_LEAST_S, known.objects / _USUAL_SETTLED_PER_S)
    return parts


def at_work(points: Points, units: float) -> float:
    """Return the seconds that *units* of work take, by *points* (not empty)."""
    below = _nearest([point for point in points if point[0] <= units], units)
    above = _nearest([point for point in points if point[0] > units], units)
    if below and above:
        (low, low_s), (high, high_s) = below, above
        return max(_LEAST_S, low_s + (high_s - low_s) * (units - low) / (high - low))
    work, took = below or above or (units, 0.0)
    return max(_LEAST_S, took * (units + _START_UNITS) / (work + _START_UNITS))


def _nearest(points: Points, units: float) -> tuple[float, float] | None:
    """Return the middle of the newest points of those that had about as much work."""
    if not points:
        return None
    away = [round(abs(math.log2((work + 10) / (units + 10)))) for work, _ in points]
    near = [point for point, far in zip(points, away, strict=True) if far == min(away)]
    works, seconds = zip(*near[-_NEAREST:], strict=True)
    return (statistics.median(works), statistics.median(seconds))
