"""Asking for a sync, and everything one can ask of a job."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from typing import Any, Final

from aiohttp import web

from cidxd.errors import InvalidError, NotFoundError, UnavailableError
from cidxd.model import access, instant, trace
from cidxd.model.access import Need
from cidxd.model.intake import Submitted, SyncRequest
from cidxd.model.job import Job, Options
from cidxd.model.repository import Repository
from cidxd.store.history import JobFilter
from cidxd.web import documents as doc
from cidxd.web import lookup, wire
from cidxd.web.arrival import Wish, until_searchable
from cidxd.web.events import Events
from cidxd.web.idempotency import keyed
from cidxd.web.page_link import next_link
from cidxd.web.prefer import applied, preferred_wait, wait_for_end, wait_until
from cidxd.web.requests import (
    CancelBody,
    JobQuery,
    LogQuery,
    RepositorySyncBody,
    SyncBody,
)
from cidxd.web.route import Call, answer
from cidxd.web.services import Services
from cidxd.web.sync_documents import ArrivalDocument
from cidxd.web.version import (
    ask_again,
    headers_of,
    is_conditional,
    is_known,
    tag_of,
    unchanged,
)

_JOB_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


class Jobs:
    """Handlers of jobs."""

    def __init__(self, services: Services, events: Events) -> None:
        self._services = services
        self._events = events
        self._documents = wire.Documents()

    async def sync(self, call: Call) -> web.StreamResponse:
        """`POST /api/sync`."""
        sent = call.sent(SyncBody)
        repository = self._services.sight(call.caller).named(sent.repository)
        return await self._submit(call, repository, sent)

    async def sync_named(self, call: Call) -> web.StreamResponse:
        """`POST /api/repositories/{name}/sync`."""
        sent = call.sent(RepositorySyncBody)
        repository = self._services.sight(call.caller).named(call.part("name"))
        return await self._submit(call, repository, sent)

    async def list(self, call: Call) -> web.StreamResponse:
        """`GET /api/jobs`."""
        asked, sight = call.asked(JobQuery), self._services.sight(call.caller)
        _check_cursor(asked.cursor)
        name = asked.repository
        wanted = JobFilter(
            status=asked.status,
            outcome=asked.outcome,
            repository=None if name is None else sight.current_name(name),
            user=asked.user,
            since=None if asked.since is None else instant.from_wire(asked.since),
            until=None if asked.until is None else instant.from_wire(asked.until),
            words=asked.q,
            before=asked.cursor,
            hidden=sight.hidden(),
        )
        found = await self._services.history.jobs(wanted, asked.limit + 1)
        page, more = found[: asked.limit], len(found) > asked.limit
        cursor = page[-1].job_id if more else None
        document: doc.JobList = {"jobs": [self._document(j) for j in page], "next_cursor": cursor}
        return answer(document, headers=next_link(call, cursor))

    async def show(self, call: Call) -> web.StreamResponse:
        """`GET /api/jobs/{job_id}`."""
        job, wait_s = await self._found(call), preferred_wait(call.request)
        if wait_s:
            job = self._checked(call, await self._awaited(call, job, wait_s))
        services, now, tag = self._services, self._services.clock(), tag_of(job)
        headers = headers_of(tag)
        if not job.is_final:
            headers |= ask_again(job, now)
        if wait_s is not None:
            headers |= applied(wait_s)
        if is_known(call.request, tag):
            return unchanged(headers)
        document = self._documents.of(job, services.state, services.ledger.limits, now)
        return answer(document, headers=headers)

    async def _awaited(self, call: Call, job: Job, wait_s: int) -> Job:
        """Return *job* once it ended, or once it is another version than the caller has."""
        seen = tag_of(job)
        if not is_conditional(call.request):
            return await wait_for_end(self._services, job, wait_s)
        if not is_known(call.request, seen):
            return job
        return await wait_until(self._services, job, wait_s, lambda now: tag_of(now) != seen)

    async def events(self, call: Call) -> web.StreamResponse:
        """`GET /api/jobs/{job_id}/events`, as JSON or as server-sent events."""
        return await self._events.of_job(call, await self._found(call))

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
            "Cache-Control": "private, no-cache",
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
        return answer(self._document(job if cancelled is None else cancelled.job))

    async def retry(self, call: Call) -> web.StreamResponse:
        """`POST /api/jobs/{job_id}/retry`."""
        old = await self._found(call)
        self._check_may_change(call, old)
        row = self._services.state.repositories.get(old.repository_id)
        if row is not None:  # else the ledger says that it was removed
            access.check_may_sync(call.caller, row)
        self._check_accepting()
        request = SyncRequest(
            job_id=self._services.new_id(),
            repository_id=old.repository_id,
            user=call.caller.name,
            options=old.options,
            retry_of=old.job_id,
            traceparent=trace.checked(call.request.headers.get("traceparent")),
        )
        request, wait_s = await keyed(self._services, call, request), preferred_wait(call.request)
        submitted = await self._services.ledger.retry(old, request)
        job = await wait_for_end(self._services, submitted.job, wait_s or 0)
        return self._accepted(call, Submitted(job, submitted.is_joined), wait_s)

    async def _submit(
        self, call: Call, repository: Repository, sent: RepositorySyncBody
    ) -> web.StreamResponse:
        access.check_may_sync(call.caller, repository)
        self._check_accepting()
        _check_tracked(repository, sent.branch)
        request = SyncRequest(
            job_id=self._services.new_id(),
            repository_id=repository.repository_id,
            user=call.caller.name,
            options=Options(full=sent.full, branches=(sent.branch,) if sent.branch else ()),
            traceparent=trace.checked(call.request.headers.get("traceparent")),
        )
        request = await keyed(self._services, call, request)
        submitted = await self._services.ledger.submit(request)
        wait_s = preferred_wait(call.request)
        if sent.wait_commit is not None:
            wish = Wish(repository.repository_id, sent.wait_commit, sent.branch)
            newest, found = await self._until_searchable(call, request, submitted, wish, wait_s)
            return self._accepted(call, newest, wait_s, found)
        job = await wait_for_end(self._services, submitted.job, wait_s or 0)
        return self._accepted(call, Submitted(job, submitted.is_joined), wait_s)

    async def _until_searchable(
        self,
        call: Call,
        request: SyncRequest,
        submitted: Submitted,
        wish: Wish,
        wait_s: int | None,
    ) -> tuple[Submitted, ArrivalDocument]:
        services = self._services

        async def again() -> Submitted:
            self._check_still_may(call, wish.repository_id)  # the caller has waited meanwhile
            fresh = dataclasses.replace(request, job_id=services.new_id(), key=None)
            return await services.ledger.submit(fresh)

        return await until_searchable(services, wish, submitted, again, wait_s or 0)

    def _accepted(
        self,
        call: Call,
        submitted: Submitted,
        wait_s: int | None,
        found: ArrivalDocument | None = None,
    ) -> web.Response:
        job = self._checked(call, submitted.job)  # the caller waited, or sent an old key again
        document: dict[str, Any] = {**self._document(job), "joined": submitted.is_joined}
        if found is not None:
            document["reach"] = found
        headers = ask_again(job, self._services.clock()) | applied(wait_s)
        headers["Location"] = f"/api/jobs/{job.job_id}"
        return answer(document, status=202, headers=headers)

    def _document(self, job: Job) -> doc.JobDocument:
        services = self._services
        return wire.job_document(job, services.state, services.ledger.limits, services.clock())

    async def _found(self, call: Call) -> Job:
        """Return the job of the path, by its id or a unique beginning or end of it."""
        return await lookup.job(self._services, call.caller, call.part("job_id"))

    def _checked(self, call: Call, job: Job) -> Job:
        """Return *job*, if the caller, who has waited meanwhile, still sees it."""
        return self._services.sight(self._services.identity.again(call.caller)).check_job(job)

    def _check_still_may(self, call: Call, repository_id: int) -> None:
        who = self._services.identity.again(call.caller)
        row = self._services.state.repositories.get(repository_id)
        if row is None or not access.may_read(who, row):
            raise NotFoundError("the repository is gone", code="repository-not-found")
        access.check(who, Need.SYNC)
        access.check_may_sync(who, row)

    def _check_accepting(self) -> None:
        if self._services.vitals.is_stopping():
            raise UnavailableError(
                "the daemon is stopping and takes no new jobs",
                code="stopping",
                hint="ask again once it is back",
                retry_after_s=5,
            )

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


def _check_cursor(cursor: str | None) -> None:
    """Raise InvalidError for what was never given out as a list's cursor: no whole job id."""
    if cursor is not None and not _JOB_ID.match(cursor):
        raise InvalidError(
            f"not a cursor of this list: {cursor}",
            code="cursor-invalid",
            hint="take next_cursor of the page before",
            pointer="?cursor",
            status=400,
        )
