"""
A job's events as lines of its log.

It tells what moves a running job on, and how it ended; what is told of a queued job only, and
progress, stands in the job's events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from cidxd.model.job import Event, Kind

Data = Mapping[str, Any]


def lines(event: Event) -> list[str]:
    """Return what the job's log tells of *event*, without its time; empty for most events."""
    return _TOLD[event.kind](event.data)


def _phase(data: Data) -> list[str]:
    record = data["phase_record"]
    counters = ", ".join(f"{name} {count}" for name, count in record["counters"].items())
    took = f"{record['name']} completed in {record['duration_seconds'] or 0.0:.3f} s"
    return [f"{took}: {counters}" if counters else took]


def _fault(data: Data) -> list[str]:
    error = data["error"]
    where = f" in {error['phase']}" if error["phase"] else ""
    detail = [f"detail: {line}" for line in error["detail"].splitlines()]
    hint = [f"hint: {error['hint']}"] if error["hint"] else []
    return [f"fault{where}: {error['code']}: {error['title']}", *detail, *hint]


def _deferred(data: Data) -> list[str]:
    if data.get("held"):
        return [*_fault(data), f"held back, the attempt is given back: {data['held']}"]
    return [*_fault(data), f"tried again not before {data['run_after']}"]


def _cancel(what: str, data: Data) -> list[str]:
    said = f"{what} by {data['requested_by']}"
    return [f"{said}: {data['reason']}" if data["reason"] else said]


def _nothing(_: Data) -> list[str]:
    return []


_TOLD: Final[Mapping[Kind, Callable[[Data], list[str]]]] = {
    Kind.ENQUEUED: _nothing,
    Kind.JOINED: _nothing,
    Kind.WITHDRAWN: _nothing,
    Kind.CLAIMED: lambda data: [f"attempt {data['attempt']} started"],
    Kind.PHASE_STARTED: lambda data: [f"{data['phase']} started"],
    Kind.PROGRESSED: _nothing,
    Kind.PHASE_COMPLETED: _phase,
    Kind.PUBLISH_STARTED: lambda _: ["allowed to publish: from here on the job completes"],
    Kind.DEFERRED: _deferred,
    Kind.INTERRUPTED: lambda _: ["interrupted by the daemon's end: the attempt is given back"],
    Kind.CANCEL_REQUESTED: lambda data: _cancel("cancel requested", data),
    Kind.CANCELLED: lambda data: _cancel("cancelled", data),
    Kind.FAILED: lambda data: [*_fault(data), "failed"],
    Kind.COMPLETED: lambda data: [f"completed, {data['outcome']}"],
}
