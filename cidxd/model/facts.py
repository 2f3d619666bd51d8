"""Small facts that the registry keeps beside jobs and repositories."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

SCHEDULE: Final = "schedule"  # who asked for a sync that nobody asked for: it was time
WEBHOOK: Final = "webhook"  # who asked when the remote's own word came
SYSTEM_USERS: Final = frozenset({SCHEDULE, WEBHOOK})  # nobody logs in under these names


def first_person(requesters: Sequence[str]) -> str | None:
    """Return the first of *requesters* who is a person, else the first; None of nobody."""
    people = (name for name in requesters if name not in SYSTEM_USERS)
    return next(people, requesters[0] if requesters else None)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """A POST that was answered: the same key and body replays its job, `joined` or new."""

    user: str
    key: str
    body_hash: str
    job_id: str
    created_at: float
    joined: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """No job is claimed until somebody resumes the queue; `reason` may be empty."""

    reason: str
    requested_by: str
    at: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What a webhook sent, by a mark of it, and the job that answered."""

    mark: str
    repository_id: int
    received_at: float
    job_id: str


@dataclasses.dataclass(frozen=True, slots=True)
class Removal:
    """A repository that was removed, and whose files are not deleted yet."""

    repository_id: int
    name: str
    user: str
    at: float
