"""
What changes for the queue as a whole: a pause, and a host's incident opened or closed.

No job's event tells of it, so it has no cursor: who wants to know is woken, and reads how
things stand.  It is told once in the daemon's log, and in the log of each job that waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from cidxd.model import incidents, instant
from cidxd.model.incident import Incident
from cidxd.model.job import Event, Kind
from cidxd.model.registry import State
from cidxd.work.joblog import JobLogs
from cidxd.work.scheduler import Scheduler

_log = structlog.get_logger()


Listener = Callable[[list[Event]], None]


def appointed(
    listeners: list[Listener],
    state: State,
    logs: JobLogs,
    scheduler: Scheduler,
    clock: Callable[[], float],
) -> Herald:
    """Return a herald that listens from now on."""
    made = Herald(state, logs, scheduler.look_again, clock)
    listeners.append(made.notice)
    return made


class Herald:
    """
    Compares the committed state with what was told before.

    Args:
        state: The committed state.
        logs: The jobs' logs.
        look_again: Has the scheduler look at the queue.
        clock: The time in POSIX seconds.

    Attributes:
        version: Another one after each change.
    """

    def __init__(
        self,
        state: State,
        logs: JobLogs,
        look_again: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._state = state
        self._logs = logs
        self._look_again = look_again
        self._clock = clock
        self._pause = state.pause
        self._incidents = self._open()
        self._changed = asyncio.Event()
        self.version = 0

    def notice(self, events: Sequence[Event]) -> None:
        """Tell what has changed with *events*, which may be none."""
        before, now = self._incidents, self._open()
        if now:
            self._tell_newcomers(events)
        if (before, self._pause) == (now, self._state.pause):
            return
        self._incidents, self._pause = now, self._state.pause
        for host in now.keys() - before.keys():
            self._tell_opened(now[host], {event.job_id for event in events})
        for host in before.keys() - now.keys():
            self._tell_closed(before[host])
        self._look_again()
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self, seen: int) -> int:
        """Wait until another version than *seen* is there, and return it."""
        while self.version == seen:
            await self._changed.wait()
        return self.version

    def _open(self) -> dict[str, Incident]:
        return {known.host: known for known in incidents.opened(self._state)}

    def _tell_newcomers(self, events: Sequence[Event]) -> None:
        for event in events:
            job = self._state.jobs.get(event.job_id) if event.kind is Kind.ENQUEUED else None
            known = None if job is None else incidents.holding(job, self._state)
            if known is not None:
                self._say(event.job_id, known)

    def _tell_opened(self, known: Incident, told: set[str]) -> None:
        _log.warning(
            "incident_opened",
            host=known.host,
            code=known.code,
            since=instant.to_wire(known.since),
            repositories=len(known.failed_at),
        )
        for job in incidents.waiting(self._state, known):
            if job.job_id not in told:
                self._say(job.job_id, known)

    def _tell_closed(self, known: Incident) -> None:
        lasted_s = round(self._clock() - known.since, 3)
        _log.info(
            "incident_closed", host=known.host, lasted_s=lasted_s, failed_attempts=known.attempts
        )

    def _say(self, job_id: str, known: Incident) -> None:
        now = self._clock()
        self._logs.note(job_id, now, f"held back: {incidents.words(self._state, known, now)}")
