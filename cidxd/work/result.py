"""What a sync came to, from what its phases found: the summary, and where each branch went."""

from __future__ import annotations

from typing import Any

from cidxd.model import instant
from cidxd.model.course import Result
from cidxd.model.job import BranchMove, Outcome
from cidxd.model.pipeline import Targets
from cidxd.work.build import Built
from cidxd.work.fetch import Fetched

_NOTHING_DONE = (
    "files_added",
    "files_modified",
    "files_deleted",
    "files_renamed",
    "files_indexed",
    "files_skipped",
    "blobs_new",
    "blobs_reused",
    "commits_received",
    "objects_received",
    "bytes_received",
    "bytes_indexed",
)


def found(
    built: Built, received: Fetched, aim: Targets
) -> tuple[dict[str, Any], tuple[BranchMove, ...]]:
    """Return summary and commits of a sync that fetched and built something."""
    summary = {
        **built.summary,
        "objects_received": received.objects_received,
        "bytes_received": received.bytes_received,
    }
    moves = tuple(
        BranchMove(
            branch=move["branch"],
            before=move["before"],
            fetched=received.commits.get(move["branch"]) if move["branch"] in aim.fetched else None,
            indexed=move["indexed"],
            is_default=move["branch"] == aim.default,
            committed_at=_instant(move.get("committed_at")),
        )
        for move in built.commits
    )
    return summary, moves


def unchanged(aim: Targets, *, files: int) -> Result:
    """Return the result of a sync that found the index up to date, with so many *files*."""
    summary: dict[str, Any] = dict.fromkeys(_NOTHING_DONE, 0)
    return Result(
        outcome=Outcome.UNCHANGED,
        summary={"files_total": files, **summary, "skipped_by_reason": {}},
        commits=tuple(
            BranchMove(
                branch=name,
                before=commit,
                fetched=commit,
                indexed=commit,
                is_default=name == aim.default,
            )
            for name, commit in aim.wanted.items()
        ),
    )


def _instant(said: object) -> float | None:
    """Return a commit's own time, None for one that is no time at all (git takes any)."""
    try:
        return instant.from_wire(str(said)) if said else None
    except (ValueError, OverflowError):
        return None
