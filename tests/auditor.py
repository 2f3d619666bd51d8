"""Holds a stream of events, one by one, to what was promised about jobs."""

from __future__ import annotations

from typing import Any, Final

ENDS: Final = {"completed", "failed", "cancelled"}
_LETS_GO: Final = ENDS | {"deferred", "interrupted"}


class Auditor:
    """
    Takes events in the order of their cursors; what breaks a promise fails at once.

    Attributes:
        taken: How many events it has taken; also the last one's cursor.
        faults: The errors of attempts that failed, in their order.
        cuts: How often a running job was cut off.
        ended: The type of each ended job's last event.
    """

    def __init__(self) -> None:
        self.taken = 0
        self.faults: list[Any] = []
        self.cuts = 0
        self.ended: dict[str, str] = {}
        self._seq: dict[str, int] = {}
        self._percent: dict[str, float] = {}
        self._attempt: dict[str, int] = {}  # the last that counts
        self._running: dict[str, str] = {}  # repository to job
        self._doomed: set[str] = set()  # jobs that were to be cancelled

    def take(self, event: Any) -> None:
        """Take the next event."""
        job_id, kind = event["job_id"], event["type"]
        assert event["cursor"] == self.taken + 1, f"a gap or a repeat before {event}"
        assert job_id not in self.ended, f"it had ended: {event}"
        assert event["seq"] == self._seq.get(job_id, 0) + 1, event
        percent = event["data"]["progress_percentage"]
        assert percent >= self._percent.get(job_id, 0), f"it goes back: {event}"
        assert (percent == 100) == (kind == "completed"), event
        self.taken, self._seq[job_id], self._percent[job_id] = (
            event["cursor"],
            event["seq"],
            percent,
        )
        self._count(job_id, kind, event)
        if kind == "claimed":
            busy = self._running.setdefault(event["repository"], job_id)
            assert busy == job_id, f"two run: {busy} and {event}"
        if kind in _LETS_GO:
            self._running = {name: job for name, job in self._running.items() if job != job_id}
        if kind in ENDS:
            self.ended[job_id] = kind

    def are_ended(self, job_ids: list[str]) -> bool:
        return set(job_ids) <= self.ended.keys()

    def _count(self, job_id: str, kind: str, event: Any) -> None:
        """Hold attempts to be counted only when they were not cut off."""
        match kind:
            case "claimed":
                assert job_id not in self._doomed, f"it was to be cancelled: {event}"
                assert event["data"]["attempt"] == self._attempt.get(job_id, 0) + 1, event
            case "deferred" | "failed":
                self._attempt[job_id] = self._attempt.get(job_id, 0) + 1
                self.faults.append(event["data"]["error"])
            case "interrupted":
                self.cuts += 1
            case "cancel_requested":
                self._doomed.add(job_id)
            case _:
                pass
