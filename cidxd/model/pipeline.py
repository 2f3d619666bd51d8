"""What follows: from the remote's tips, from a fault, from a restart."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Collection, Mapping
from typing import Final

from cidxd.errors import FaultError
from cidxd.model.job import Job, JobError, Options
from cidxd.model.report import Phase

BACKOFF_S: Final = 5.0
BACKOFF_CAP_S: Final = 60.0


@dataclasses.dataclass(frozen=True, slots=True)
class Targets:
    """
    What a sync aims at.

    Attributes:
        default: The remote's default branch, None where HEAD names none.
        fetched: Branches to fetch and the commits the remote has for them.
        kept: Tracked branches this sync leaves where the index has them.
    """

    default: str | None
    fetched: Mapping[str, str]
    kept: Mapping[str, str]

    @property
    def wanted(self) -> dict[str, str]:
        """Every branch the index will answer for, and its commit."""
        return {**self.kept, **self.fetched}

    @property
    def anew(self) -> Targets:
        """The same where nothing is there yet that could be kept."""
        return Targets(self.default, self.wanted, {})


def targets(
    default: str | None,
    remote: Mapping[str, str],
    indexed: Mapping[str, str],
    tracked: tuple[str, ...],
    options: Options,
) -> Targets:
    """
    Return what to fetch, given the *remote*'s and the *indexed* commit of each branch.

    A tracked branch that the index had and the remote has no more leaves the index.

    Raises:
        FaultError: `remote-empty`, or `branch-not-found` for a branch never seen.
    """
    if not remote:
        raise FaultError("remote-empty")
    first = [default] if default is not None and default in remote else []
    names = list(dict.fromkeys([*first, *tracked]))
    gone = [name for name in names if name not in remote]
    never = [name for name in gone if name not in indexed]
    present = [name for name in names if name in remote]
    if never or not present:
        raise FaultError("branch-not-found", _missing(never or names, remote))
    asked = [b for b in present if not options.branches or b in options.branches]
    lost = [name for name in options.branches if name not in present]
    if lost:
        raise FaultError("branch-not-found", _missing(lost, remote))
    return Targets(
        default if default in remote else None,
        {name: remote[name] for name in asked},
        {name: indexed[name] for name in present if name not in asked and name in indexed},
    )


def is_unchanged(aim: Targets, indexed: Mapping[str, str], options: Options) -> bool:
    """Return whether the index already answers with exactly what was asked for."""
    return not options.full and aim.wanted == dict(indexed)


def _missing(names: list[str], remote: Mapping[str, str]) -> str:
    some = ", ".join(sorted(remote)[:5])
    return f"not on the remote: {', '.join(names) or 'HEAD'}; it has: {some}"


@dataclasses.dataclass(frozen=True, slots=True)
class Defer:
    """Put the job back; do not start it for `seconds`."""

    seconds: float


@dataclasses.dataclass(frozen=True, slots=True)
class GiveUp:
    """The job has failed."""


def after_fault(
    fault: FaultError,
    *,
    attempt: int,
    max_attempts: int,
    jitter: float,
    earlier: Collection[str] = (),
) -> Defer | GiveUp:
    """
    Return what follows *fault* in attempt number *attempt* (from 1); *jitter* is in [0, 1).

    A crash is forgiven once: what crashed twice will do so again.  *earlier* has the codes of
    the faults that earlier attempts ended with.
    """
    if not fault.transient or attempt >= max_attempts:
        return GiveUp()
    if fault.code == "child-crashed" and fault.code in earlier:
        return GiveUp()
    if fault.retry_after_s is not None:
        return Defer(fault.retry_after_s)
    delay = min(BACKOFF_CAP_S, BACKOFF_S * 2.0 ** (attempt - 1))
    return Defer(delay * (0.5 + jitter / 2))


def job_error(fault: FaultError, phase: Phase | None) -> JobError:
    """Return *fault* as a job keeps it; of a stall, which is a phase's, the detail names that."""
    is_of_phase = phase is not None and fault.code == "stalled"
    return JobError(
        code=fault.code,
        title=fault.message,
        detail=f"{phase} phase: {fault.detail}" if is_of_phase else fault.detail,
        hint=fault.hint,
        phase=phase,
        retryable=fault.transient,
    )


class Rescue(enum.Enum):
    """What becomes of a job that was running when the daemon ended."""

    CANCEL = enum.auto()  # it was asked for before the end
    COMPLETE = enum.auto()  # its generation is published
    REQUEUE = enum.auto()


def rescue(job: Job, published_by: frozenset[str]) -> Rescue:
    """Return what to do with *job*; *published_by* has the job ids in its catalogue."""
    if job.is_permitted and job.job_id in published_by:
        return Rescue.COMPLETE
    if job.cancel is not None:
        return Rescue.CANCEL
    return Rescue.REQUEUE
