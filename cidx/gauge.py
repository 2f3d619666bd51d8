"""How far a job is: the line that is drawn in place, and its twin for a log; pure."""

from __future__ import annotations

from typing import Any

from cidx import amounts, layout

NAME_WIDTH = 9
_BARS = ((100, 20), (60, 10))  # cells of a line, and of its bar; a narrower line has none
_LEAST_TOLD_S = 0.5
_LEAST_WORDS = 8  # cells; less of a message tells nothing

Job = dict[str, Any]


def percentage(job: Job) -> int:
    """Return whole percents, rounded down: 100 is for a job that has ended."""
    return min(100, int(job.get("progress_percentage") or 0))


def live_line(job: Job, width: int) -> str:
    """
    Return the one line that is drawn again and again, narrower than *width* cells.

    Which parts it has depends on the width and not on what they say, so that nothing
    jumps; what comes last is shortened: of a message, the rate is kept to the end.

    Args:
        job: status, phase, progress_percentage, message, and estimate where known.
        width: Of the terminal.
    """
    room = max(0, width - 1)
    name = str(job.get("phase") or job.get("status") or "")
    if job.get("status") == "queued":
        parts = [f"{name:{NAME_WIDTH}}", _what_now(job), remaining(job)]
        return layout.cut("  ".join(part for part in parts if part), room)
    bar = next((cells for least, cells in _BARS if width >= least), 0)
    if not bar:
        return _narrow(job, name, room)
    share = percentage(job)
    filled = share * bar // 100
    drawn = f"[{'=' * filled}{' ' * (bar - filled)}]"
    parts = [f"{name:{NAME_WIDTH}}", drawn, f"{share:3} %", remaining(job)]
    return _with_message("  ".join(part for part in parts if part), _what_now(job), room)


def _narrow(job: Job, name: str, room: int) -> str:
    message = _what_now(job)
    rate = message.rpartition(", ")[2] if message.endswith("/s") else ""
    line = "  ".join(part for part in (f"{name} {percentage(job)} %", rate) if part)
    whole = remaining(job)
    short = whole.replace(" left", "")
    for left in (whole, short, short.replace(" to ", "-"), _left(job)):
        if left and len(line) + 2 + len(left) <= room:
            return _with_message(f"{line}  {left}", "" if rate else message, room)
    return layout.cut(line, room) if rate else _with_message(line, message, room)


def _with_message(line: str, message: str, room: int) -> str:
    """Return *line* with as much of the end of *message* as there is room for."""
    left = room - len(line) - 2
    for short in _shorter(message):
        if len(short) <= left:
            return layout.cut(f"{line}  {short}".rstrip(), room)
    if left < _LEAST_WORDS or ": " in message:
        return layout.cut(line, room)
    return f"{line}  {layout.cut(message, left)}"


def _shorter(message: str) -> list[str]:
    """Return *message*, then ever less of it: without its step, its counts, its size."""
    facts = message.partition(": ")[2].split(", ")
    return [message, *(", ".join(facts[at:]) for at in range(len(facts)) if facts[at])]


def plain_line(job: Job) -> str:
    """Return how far a job is, for a log: `index 52 %  1,200 of 3,000 files`."""
    name = job.get("phase") or job.get("status") or ""
    parts = [f"{name} {percentage(job)} %", _what_now(job), remaining(job)]
    return "  ".join(part for part in parts if part)


def _what_now(job: Job) -> str:
    if job.get("status") == "queued":
        return str((job.get("queue") or {}).get("reason") or job.get("message") or "")
    return str(job.get("message") or "")


def _left(job: Job) -> str:
    left = (job.get("estimate") or {}).get("remaining_seconds")
    if left is None or float(left) < _LEAST_TOLD_S:
        return ""
    return f"{amounts.rough_duration(max(1.0, float(left)))} left"


def remaining(job: Job) -> str:
    """Return the rest of the time with its range, an empty string while it is not known."""
    text, estimate = _left(job), job.get("estimate") or {}
    low, high = estimate.get("low_seconds"), estimate.get("high_seconds")
    if not text or low is None or high is None:
        return text
    shortest, longest = amounts.rough_duration(float(low)), amounts.rough_duration(float(high))
    if shortest == longest:
        return text
    number, _, unit = shortest.partition(" ")
    return f"{text} ({number if longest.endswith(f' {unit}') else shortest} to {longest})"
