"""The wire's words as types: what answers contain.  OpenAPI is generated from these."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from cidxd.model.job import Kind, Outcome, PhaseStatus, Status
from cidxd.model.report import Phase
from cidxd.web.access_documents import AccessDocument, Right
from cidxd.web.credential_documents import CredentialDocument
from cidxd.web.schedule_documents import ScheduleDocument, WebhookFact


class Estimate(TypedDict):
    """How long it will still take, in seconds, and what that rests on."""

    remaining_seconds: float
    low_seconds: float
    high_seconds: float
    basis: str


class Queue(TypedDict):
    """Where a queued job stands, from 1, and why it waits."""

    position: int
    reason: str


class Commit(TypedDict):
    """From where to where one branch went: commit ids, null while unknown or new."""

    branch: str
    before: str | None
    fetched: str | None
    indexed: str | None


class PhaseDocument(TypedDict):
    """One phase of the current attempt."""

    name: Phase
    status: PhaseStatus
    progress: float
    started_at: str | None
    finished_at: str | None
    duration_seconds: float | None
    counters: dict[str, int]


class UsageDocument(TypedDict):
    """What the job's child processes used."""

    cpu_seconds: float
    peak_rss_bytes: int
    read_bytes: int
    written_bytes: int


class Resources(UsageDocument):
    """The same, with each phase's share."""

    by_phase: dict[str, UsageDocument]


class HistoryDocument(TypedDict):
    """A change of status or phase."""

    at: str
    status: Status
    phase: Phase | None


class ErrorDocument(TypedDict):
    """Why an attempt or a job failed."""

    code: str
    title: str
    detail: str
    hint: str
    phase: Phase | None
    retryable: bool
    docs: str


class AttemptDocument(TypedDict):
    """One try."""

    number: int
    started_at: str
    finished_at: str | None
    error: ErrorDocument | None
    interrupted: bool


class OptionsDocument(TypedDict):
    """What was asked for; `branch` null means every tracked one, several are a list."""

    full: bool
    branch: str | list[str] | None


class CancelDocument(TypedDict):
    """Who wanted the job to end, and why; with `force` its processes were killed at once."""

    requested_by: str
    reason: str
    at: str
    force: bool


class JobDocument(TypedDict):
    """A job with all that became of it."""

    job_id: str
    repository: str
    requested_by: str
    requesters: list[str]
    joined: NotRequired[bool]
    status: Status
    outcome: Outcome | None
    phase: Phase | None
    progress_percentage: float
    message: str
    created_at: str
    started_at: str | None
    finished_at: str | None
    elapsed_seconds: float
    estimated_completion: str | None
    estimate: Estimate | None
    queue: Queue | None
    commits: list[Commit]
    phases: list[PhaseDocument]
    summary: dict[str, Any] | None
    resources: Resources
    history: list[HistoryDocument]
    attempts: list[AttemptDocument]
    error: ErrorDocument | None
    options: OptionsDocument
    retry_of: str | None
    retried_by: str | None
    cancel: CancelDocument | None
    links: dict[str, str]


class JobList(TypedDict):
    """A page of jobs, newest first."""

    jobs: list[JobDocument]
    next_cursor: str | None


class EventDocument(TypedDict):
    """What happened to a job; `seq` has no gaps per job, `cursor` only increases."""

    cursor: int
    job_id: str
    repository: str
    seq: int
    at: str
    type: Kind
    data: dict[str, Any]


class EventList(TypedDict):
    """A page of events, oldest first; `next_cursor` is where to go on, also at the end."""

    events: list[EventDocument]
    next_cursor: int


class SnapshotDocument(TypedDict):
    """The active jobs of what is followed, as of a cursor."""

    jobs: list[JobDocument]


class AllEventList(EventList):
    """The same; `snapshot` if no cursor was sent, as of `next_cursor`."""

    snapshot: NotRequired[SnapshotDocument]


class BranchDocument(TypedDict):
    """What the index answers with for one branch."""

    name: str
    commit: str
    indexed_at: str
    job_id: str
    default: bool


class LastJobDocument(TypedDict):
    """The job that ended last."""

    job_id: str
    status: Status
    finished_at: str


class RepositoryDocument(TypedDict):
    """One registered repository."""

    name: str
    remote: str
    default_branch: str | None
    tracked: list[str]
    branches: list[BranchDocument]
    created_at: str
    created_by: str
    credentials: CredentialDocument | None
    checked_at: str | None
    active_jobs: list[str]
    last_job: LastJobDocument | None
    schedule: ScheduleDocument | None
    schedule_from: Literal["repository", "server"]
    next_sync: str | None
    webhook: WebhookFact | None
    rights: NotRequired[list[Right]]
    access: NotRequired[AccessDocument]


class RepositoryList(TypedDict):
    """A page of repositories, by name."""

    repositories: list[RepositoryDocument]
    next_cursor: str | None


class HealthDocument(TypedDict):
    """The process is alive."""

    status: str
    version: str
    wire: int
    sqlite_version: str
    index_kernel: str | None


class ReadyDocument(TypedDict):
    """Whether it can work, and if not why; `notices` are what else to know."""

    ready: bool
    reasons: list[str]
    notices: list[str]


class ProblemDocument(TypedDict):
    """RFC 9457, with a stable code and what to do."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str
    request_id: str
    pointer: NotRequired[str]
    name: NotRequired[str]
    cursor: NotRequired[int]
    snapshot: NotRequired[SnapshotDocument]
