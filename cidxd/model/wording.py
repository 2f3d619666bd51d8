"""What a running job says of itself, in plain words with counts and rates."""

from __future__ import annotations

from typing import Final

from cidxd.model.report import Phase, PhaseProgressed

_OPENINGS: Final = {
    Phase.FETCH: "asking the remote",
    Phase.DIFF: "working out what changed",
    Phase.INDEX: "indexing",
    Phase.VALIDATE: "checking the new index",
    Phase.PUBLISH: "publishing",
}
_LEAST_S: Final = 0.05  # a rate over less time than this would be a guess


def opening(phase: Phase) -> str:
    """Return what a job says when *phase* begins."""
    return _OPENINGS[phase]


def message(report: PhaseProgressed, elapsed_s: float) -> str:
    """Return *report* in plain words with its rates, *elapsed_s* after its step began."""
    step = report.step or opening(report.phase)
    parts = [counts] if (counts := _counts(report)) else []
    has_rate = elapsed_s >= _LEAST_S
    if report.bytes:
        parts.append(size(report.bytes))
        if has_rate:
            parts.append(f"{size(report.bytes / elapsed_s)}/s")
    if report.done and has_rate and (not report.bytes or report.phase is Phase.INDEX):
        parts.append(f"{_rough(report.done / elapsed_s)} {report.unit}/s")
    return f"{step}: {', '.join(parts)}" if parts else step


def size(count: float) -> str:
    """Return a number of bytes for people, in powers of 1,000: `12.3 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:  # noqa: PLR2004 - the step between units
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _counts(report: PhaseProgressed) -> str:
    if report.total > 0:
        return f"{report.done:,} of {report.total:,} {report.unit}"
    return f"{report.done:,} {report.unit}" if report.done else ""


def _rough(rate: float) -> str:
    """Return *rate* with two digits that mean something."""
    if rate < 10:  # noqa: PLR2004 - below this a digit after the point tells
        return f"{rate:.1f}"
    step = 10 ** max(0, len(str(int(rate))) - 2)
    return f"{round(rate / step) * step:,}"
