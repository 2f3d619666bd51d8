"""`Idempotency-Key` on a POST that makes a job: sent again, it is answered by the same job."""

from __future__ import annotations

import dataclasses
import hashlib

from cidxd.errors import InvalidError
from cidxd.model.intake import SyncRequest
from cidxd.web.route import Call
from cidxd.web.services import Services

_LONGEST = 200  # generous for any client


async def keyed(services: Services, call: Call, request: SyncRequest) -> SyncRequest:
    """Return *request* with the caller's key, what it was sent with, and what is known of it."""
    key = call.request.headers.get("Idempotency-Key")
    if key is None:
        return request
    if not 1 <= len(key) <= _LONGEST or not (key.isascii() and key.isprintable()):
        raise InvalidError(
            "the Idempotency-Key is too long, empty or not printable",
            code="header-invalid",
            hint=f"send 1 to {_LONGEST} printable ASCII characters",
            status=400,
        )
    row = services.state.keys.get((request.user, key))
    known = None
    if row is None or services.state.jobs.get(row.job_id) is None:
        known = await services.history.known(request.user, key)
    sent = call.request.path.encode() + b"\n" + await call.request.read()
    digest = hashlib.sha256(sent).hexdigest()
    return dataclasses.replace(request, key=key, body_hash=digest, known=known)
