"""
The talk with one build child: request, reports, permit, done.

The child decides nothing about the job: it says what it did, and publishes when told.
From the permit on it is left to finish, whatever happens to the caller, since what is
recorded as published must be.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from cidxd.indexer import protocol
from cidxd.model.report import ORDER, Phase, PhaseEnded, PhaseStarted, Report
from cidxd.work import dialogue, heard, shield
from cidxd.work.allowance import Span
from cidxd.work.child import Child
from cidxd.work.dialogue import unexpected

SETTLE_S: Final = 60.0  # for a publish whose caller is cancelled; it takes milliseconds


@dataclasses.dataclass(frozen=True, slots=True)
class Built:
    """What the child found and did: JSON-ready summary, and `{branch, before, indexed}` each."""

    summary: Mapping[str, Any]
    commits: Sequence[Mapping[str, Any]]


async def build(
    child: Child,
    request: Mapping[str, Any],
    *,
    report: Callable[[Report], None],
    permit: Callable[[Built], Awaitable[None]],
    span: Span | None = None,
    settle_s: float = SETTLE_S,
) -> Built:
    """
    Let a build child diff, index and validate, and publish once *permit* returns.

    The child is started, and ended, by the caller.  What *permit* raises leaves it unpublished,
    and so does a cancellation before it is asked; from then on a cancellation waits up to
    *settle_s* seconds, and if the publish came through in that time, the result is returned all
    the same.  What comes before *permit* is a part of *span*.

    Raises:
        FaultError: As `dialogue.message`, or what *span* raises.
    """
    course = Course()
    async with span.part() if span is not None else contextlib.nullcontext():
        await dialogue.begin(child, request)
        ready = await _until(child, "ready", course, report)
    built = course.built(ready)
    await shield.settled(_publish(child, built, course, report, permit), settle_s)
    return built


class Course:
    """What a build child may say next: each phase once and in order, publish after the permit."""

    def __init__(self) -> None:
        self._running: Phase | None = None
        self._last = Phase.FETCH
        self._is_permitted = False

    def take(self, message: Mapping[str, Any]) -> Report:
        """
        Return what *message* reports.

        Raises:
            FaultError: `child-protocol`: it is no report, or not one that may come now.
        """
        try:
            match message["type"]:
                case "phase":
                    return self._started(Phase(message["name"]))
                case "progress" if self._running is not None:
                    return heard.progressed(self._running, message)
                case "phase_done" if message["name"] == self._running:
                    return self._ended(message)
                case _:
                    raise unexpected(message)
        except (KeyError, TypeError, ValueError) as err:
            raise unexpected(message) from err

    def built(self, ready: Mapping[str, Any]) -> Built:
        """
        Return what was built; from here on only publish may come.

        Raises:
            FaultError: `child-protocol`.
        """
        if self._running is not None or self._is_permitted:
            raise unexpected(ready)
        try:
            found = Built(heard.summary(ready["summary"]), heard.commits(ready["commits"]))
        except (KeyError, TypeError, ValueError) as err:
            raise unexpected(ready) from err
        self._is_permitted = True
        return found

    @property
    def is_published(self) -> bool:
        """Publish has been and gone."""
        return self._last is Phase.PUBLISH and self._running is None

    def _started(self, phase: Phase) -> PhaseStarted:
        is_next = ORDER.index(phase) > ORDER.index(self._last) and self._running is None
        if not is_next or (phase is Phase.PUBLISH) != self._is_permitted:
            raise ValueError(phase)
        self._running = self._last = phase
        return PhaseStarted(phase)

    def _ended(self, message: Mapping[str, Any]) -> PhaseEnded:
        phase, self._running = Phase(message["name"]), None
        return heard.ended(phase, message)


async def _publish(
    child: Child,
    built: Built,
    course: Course,
    report: Callable[[Report], None],
    permit: Callable[[Built], Awaitable[None]],
) -> None:
    await permit(built)
    child.send(protocol.encode({"type": "publish"}))
    done = await _until(child, "done", course, report)
    if not course.is_published:
        raise unexpected(done)
    await dialogue.leave(child)


async def _until(
    child: Child, wanted: str, course: Course, report: Callable[[Report], None]
) -> dict[str, Any]:
    """Pass on reports until the message of type *wanted*, and return that."""
    while (message := await dialogue.message(child))["type"] != wanted:
        report(course.take(message))
    return message
