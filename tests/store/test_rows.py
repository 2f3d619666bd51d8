from __future__ import annotations

import json

from pydantic import TypeAdapter

from cidxd.model.job import Job, PhaseRecord
from cidxd.model.report import Phase
from cidxd.model.repository import Repository
from cidxd.store import rows


def test_a_job_that_an_older_daemon_stored_is_still_read() -> None:
    job = Job(job_id="j", repository_id=1, repository="r", requested_by="ada", created_at=0.0)
    body = json.loads(TypeAdapter(Job).dump_json(job))
    body["weights"] = [0.2] * 5
    for name in ("is_new", "guesses", "estimate_ratio"):
        del body[name]
    for phase in body["phases"]:
        del phase["steps"], phase["earlier"]
    read = rows.job_from(json.dumps(body))
    assert read == job
    assert read.record_of(Phase.FETCH) == PhaseRecord(name=Phase.FETCH)


def test_a_repository_that_an_older_daemon_stored_keeps_its_history() -> None:
    body = {
        "repository_id": 1, "name": "r", "remote": "/r", "key": "/r", "created_at": 0.0,
        "created_by": "ada", "timings": [{"is_first": True, "seconds": {"fetch": 2.0}}],
    }  # fmt: skip
    read: Repository = rows.repository_from(json.dumps(body))
    assert read.timings[0].seconds == {Phase.FETCH: 2.0}
    assert not read.timings[0].parts
