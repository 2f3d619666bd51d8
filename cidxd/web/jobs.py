"""Asking for a sync, and everything one can ask of a job."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from typing import Any, Final

from aiohttp import web

from cidxd.errors import ConflictError, InvalidError, NotFoundError
from cidxd.model import catalogue, instant
from cidxd.model.intake import CancelEffect, Submitted, SyncRequest
from cidxd.model.job import Job, Options
from cidxd.model.repository import Repository
from cidxd.store.history import JobFilter
from cidxd.web import documents as doc
from cidxd.web import wire
from cidxd.web.arrival import Wish, until_searchable
from cidxd.web.prefer import preferred_wait, wait_for_end
from cidxd.web.requests import (
    CancelBody,
    EventQuery,
    JobQuery,
    LogQuery,
    RepositorySyncBody,
    SyncBody,
)
from cidxd.web.route import Call, answer
from cidxd.web.services import Services
from cidxd.web.sse import MEDIA_TYPE, EventSource
from cidxd.web.sync_documents import ArrivalDocument

_RETRY_AFTER_S: Final = "1"


class Jobs:
    """Handlers of jobs."""

    def __init__(self, services: Services, sse: EventSource) -> None:
        self._services = services
        self._sse = sse
        self._documents = wire.Documents()

    async def sync(self, call: Call) -> web.StreamResponse:
        """`POST /api/sync`."""
        sent = call.sent(SyncBody)
        repository = catalogue.named(self._services.state, sent.repository)
        return await self._submit(call, repository, sent)

    async def sync_named(self, call: Call) -> web.StreamResponse:
        """`POST /api/repositories/{name}/sync`."""
        sent = call.sent(RepositorySyncBody)
        repository = catalogue.named(self._services.state, call.part("name"))
        return await self._submit(call, repository, sent)

    async def list(self, call: Call) -> web.StreamResponse:
        """`GET /api/jobs`."""
        asked = call.asked(JobQuery)
        wanted = JobFilter(
            status=asked.status,
            outcome=asked.outcome,
            repository=asked.repository,
            user=asked.user,
            since=None if asked.since is None else instant.from_wire(asked.since),
            until=None if asked.until is None else instant.from_wire(asked.until),
            words=asked.q,
            before=asked.cursor,
        )
        found = await self._services.history.jobs(wanted, asked.limit + 1)
        page, more = found[: asked.limit], len(found) > asked.limit
        cursor = page[-1].job_id if more else None
        document: doc.JobList = {"jobs": [self._document(j) for j in page], "next_cursor": cursor}
        return answer(document, headers=_next_link(call, cursor))

    async def show(self, call: Call) -> web.StreamResponse:
        """`GET /api/jobs/{job_id}`."""
        job = await self._found(call)
        job = await wait_for_end(self._services, job, preferred_wait(call.request))
        tag = _tag(job)
        if call.request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        services, now = self._services, self._services.clock()
        document = self._documents.of(job, services.state, services.ledger.limits, now)
        return answer(document, headers=_headers(job, tag))

    async def events(self, call: Call) -> web.StreamResponse:
        """`GET /api/jobs/{job_id}/events`, as JSON or as server-sent events."""
        job, asked = await self._found(call), call.asked(EventQuery)
        if MEDIA_TYPE in call.request.headers.get("Accept", ""):
            return await self._sse.stream(call, job, asked.after)
        events = await self._services.history.events(
            after=asked.after, limit=asked.limit, job_id=job.job_id
        )
        document: doc.EventList = {
            "events": [wire.event_document(event) for event in events],
            "next_cursor": events[-1].cursor if events else asked.after,
        }
        return answer(document)

    async def log(self, call: Call) -> web.StreamResponse:
        """`GET /api/jobs/{job_id}/log`."""
        job, offset = await self._found(call), call.asked(LogQuery).offset
        piece = await asyncio.to_thread(self._services.logs.read, job.job_id, offset)
        if offset > piece.size:
            raise InvalidError(
                f"the log has {piece.size} bytes: {offset}",
                code="offset-beyond",
                hint="begin again at offset 0",
                pointer="?offset",
                status=416,
            )
        last = offset + len(piece.content) - 1
        which = f"{offset}-{last}" if piece.content else "*"
        headers = {
            "Content-Range": f"bytes {which}/{piece.size}",
            "Cache-Control": "no-cache",
            "X-Content-Type-Options": "nosniff",
        }
        return web.Response(
            body=piece.content, headers=headers, content_type="text/plain", charset="utf-8"
        )

    async def cancel(self, call: Call) -> web.StreamResponse:
        """`POST /api/jobs/{job_id}/cancel` and `DELETE /api/jobs/{job_id}`."""
        job = await self._found(call)
        self._check_may_change(call, job)
        sent = call.sent(CancelBody)
        cancelled = await self._services.ledger.cancel(
            job.job_id, call.caller, reason=sent.reason, force=sent.force
        )
        if cancelled is None:
            return answer(self._document(job))
        if cancelled.effect is CancelEffect.STOPPING:
            self._services.stop_job(job.job_id)
        return answer(self._document(cancelled.job))

    async def retry(self, call: Call) -> web.StreamResponse:
        """`POST /api/jobs/{job_id}/retry`."""
        old = await self._found(call)
        self._check_may_change(call, old)
        request = SyncRequest(
            job_id=self._services.new_id(),
            repository_id=old.repository_id,
            user=call.caller.name,
            options=old.options,
            retry_of=old.job_id,
        )
        return self._accepted(await self._services.ledger.retry(old, request))

    async def _submit(
        self, call: Call, repository: Repository, sent: RepositorySyncBody
    ) -> web.StreamResponse:
        _check_tracked(repository, sent.branch)
        request = SyncRequest(
            job_id=self._services.new_id(),
            repository_id=repository.repository_id,
            user=call.caller.name,
            options=Options(full=sent.full, branches=(sent.branch,) if sent.branch else ()),
            key=_idempotency_key(call.request),
            body_hash=hashlib.sha256(await call.request.read()).hexdigest(),
        )
        submitted = await self._services.ledger.submit(request)
        wait_s = preferred_wait(call.request)
        if sent.wait_commit is not None:
            wish = Wish(repository.repository_id, sent.wait_commit, sent.branch)
            return await self._until_searchable(request, submitted, wish, wait_s)
        job = await wait_for_end(self._services, submitted.job, wait_s)
        return self._accepted(Submitted(job, submitted.is_joined))

    async def _until_searchable(
        self, request: SyncRequest, submitted: Submitted, wish: Wish, wait_s: int
    ) -> web.StreamResponse:
        services = self._services

        async def again() -> Submitted:
            fresh = dataclasses.replace(request, job_id=services.new_id(), key=None)
            return await services.ledger.submit(fresh)

        newest, found = await until_searchable(services, wish, submitted, again, wait_s)
        return self._accepted(newest, found)

    def _accepted(self, submitted: Submitted, found: ArrivalDocument | None = None) -> web.Response:
        document: dict[str, Any] = {**self._document(submitted.job), "joined": submitted.is_joined}
        if found is not None:
            document["reach"] = found
        location = f"/api/jobs/{submitted.job.job_id}"
        return answer(document, status=202, headers={"Location": location})

    def _document(self, job: Job) -> doc.JobDocument:
        services = self._services
        return wire.job_document(job, services.state, services.ledger.limits, services.clock())

    async def _found(self, call: Call) -> Job:
        """Return the job of the path, by its id or a unique beginning or end of it."""
        given = call.part("job_id").lower()
        job = self._services.state.jobs.get(given) or await self._services.history.job(given)
        if job is not None:
            return job
        alike = await self._services.history.job_ids_like(given) if _is_id_part(given) else []
        if len(alike) > 1:
            raise ConflictError(
                f"more than one job's id begins or ends like that: {given}",
                code="job-ambiguous",
                hint="give more of the id, such as " + alike[0],
            )
        found = await self._services.history.job(alike[0]) if alike else None
        if found is None:
            raise NotFoundError(
                f"no such job: {given[:64]}", code="job-not-found", hint="list them: cidx jobs list"
            )
        return self._services.state.jobs.get(found.job_id) or found

    def _check_may_change(self, call: Call, job: Job) -> None:
        who = call.caller
        if not who.is_admin and who.name not in job.requesters:
            raise NotFoundError(
                f"no such job of yours: {job.job_id}",
                code="job-not-found",
                hint="its requesters and admins may cancel and retry it",
            )


def _check_tracked(repository: Repository, branch: str | None) -> None:
    known = {*repository.tracked, *(state.name for state in repository.branches)}
    if repository.default_branch is not None:
        known.add(repository.default_branch)
    if branch is None or branch in known or not (known or repository.branches):
        return
    raise InvalidError(
        f"branch is not tracked: {branch}",
        code="branch-not-tracked",
        hint=f"track it: cidx repo set {repository.name} --branch {branch}",
        pointer="/branch",
    )


def _is_id_part(given: str) -> bool:
    return 4 <= len(given) <= 36 and set(given) <= set("0123456789abcdef-")  # noqa: PLR2004 - of a UUID


def _idempotency_key(request: web.Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 1 <= len(key) <= 200:  # noqa: PLR2004 - generous for any client
        raise InvalidError(
            "the Idempotency-Key is too long or empty", code="header-invalid", status=400
        )
    return key


def _tag(job: Job) -> str:
    """Return the weak ETag: the job's version, and its one link that may come later."""
    return f'W/"{job.job_id}-{job.seq}{"r" if job.retried_by else ""}"'


def _headers(job: Job, tag: str) -> dict[str, str]:
    waiting = {} if job.is_final else {"Retry-After": _RETRY_AFTER_S}
    return {"ETag": tag, "Cache-Control": "no-cache", **waiting}


def _next_link(call: Call, cursor: str | None) -> dict[str, str]:
    if cursor is None:
        return {}
    following = call.request.rel_url.update_query({"cursor": cursor})
    return {"Link": f'<{following}>; rel="next"'}
