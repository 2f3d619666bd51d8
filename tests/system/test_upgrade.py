"""The daemon of today on the databases of its predecessors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemas
from house import Home, Server, wait_until

ENDED = {
    "tools": ["completed", "completed", "failed"],
    "gone": ["failed"],
    "slow": ["cancelled", "failed"],
    "site": ["failed"],
}


@pytest.fixture(params=schemas.EVERY)
def server(home: Home, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A daemon on a database of some schema."""
    made = Server(home, tmp_path / "server", more='[polling]\nmode = "off"\n')
    data = made.folder / "data"
    data.mkdir(mode=0o700)
    schemas.create(data / "cidxd.db", request.param)
    made.start()
    yield made
    assert made.stop() == 0
    assert "Traceback" not in made.log()


def test_the_daemon_goes_on_with_a_database_of_each_schema(home: Home, server: Server) -> None:
    server.token = server.log_in(home)
    queue = "/api/jobs?status={}"
    wait_until(
        "the end of what was queued and running",
        lambda: not any(server.ask(queue.format(s))["jobs"] for s in ("queued", "running")),
    )

    jobs = server.ask("/api/jobs")["jobs"]
    found = {name: [] for name in ENDED}  # type: dict[str, list[str]]
    for job in jobs:
        found[job["repository"]].append(job["status"])
        assert server.job(job["job_id"]) == job
        events = server.events(job["job_id"])
        assert events[0]["type"] == "enqueued"
        assert events[-1]["type"] == job["status"]
        assert len(job["phases"]) == 5
    assert {name: sorted(statuses) for name, statuses in found.items()} == ENDED
    oldest = jobs[-1]
    assert (oldest["outcome"], oldest["requested_by"]) == ("updated", "ada")
    assert oldest["progress_percentage"] == 100
    assert oldest["summary"]["files_indexed"] == 1
    # What ran when its daemon was killed was tried again; its remote is not on this machine.
    (site,) = (job for job in jobs if job["repository"] == "site")
    assert site["attempts"][0]["interrupted"]
    assert site["error"]["code"] == "remote-not-found"
    stats = server.ask("/api/stats?since=2026-01-01")
    failed = {row["repository"]: row["jobs"]["failed"] for row in stats["repositories"]}
    assert failed == dict.fromkeys(ENDED, 1)
    assert "tools" in home.cidx("repo", "list")
