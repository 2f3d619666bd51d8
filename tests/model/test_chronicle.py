from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from cidxd.errors import FaultError
from cidxd.model import chronicle, moves
from cidxd.model.job import BranchMove, CancelRequest, Job, Kind, Outcome, Status
from cidxd.model.moves import Moved
from cidxd.model.pipeline import job_error
from cidxd.model.records import Wait
from cidxd.model.report import Phase, PhaseEnded, PhaseProgressed, Usage

ERROR = job_error(FaultError("remote-unreachable", "fatal: no route\nto host"), Phase.FETCH)
TOLD = [
    "fault in fetch: remote-unreachable: the remote cannot be reached",
    "detail: fatal: no route",
    "detail: to host",
    "hint: check the network and the remote's address",
]
QUEUED = Job(job_id="j", repository_id=1, repository="demo", requested_by="ada", created_at=1.0)
RUNNING = dataclasses.replace(QUEUED, status=Status.RUNNING, attempt=1, phase=Phase.FETCH)
FETCHING = moves.start_phase(RUNNING, Phase.FETCH, at=2.0).job
COUNTED = PhaseEnded(Phase.FETCH, {"objects_received": 18, "bytes_received": 3900}, Usage())
MOVED = BranchMove(branch="main")
CANCEL = CancelRequest(requested_by="ada", reason="too late", at=1.0)
SILENT = CancelRequest(requested_by="ada", reason="", at=1.0)
UPDATED: dict[str, Any] = {"summary": {}, "commits": (MOVED,)}


@pytest.mark.parametrize(
    ("moved", "told"),
    [
        (moves.enqueue(QUEUED, at=2.0), []),
        (moves.withdraw(QUEUED, user="ada", at=2.0), []),
        (
            moves.claim(QUEUED, at=2.0, is_first=True),
            ["attempt 1 started"],
        ),
        (moves.start_phase(RUNNING, Phase.FETCH, at=2.0), ["fetch started"]),
        (moves.progress(FETCHING, PhaseProgressed(Phase.FETCH, 1, 2, "objects"), at=3.0), []),
        (
            moves.end_phase(FETCHING, COUNTED, at=3.25),
            ["fetch completed in 1.250 s: objects_received 18, bytes_received 3900"],
        ),
        (
            moves.end_phase(FETCHING, PhaseEnded(Phase.FETCH, {}, Usage()), at=3.0),
            ["fetch completed in 1.000 s"],
        ),
        (
            moves.permit(RUNNING, at=3.0, **UPDATED),
            ["allowed to publish: from here on the job completes"],
        ),
        (
            moves.defer(RUNNING, ERROR, Wait(9.0, 2.0), at=2.0),
            [*TOLD, "tried again not before 1970-01-01T00:00:09.000Z"],
        ),
        (
            moves.defer(RUNNING, ERROR, Wait(9.0, 2.0, held="h has been unreachable"), at=2.0),
            [*TOLD, "held back, the attempt is given back: h has been unreachable"],
        ),
        (
            moves.interrupt(RUNNING, at=2.0),
            ["interrupted by the daemon's end: the attempt is given back"],
        ),
        (moves.request_cancel(RUNNING, SILENT, at=2.0), ["cancel requested by ada"]),
        (moves.cancel(RUNNING, CANCEL, at=2.0), ["cancelled by ada: too late"]),
        (moves.fail(RUNNING, ERROR, at=2.0), [*TOLD, "failed"]),
        (moves.complete(RUNNING, Outcome.UPDATED, at=2.0, **UPDATED), ["completed, updated"]),
    ],
    ids=lambda value: value.event.kind if isinstance(value, Moved) else "",
)
def test_what_the_log_tells_of_each_event(moved: Moved, told: list[str]) -> None:
    assert chronicle.lines(moved.event) == told


def test_every_kind_of_event_has_its_place() -> None:
    assert chronicle._TOLD.keys() == set(Kind)
