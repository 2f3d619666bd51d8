"""What a watcher has been shown of one job, and which lines come next; pure, time is given."""

from __future__ import annotations

from typing import Any

from cidx import gauge, render

PLAIN_PACE_S = 5.0
_ENDED = {"completed", "failed", "cancelled"}
_KEPT = ("status", "phase", "message", "queue", "estimate")


class Progress:
    """
    One job as it is watched.

    Its percentage never goes back, whatever order the news comes in.
    """

    def __init__(self) -> None:
        self.job: dict[str, Any] = {"status": "queued", "progress_percentage": 0.0}
        self._told: set[str] = set()
        self._plain_key: object = None
        self._plain_at = 0.0

    def after_job(self, job: dict[str, Any]) -> list[str]:
        """Take in a whole job, and return the lines about phases that ended meanwhile."""
        self._take(job)
        if job.get("status") == "queued":
            return []
        records = job.get("phases") or ()
        return [line for record in records for line in self._phase_lines(record)]

    def after_estimate(self, job: dict[str, Any]) -> None:
        """Take from a job that may be ahead of the events what no event carries."""
        if job.get("status") == self.job.get("status"):
            self.job.update({name: job[name] for name in ("queue", "estimate") if name in job})

    def after_event(self, event: dict[str, Any]) -> list[str]:
        """Take in one event, and return the lines it is worth; none for an unknown type."""
        data = event.get("data") or {}
        self._take(data)
        kind = event.get("type")
        if kind in {"phase_completed", "phase_skipped"}:
            return self._phase_lines(data.get("phase_record") or {})
        if kind in {"deferred", "interrupted"}:
            # The next attempt runs its phases again, and tells them again.
            self._told.clear()
            self.job.pop("estimate", None)
        return _news(str(kind), data)

    def live(self, width: int) -> str:
        """Return the line to draw in place now; empty once the job has ended."""
        return "" if self.has_ended() else gauge.live_line(self.job, width)

    def plain(self, now: float) -> str | None:
        """Return a line for a log: when the phase changes, else every few seconds."""
        if self.has_ended() or self.job.get("phase") in self._told:
            return None
        key = (self.job.get("status"), self.job.get("phase"))
        if key == self._plain_key and now - self._plain_at < PLAIN_PACE_S:
            return None
        self._plain_key, self._plain_at = key, now
        return gauge.plain_line(self.job)

    def has_ended(self) -> bool:
        """Tell whether the job has ended."""
        return self.job.get("status") in _ENDED

    def _take(self, news: dict[str, Any]) -> None:
        self.job.update({name: news[name] for name in _KEPT if name in news})
        if self.job.get("status") != "queued":
            self.job.pop("queue", None)
        share = float(news.get("progress_percentage") or 0)
        self.job["progress_percentage"] = max(share, self.job["progress_percentage"])

    def _phase_lines(self, record: dict[str, Any]) -> list[str]:
        name = str(record.get("name"))
        if record.get("status") != "completed" or name in self._told:
            return []
        self._told.add(name)
        return [render.phase_line(record)]


def _news(kind: str, data: dict[str, Any]) -> list[str]:
    if kind == "deferred":
        following = str(data.get("held") or "it is tried again")
        return [f"{render.error_text(data.get('error') or {})}; {following}"]
    if kind == "interrupted":
        return ["the daemon was stopped; the job goes on where it can"]
    if kind == "cancel_requested":
        return ["the job is being cancelled"]
    return []
