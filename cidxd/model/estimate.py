"""
Progress in time, how long a job will still take, and how wrong such estimates were.

The percentage is the share of its time that a job has behind it: the time since its first
claim over that and what is still expected.  It is a high-water mark over attempts and
restarts, so it never goes back; where the job takes longer than expected, it waits.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Final

from cidxd.model import outlook
from cidxd.model.job import NEW_PHASES, Job, PhaseRecord, PhaseStatus, Status
from cidxd.model.outlook import Outlook
from cidxd.model.report import RECEIVING, Phase, PhaseProgressed
from cidxd.model.steps import Guess, Step, received_step
from cidxd.model.timing import ASK, LEAVE, RECEIVE, SETTLE, START, Timing

CLOSE_TO_DONE: Final = 99.9  # what is shown while a job runs never says 100
LEAST_JUDGED_S: Final = 0.3  # of a shorter job nobody reads an estimate, and none is judged

_OVERTIME: Final = 0.1  # of what was expected, at least still to come once that has passed
_TRUST: Final = 0.1  # at this share done, a step's own rate counts as much as history
_SURE_S: Final = 0.3  # after so long half as much as it says: what begins fast may not go on so
_LATE: Final = 16  # the higher, the longer the large objects are believed to be still to come
_GUESS_EVERY: Final = 1.05  # a guess is kept when the elapsed time has grown by this factor

# The range is the estimate times and over exp of this.
_SPREAD_UNKNOWN: Final = 0.9
_SPREAD_KNOWN: Final = 0.35
_SPREAD_LEAST: Final = 0.2
_SPREAD_MOST: Final = 1.2
_SLACK_S: Final = 0.05
_JUDGED: Final = 3  # so many judged estimates make a range of their own


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Remaining time in seconds, its range, and in words what it rests on."""

    remaining_s: float
    low_s: float
    high_s: float
    basis: str


def advanced(job: Job, timings: Sequence[Timing], *, now: float) -> Job:
    """Return *job* with its percentage as of *now*, and what was guessed then."""
    left_s, gone_s = seconds_left(job, outlook.outlook(job, timings), now), _gone(job, now)
    return dataclasses.replace(
        job,
        progress=max(job.progress, _share(gone_s, left_s)),
        guesses=_guesses(job.guesses, Guess(gone_s, left_s)),
    )


def reached(job: Job, timings: Sequence[Timing], *, now: float) -> float:
    """Return the percentage of *job* as of *now*."""
    left_s = seconds_left(job, outlook.outlook(job, timings), now)
    return max(job.progress, _share(_gone(job, now), left_s))


def shown(percentage: float) -> float:
    """Return *percentage* as people and programs see it: one decimal, never rounded up."""
    return int(percentage * 10) / 10


def taken(record: PhaseRecord, report: PhaseProgressed, *, at: float) -> PhaseRecord:
    """Return *record* with what *report* tells of its step."""
    last = record.steps[-1] if record.steps else None
    if last is None or last.name != report.step:
        last = Step(report.step, at, at)
        steps = (*record.steps, last)
    else:
        steps = record.steps
    step = Step(
        last.name, last.started_at, at, max(last.done, report.done), report.total, report.bytes
    )
    fraction = _done(step) if report.step in {"", RECEIVING} else 0.0
    return dataclasses.replace(
        record, steps=(*steps[:-1], step), fraction=max(record.fraction, fraction)
    )


def remaining(
    job: Job, timings: Sequence[Timing], *, now: float, starts_in_s: float = 0.0
) -> Estimate | None:
    """Return what is still to come of *job*, None once it ended."""
    if job.is_final:
        return None
    view = outlook.outlook(job, timings)
    back_off_s = _wait(job, now)
    queued_s = max(0.0, starts_in_s - back_off_s)  # while others run; how long is a guess too
    left_s = seconds_left(job, view, now) - back_off_s + queued_s
    spread = _spread(view)
    return Estimate(
        remaining_s=round(back_off_s + left_s, 2),
        low_s=round(back_off_s + max(0.0, left_s * math.exp(-spread) - _SLACK_S), 2),
        high_s=round(back_off_s + left_s * math.exp(spread) + _SLACK_S, 2),
        basis=_basis(view) + (", after those before it" if queued_s else ""),
    )


def seconds_left(job: Job, view: Outlook, now: float) -> float:
    """Return the seconds still to come of *job*, a back-off included."""
    if job.status is Status.QUEUED:
        return _wait(job, now) + _left_of(NEW_PHASES, view, now)
    return _left_of(job.phases, view, now)


def ratio(job: Job, *, finished_at: float) -> float | None:
    """
    Return the remaining time as estimated at half of *job*'s time, over what it became.

    None for a job that was too short, or had no estimate by then.
    """
    if job.started_at is None or finished_at - job.started_at < LEAST_JUDGED_S:
        return None
    half_s = (finished_at - job.started_at) / 2
    told = [guess for guess in job.guesses if guess.gone_s <= half_s]
    if not told:
        return None
    left_s = told[-1].left_s - (half_s - told[-1].gone_s)
    return round(max(0.0, left_s) / half_s, 3)


def _gone(job: Job, now: float) -> float:
    return 0.0 if job.started_at is None else max(0.0, now - job.started_at)


def _share(gone_s: float, left_s: float) -> float:
    whole_s = gone_s + left_s
    return min(CLOSE_TO_DONE, 100.0 * gone_s / whole_s) if whole_s > 0 else 0.0


