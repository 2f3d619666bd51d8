"""What a page shows of a repository beside its record: its last jobs, its size, its commits."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

from aiohttp import web
from pydantic import Field, StringConstraints
from typing_extensions import TypedDict

from cidxd.errors import NotFoundError
from cidxd.model import instant
from cidxd.model.job import Job, Outcome, Status
from cidxd.model.repository import Repository
from cidxd.store.history import JobFilter
from cidxd.web import problem
from cidxd.web.requests import Name
from cidxd.web.route import Call, Route, Sent, answer
from cidxd.web.server import REQUEST_ID
from cidxd.web.services import Services

_CHILD_S = 30.0


class RecentQuery(Sent):
    """How many."""

    limit: Annotated[int, Field(ge=1, le=200)] = 30


class CommitQuery(Sent):
    """Commits that `until` reaches and `since` does not; both are whole commit ids."""

    until: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
    since: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")] | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


class RecentJob(TypedDict):
    """A job that ended, in a few words; `phases` has the seconds of each that ran."""

    job_id: str
    status: Status
    outcome: Outcome | None
    finished_at: str
    elapsed_seconds: float
    error: str | None
    phases: dict[str, float]


class RecentDocument(TypedDict):
    """The jobs of a repository that ended last, the newest first."""

    repository: Name
    jobs: list[RecentJob]


class StorageDocument(TypedDict):
    """What a repository takes on disk, in bytes."""

    index_bytes: int
    mirror_bytes: int


class CommitDocument(TypedDict):
    """A commit: its subject is the first line of its message."""

    commit: str
    subject: str
    author: str
    authored_at: str


class CommitsDocument(TypedDict):
    """Commits, the newest first; `more` says that there are others."""

    commits: list[CommitDocument]
    more: bool


class Insight:
    """Handlers of the above."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route(
                "GET", "/api/repositories/{name}/recent", self.recent,
                "The jobs of a repository that ended last, in a few words",
                query=RecentQuery, answer=RecentDocument,
            ),
            Route(
                "GET", "/api/repositories/{name}/storage", self.storage,
                "What a repository takes on disk", answer=StorageDocument,
            ),
            Route(
                "GET", "/api/repositories/{name}/commits", self.commits,
                "The commits between two, with their subjects",
                query=CommitQuery, answer=CommitsDocument,
            ),
        ]  # fmt: skip

    async def recent(self, call: Call) -> web.Response:
        """`GET /api/repositories/{name}/recent`."""
        row = self._named(call)
        # Active ones are the newest, and few: they are asked for too, and left out.
        active = len(self._services.state.jobs.active_of(row.repository_id))
        limit = call.asked(RecentQuery).limit
        # Another repository may have had the name before.
        hidden = self._services.sight(call.caller).hidden()
        wanted = JobFilter(repository=row.name, hidden=hidden)
        found = await self._services.history.jobs(wanted, limit + active)
        document: RecentDocument = {
            "repository": row.name,
            "jobs": [_recent(job) for job in found if job.is_final][:limit],
        }
        return answer(document)

    async def storage(self, call: Call) -> web.Response:
        """`GET /api/repositories/{name}/storage`."""
        folder = self._services.data.to_read(self._named(call).repository_id)
        index, mirror = await asyncio.to_thread(lambda: (_size(folder.index), _size(folder.mirror)))
        document: StorageDocument = {"index_bytes": index, "mirror_bytes": mirror}
        return answer(document)

    async def commits(self, call: Call) -> web.Response:
        """`GET /api/repositories/{name}/commits`."""
        row, asked = self._named(call), call.asked(CommitQuery)
        mirror = self._services.data.to_read(row.repository_id).mirror
        if not mirror.exists():
            raise NotFoundError("nothing was fetched yet", code="not-indexed", hint="cidx sync")
        question = {"op": "commits", "mirror": str(mirror), **asked.model_dump()}
        status, body = await self._services.searchers.ask(question, timeout_s=_CHILD_S)
        if status != 200:  # noqa: PLR2004 - an HTTP status
            return problem.of_child(status, body, call.request[REQUEST_ID])
        return web.Response(body=body, content_type="application/json")

    def _named(self, call: Call) -> Repository:
        return self._services.sight(call.caller).named(call.part("name"))


def _recent(job: Job) -> RecentJob:
    finished = job.finished_at or job.created_at
    started = job.started_at if job.started_at is not None else finished
    return {
        "job_id": job.job_id,
        "status": job.status,
        "outcome": job.outcome,
        "finished_at": instant.to_wire(finished),
        "elapsed_seconds": round(max(0.0, finished - started), 3),
        "error": None if job.error is None else job.error.code,
        "phases": {
            record.name.value: round(record.finished_at - record.started_at, 3)
            for record in job.phases
            if record.started_at is not None and record.finished_at is not None
        },
    }


def _size(folder: Path) -> int:
    """Return the bytes of all files below *folder*; one that goes away meanwhile counts nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118 - a hot loop
            except FileNotFoundError:
                continue
    return total
