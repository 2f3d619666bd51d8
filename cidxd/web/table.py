"""The table of every route of the daemon."""

from __future__ import annotations

from cidxd.model.access import Need
from cidxd.web import documents as doc
from cidxd.web import openapi, page
from cidxd.web.audit import Audit
from cidxd.web.auth import Auth
from cidxd.web.events import Events
from cidxd.web.headers import (
    ETAG,
    IDEMPOTENCY_KEY,
    IF_NONE_MATCH,
    LAST_EVENT_ID,
    LOCATION,
    PREFER,
    TRACEPARENT,
)
from cidxd.web.health import Health
from cidxd.web.hooks import Hooks
from cidxd.web.insight import Insight
from cidxd.web.jobs import Jobs
from cidxd.web.live import Live
from cidxd.web.pausing import Pausing
from cidxd.web.repositories import Repositories
from cidxd.web.requests import (
    CancelBody,
    Discovery,
    EventQuery,
    FileQuery,
    JobQuery,
    LogQuery,
    Page,
    Reach,
    RepositoryBody,
    RepositoryPatch,
    RepositorySyncBody,
    SearchBody,
    SkippedQuery,
    SyncBody,
)
from cidxd.web.route import Route
from cidxd.web.scrape import Scrape
from cidxd.web.search import Search
from cidxd.web.search_documents import FileDocument, SearchDocument, SkippedDocument
from cidxd.web.services import Services
from cidxd.web.sessions import Sessions
from cidxd.web.stats import Stats
from cidxd.web.sync_documents import ExplainedDocument, SyncDocument
from cidxd.web.tokens import Tokens
from cidxd.web.users import Users

_ASKING = (IDEMPOTENCY_KEY, PREFER, TRACEPARENT)  # for a job
_BUSY = {429: "a limit on waiting jobs is reached"}
_ALIKE = {409: "more than one job's id is like that"}
_SEARCH = {
    404: "no such repository, branch or file, or nothing indexed yet",
    410: "the results moved since the cursor was given",
    422: "the pattern or a field is wrong",
    503: "the index is being rebuilt, or the query took too long",
}


def routes(services: Services, live: Live) -> list[Route]:
    """Return every route, in the order of the documentation."""
    table: list[Route] = []
    events = Events(services, live.sse)
    own = Health(services, lambda: openapi.contract(table)).routes()
    table += [
        *Auth(services.identity).routes(),
        *_repositories(Repositories(services)),
        *_jobs(Jobs(services, events)),
        *events.routes(),
        *Pausing(services).routes(),
        *Stats(services).routes(),
        *Insight(services).routes(),
        *Tokens(services.ledger, services.clock, services.access.token_days).routes(),
        *Users(services.ledger, services.identity, services.clock).routes(),
        *Sessions(services.ledger, services.identity).routes(),
        *Audit(services).routes(),
        *Hooks(services).routes(),
        *_search(Search(services)),
        Route(
            "GET", "/api/stream", live.stream, "Follow jobs over a WebSocket", status=101,
            faults={426: "this is a WebSocket"},
        ),
        *own,
        *Scrape(services).routes(),
        *page.routes(),
    ]  # fmt: skip
    return table


def _repositories(handlers: Repositories) -> list[Route]:
    one = "/api/repositories/{name}"
    conflict = {409: "the remote or the name is registered already; `name` says as what"}
    return [
        Route(
            "GET", "/api/repositories", handlers.list, "The registered repositories, by name",
            query=Page, answer=doc.RepositoryList,
        ),
        Route(
            "POST", "/api/repositories", handlers.add, "Register a repository",
            body=RepositoryBody, answer=doc.RepositoryDocument, status=201, faults=conflict,
            sends=(LOCATION,),
        ),
        Route(
            "GET", "/api/repositories/discover", handlers.discover,
            "The repository with that remote, in whichever form the address is given",
            query=Discovery, answer=doc.RepositoryDocument, faults={404: "none has that remote"},
        ),
        Route("GET", one, handlers.show, "One repository", answer=doc.RepositoryDocument),
        Route(
            "PATCH", one, handlers.change, "Change a repository's settings", body=RepositoryPatch,
            answer=doc.RepositoryDocument, faults=conflict,
        ),
        Route(
            "DELETE", one, handlers.remove,
            "Cancel its jobs, and remove it with mirror and index; its jobs stay in history",
            status=204,
        ),
        Route(
            "GET", one + "/reach", handlers.reach,
            "Whether a commit is reachable from an indexed tip", query=Reach,
            answer=ExplainedDocument,
        ),
    ]  # fmt: skip


