"""What is remembered of a job's document is what would be worked out anew."""

from __future__ import annotations

import orjson
import pytest
import stored

from cidxd.model.queue import Limits
from cidxd.model.registry import State
from cidxd.model.revision import changed
from cidxd.store import rows
from cidxd.web import wire


@pytest.mark.parametrize("end", ["updated", "unchanged", "failed", "cancelled", "running"])
def test_a_remembered_document_is_the_one_made_anew(end: str) -> None:
    job, _ = stored.lived(end)
    state, limits, documents = State(), Limits(), wire.Documents()
    for now in (job.created_at + 1, job.created_at + 2.5):
        said = orjson.dumps(documents.of(job, state, limits, now))
        assert said == orjson.dumps(wire.job_document(job, state, limits, now))
    later = changed(job, message="another one", seq=job.seq + 1)
    said = orjson.dumps(documents.of(later, state, limits, job.created_at + 3))
    assert orjson.loads(said)["message"] == "another one"


@pytest.mark.parametrize("end", ["updated", "unchanged", "failed", "cancelled", "running"])
def test_a_job_comes_back_from_its_row_as_it_was(end: str) -> None:
    job, _ = stored.lived(end)
    assert rows.job_from(rows._job_row(job)[-1]) == job
