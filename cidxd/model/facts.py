"""Small facts that the registry keeps beside jobs and repositories."""

from __future__ import annotations

import dataclasses


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
