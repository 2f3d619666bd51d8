"""
What is asked of every route about a repository that the caller may not read.

Each route of the daemon has an entry; a new one without fails `test_hiding`.  `{name}`, `{job}`
and `{tail}` stand for the repository's name, a job's id, and the end of it: of the hidden one,
and of one that does not exist.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final


@dataclasses.dataclass(frozen=True)
class Ask:
    """One request to a route; `more` is what follows the path."""

    more: str = ""
    body: Any = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    path: str | None = None


_STREAM: Final = {"Accept": "text/event-stream"}
_WAIT: Final = {"Prefer": "wait=1"}
_COMMIT: Final = "0123456789" * 4
_SYNCS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"full": True},
    {"branch": "plans"},
    {"wait_commit": "0123456"},
)
# Nothing is asked by a repository's or a job's name, or what is asked for is the caller's own.
_PLAIN: Final = [Ask()]
_JOB: Final = [Ask(), Ask(headers=_WAIT), Ask(path="/api/jobs/{tail}")]

HIDING: Final[dict[tuple[str, str], list[Ask]]] = {
    ("POST", "/api/auth/login"): [Ask(body={"username": "{name}", "password": "wrong horse"})],
    ("POST", "/api/auth/refresh"): [Ask(body={"refresh_token": "{job}.x"})],
    ("POST", "/api/auth/session"): [Ask(body={"code": "{name}"})],
    ("GET", "/api/auth/session"): _PLAIN,
    ("POST", "/api/auth/code"): [],  # a random answer, of the caller alone
    ("POST", "/api/auth/logout"): [],  # it would end the session that asks
    ("POST", "/api/auth/password"): [Ask(body={"old_password": "x", "new_password": "y" * 9})],
    ("GET", "/api/auth/me"): _PLAIN,
    ("GET", "/api/sessions"): _PLAIN,
    ("DELETE", "/api/sessions/{id}"): [Ask(path="/api/sessions/{name}")],
    ("GET", "/api/audit"): [Ask(), Ask("?target={name}")],
    ("GET", "/api/tokens"): [Ask(), Ask("?user={name}")],
    ("POST", "/api/tokens"): [Ask(body={"name": "{name}", "days": 100_000})],
    ("DELETE", "/api/tokens/{id}"): [Ask(path="/api/tokens/{name}")],
    ("GET", "/api/repositories"): [Ask(), Ask("?cursor=clas"), Ask("?cursor={name}&limit=1")],
    # That a name is taken cannot be hidden: see test_access.
    ("POST", "/api/repositories"): [Ask(body={"remote": "/nowhere/{name}", "name": "{name}"})],
    ("GET", "/api/repositories/discover"): [
        Ask("?url=/srv/{name}"),
        Ask("?url={remote}"),
        Ask("?url=file://{remote}/"),
    ],
    ("GET", "/api/repositories/{name}"): [Ask(), Ask(headers={"If-None-Match": "*"})],
    ("PATCH", "/api/repositories/{name}"): [
        Ask(body={}),
        Ask(body={"branches": ["plans"]}),
        Ask(body={"name": "other"}),
        Ask(body={"access": {"visibility": "all"}}),
        Ask(body={"access": {"visibility": "all", "users": [{"user": "zoe", "level": "read"}]}}),
    ],
    ("DELETE", "/api/repositories/{name}"): _PLAIN,
    ("POST", "/api/repositories/{name}/webhook"): _PLAIN,
    ("DELETE", "/api/repositories/{name}/webhook"): _PLAIN,
    ("POST", "/api/webhooks/{provider}/{name}"): [
        Ask(path="/api/webhooks/github/{name}", body={"ref": "refs/heads/plans"}),
        Ask(path="/api/webhooks/gitlab/{name}", headers={"X-Gitlab-Token": "guess"}),
        Ask(path="/api/webhooks/nobody/{name}"),
    ],
    ("GET", "/api/repositories/{name}/reach"): [
        Ask("?commit=0123456"),
        Ask("?commit=0123456&explain=true&branch=plans"),
    ],
    ("GET", "/api/repositories/{name}/file"): [
        Ask("?path=plans.txt"),
        Ask("?path=plans.txt&branch=plans"),
        Ask("?path=plans.txt&commit=0123456"),
    ],
    ("GET", "/api/repositories/{name}/skipped"): [Ask(), Ask("?branch=plans&limit=1")],
    ("GET", "/api/repositories/{name}/recent"): [Ask(), Ask("?limit=1")],
    ("GET", "/api/repositories/{name}/storage"): _PLAIN,
    ("GET", "/api/repositories/{name}/commits"): [Ask(f"?until={_COMMIT}")],
    ("POST", "/api/sync"): [
        *(Ask(body={"repository": "{name}", **more}) for more in _SYNCS),
        Ask(body={"repository": "{name}"}, headers={"Idempotency-Key": "k", **_WAIT}),
    ],
    ("POST", "/api/repositories/{name}/sync"): [Ask(body=more) for more in _SYNCS],
    ("GET", "/api/jobs"): [
        Ask(),
        Ask("?repository={name}"),
        Ask("?q={tail}"),
        Ask("?q={name}"),
        Ask("?user=root"),
        Ask("?status=completed&outcome=updated"),
        Ask("?cursor=ffffffff-ffff-ffff-ffff-ffffffffffff&limit=1"),
    ],
    ("GET", "/api/jobs/{job_id}"): [*_JOB, Ask(headers={"If-None-Match": "*"})],
    ("GET", "/api/jobs/{job_id}/events"): [
        Ask(),
        Ask("?after=0&limit=1", headers=_WAIT),
        Ask(headers=_STREAM),
        Ask(headers={**_STREAM, "Last-Event-ID": "1"}),
    ],
    ("GET", "/api/jobs/{job_id}/log"): [Ask(), Ask("?offset=1000000")],
    ("POST", "/api/jobs/{job_id}/cancel"): [Ask(), Ask(body={"reason": "x", "force": True})],
    ("DELETE", "/api/jobs/{job_id}"): _PLAIN,
    ("POST", "/api/jobs/{job_id}/retry"): [Ask(), Ask(headers={"Idempotency-Key": "r"})],
    ("GET", "/api/events"): [
        Ask(),
        Ask("?after=0"),
        Ask("?after=0&limit=1"),
        Ask("?repository={name}"),
        Ask("?repository={name}&after=0", headers=_WAIT),
        Ask("?repository={name}", headers=_STREAM),
    ],
    ("GET", "/api/queue"): _PLAIN,
    ("POST", "/api/queue/pause"): [Ask(body={})],
    ("POST", "/api/queue/resume"): _PLAIN,
    ("GET", "/api/stats"): [Ask("?since=2026-01-01"), Ask("?repository={name}")],
    ("GET", "/api/users"): _PLAIN,
    ("POST", "/api/users"): [Ask(body={"name": "{name}", "password": "y" * 9})],
    ("PATCH", "/api/users/{name}"): [Ask(body={})],
    ("GET", "/api/search"): [
        Ask("?q=NEEDLE&show=count"),
        Ask("?q=NEEDLE&repository={name}"),
        Ask("?q=NEEDLE&repository=demo&repository={name}"),
        Ask("?q=NEEDLE&branch=plans"),
        Ask("?q=NEEDLE&path=plans.txt&repository={name}&limit=0&context=3"),
        Ask("?q=NEEDLE&mode=symbol&repository={name}"),
        Ask("?q=NEE.LE&mode=regex&show=files&repository={name}&cursor=e30="),
    ],
    ("POST", "/api/search"): [
        Ask(body={"q": "NEEDLE", "repository": ["{name}"]}),
        Ask(body={"q": "NEEDLE", "repository": ["demo", "{name}"], "limit": 0}),
        Ask(body={"q": "plans", "show": "files"}),
    ],
    ("GET", "/api/stream"): _PLAIN,  # upgraded: see test_access
    ("GET", "/healthz"): _PLAIN,
    ("GET", "/readyz"): _PLAIN,
    ("GET", "/api/openapi.json"): _PLAIN,
    ("POST", "/api/shutdown"): _PLAIN,
    ("GET", "/metrics"): _PLAIN,  # with metrics.open they name repositories, as documented
}