def _jobs(handlers: Jobs) -> list[Route]:
    return [
        Route(
            "POST", "/api/sync", handlers.sync,
            "Ask for a sync: a new job, or one that waits already", body=SyncBody,
            answer=SyncDocument, status=202, need=Need.SYNC,
            faults={404: "no such repository", **_BUSY}, takes=_ASKING, sends=(LOCATION,),
        ),
        Route(
            "POST", "/api/repositories/{name}/sync", handlers.sync_named,
            "The same, for one repository", body=RepositorySyncBody,
            answer=SyncDocument, status=202, need=Need.SYNC, faults=_BUSY, takes=_ASKING,
            sends=(LOCATION,),
        ),
        *_one_job(handlers, "/api/jobs/{job_id}"),
        Route(
            "GET", "/api/jobs", handlers.list, "Jobs, newest first", query=JobQuery,
            answer=doc.JobList,
        ),
    ]  # fmt: skip


def _one_job(handlers: Jobs, one: str) -> list[Route]:
    return [
        Route(
            "GET", one, handlers.show, "One job, by its id or a unique beginning or end of it",
            answer=doc.JobDocument, faults=_ALIKE, takes=(PREFER, IF_NONE_MATCH), sends=(ETAG,),
        ),
        Route(
            "GET", one + "/events", handlers.events, "What happened to a job, oldest first",
            query=EventQuery, answer=doc.EventList, is_streamed=True,
            faults=_ALIKE, takes=(PREFER, IF_NONE_MATCH, LAST_EVENT_ID),
        ),
        Route(
            "GET", one + "/log", handlers.log,
            "git's and the indexer's own words, from a byte on; `Content-Range` tells which",
            query=LogQuery, answer=str, media_type="text/plain",
            faults={**_ALIKE, 416: "the log has fewer bytes than `offset`: begin again"},
        ),
        Route(
            "POST", one + "/cancel", handlers.cancel,
            "Cancel a job, or withdraw from it; harmless once it ended", body=CancelBody,
            answer=doc.JobDocument, need=Need.SYNC, faults=_ALIKE,
        ),
        Route(
            "DELETE", one, handlers.cancel, "The same as cancel", body=CancelBody,
            answer=doc.JobDocument, need=Need.SYNC, faults=_ALIKE,
        ),
        Route(
            "POST", one + "/retry", handlers.retry,
            "Ask for an ended job again: a new job, linked both ways", answer=doc.JobDocument,
            status=202, need=Need.SYNC, faults={409: "the job has not ended", **_BUSY},
            takes=_ASKING, sends=(LOCATION,),
        ),
    ]  # fmt: skip


def _search(handlers: Search) -> list[Route]:
    return [
        Route(
            "GET", "/api/search", handlers.search, "Search one repository, several, or all",
            query=SearchBody, answer=SearchDocument, faults=_SEARCH,
        ),
        Route(
            "POST", "/api/search", handlers.search, "The same, for long patterns", body=SearchBody,
            answer=SearchDocument, need=Need.READ, faults=_SEARCH,
        ),
        Route(
            "GET", "/api/repositories/{name}/file", handlers.file, "A file of an indexed commit",
            query=FileQuery, answer=FileDocument, faults=_SEARCH,
        ),
        Route(
            "GET", "/api/repositories/{name}/skipped", handlers.skipped,
            "Files whose content is not searched, and why", query=SkippedQuery,
            answer=SkippedDocument, faults=_SEARCH,
        ),
    ]  # fmt: skip