def _guesses(known: tuple[Guess, ...], newest: Guess) -> tuple[Guess, ...]:
    """Return the guesses that may be the one of half time, however long the job still takes."""
    if known and newest.gone_s < known[-1].gone_s * _GUESS_EVERY:
        return known
    old = sum(guess.gone_s <= newest.gone_s / 2 for guess in known)
    return (*known[max(0, old - 1) :], newest)


def _wait(job: Job, now: float) -> float:
    return job.wait_s(now) if job.status is Status.QUEUED else 0.0


def _left_of(phases: Sequence[PhaseRecord], view: Outlook, now: float) -> float:
    """Return the seconds still to come of all phases and of what lies between them."""
    left_s = sum(_left(record, view, now) for record in phases)
    fetch, diff, *_, publish = phases
    if fetch.status is not PhaseStatus.COMPLETED:
        left_s += view.parts[START]
    elif diff.status is PhaseStatus.PENDING and fetch.finished_at is not None:
        left_s += _rest(view.parts[START], fetch.finished_at, now)
    ended_at = publish.finished_at
    return left_s + _rest(view.parts[LEAVE], now if ended_at is None else ended_at, now)


def _left(record: PhaseRecord, view: Outlook, now: float) -> float:
    """Return the seconds still to come of one phase."""
    if record.status is PhaseStatus.PENDING:
        return view.of(record.name)
    if record.status is not PhaseStatus.RUNNING or record.started_at is None:
        return 0.0
    step = record.steps[-1] if record.steps else None
    if record.name is not Phase.FETCH:
        by_clock = _rest(view.of(record.name), record.started_at, now)
        # What comes after the last of what is counted is known from history only.
        return by_clock if step is None else max(by_clock, _own(step, view.of(record.name), now))
    received = received_step(record.steps)
    if received is None or step is None:
        return _rest(view.parts[ASK], record.started_at, now) + _after_asking(view)
    if step is received:
        return _coming(step, view, now) + view.parts[SETTLE]
    came = next(s for s in record.steps if s.started_at > received.started_at or s is step)
    return _rest(view.parts[SETTLE], came.started_at, now, done=_done(step))


def _after_asking(view: Outlook) -> float:
    return view.parts[RECEIVE] + view.parts[SETTLE]


def _rest(usual_s: float, since: float, now: float, *, done: float = 0.0) -> float:
    """
    Return what is left of *usual_s*, never nothing; *done* is a share that is known.

    What is late is expected to be as late again.
    """
    gone_s = max(0.0, now - since)
    by_clock = max(usual_s - gone_s, usual_s * _OVERTIME, gone_s - usual_s)
    if done <= 0:
        return by_clock
    trust = _trust(done, gone_s)
    return trust * gone_s * (1 - done) / done + (1 - trust) * by_clock


def _coming(step: Step, view: Outlook, now: float) -> float:
    """
    Return what is left of receiving, by the bytes that usually come where that is known.

    Objects are no measure of time: the small ones come first.
    """
    gone_s = max(0.0, step.at - step.started_at)
    if view.bytes is None:
        return _own(step, view.parts[RECEIVE], now)
    if not step.bytes:
        return _rest(view.parts[RECEIVE], step.started_at, now)
    done = _done(step)
    to_come = max(view.bytes * (1 - done), (view.bytes - step.bytes) * (1 - done**_LATE))
    by_rate = gone_s * to_come / step.bytes
    trust = _trust(step.bytes / (step.bytes + to_come), gone_s)
    by_clock = _rest(view.parts[RECEIVE], step.started_at, step.at)
    told = trust * by_rate + (1 - trust) * by_clock
    return max(told - max(0.0, now - step.at), told * _OVERTIME)


def _own(step: Step, usual_s: float, now: float) -> float:
    """Return what is left of a step with a total: its own rate once it shows one."""
    done = _done(step)
    by_clock = _rest(usual_s, step.started_at, now)
    if done <= 0:
        return by_clock
    gone_s = max(0.0, step.at - step.started_at)
    by_rate = gone_s * (1 - done) / done
    by_history = usual_s * (1 - done)
    trust = _trust(done, gone_s)
    told = trust * by_rate + (1 - trust) * by_history
    return max(told - max(0.0, now - step.at), told * _OVERTIME)


def _trust(done: float, gone_s: float) -> float:
    """Return how much of its own rate to believe of a step that is so far after so long."""
    return done / (done + _TRUST) * gone_s / (gone_s + _SURE_S)


def _done(step: Step) -> float:
    return min(1.0, max(0.0, step.done / step.total)) if step.total > 0 else 0.0


def _spread(view: Outlook) -> float:
    """Return how far off it may be, from how far off it was with the last syncs alike."""
    if not view.alike:
        return _SPREAD_UNKNOWN
    missed = [abs(math.log(max(t.ratio, 0.01))) for t in view.alike if t.ratio is not None]
    if len(missed) < _JUDGED:
        return _SPREAD_KNOWN
    return min(_SPREAD_MOST, max(_SPREAD_LEAST, *missed))


def _basis(view: Outlook) -> str:
    if view.alike:
        count = len(view.alike)
        syncs = "sync" if count == 1 else f"{count} syncs"
        return f"this repository's last {syncs} of this kind"
    if view.others:
        return "this repository's other syncs"
    return "usual rates and this repository's size" if view.is_sized else "usual rates"
