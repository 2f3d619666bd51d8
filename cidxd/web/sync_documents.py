"""What a wish for a sync is answered with beside the job, as types: whether a commit is there."""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from cidxd.web.documents import JobDocument


class ReachDocument(TypedDict):
    """Whether a commit is reachable from an indexed tip, and from which branch's."""

    commit: str
    reachable: bool
    branch: str | None


class ReasonDocument(TypedDict):
    """Why a sync does not make a commit searchable."""

    code: Literal[
        "branch-not-tracked", "branch-not-asked", "commit-not-found", "job-failed", "job-cancelled"
    ]
    detail: str
    hint: str


class ArrivalDocument(ReachDocument):
    """The same, with the reason why it is not, if that is known."""

    reason: ReasonDocument | None


class ExplainedDocument(ReachDocument):
    """The same, if it was asked for."""

    reason: NotRequired[ReasonDocument | None]


class SyncDocument(JobDocument):
    """The job that answers a wish for a sync; `reach` if it was to wait for a commit."""

    reach: NotRequired[ArrivalDocument]
