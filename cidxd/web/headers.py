"""Headers that the contract names: those a route listens to, and those its answers carry."""

from __future__ import annotations

import dataclasses
from typing import Any, Final


@dataclasses.dataclass(frozen=True, slots=True)
class Header:
    """A header; `pattern` is what a client may send, which says more than the description."""

    name: str
    description: str
    pattern: str | None = None

    def schema(self) -> dict[str, Any]:
        """Return what its value is like."""
        return {"type": "string"} | ({} if self.pattern is None else {"pattern": self.pattern})


IDEMPOTENCY_KEY: Final = Header(
    "Idempotency-Key",
    "Sent again with the same body, the answer is the same job",
    r"^[!-~]([ -~]{0,198}[!-~])?$",
)
PREFER: Final = Header("Prefer", "`wait=N` holds the answer for up to N seconds (RFC 7240)")
IF_NONE_MATCH: Final = Header("If-None-Match", "The ETag of what the caller has: 304 if it is that")
LAST_EVENT_ID: Final = Header(
    "Last-Event-ID", "Where a stream of events resumes, in place of `after`: a cursor"
)
TRACEPARENT: Final = Header("traceparent", "W3C Trace Context; what is none is passed over")

REQUEST_ID: Final = Header("X-Request-Id", "Names this answer in the daemon's log")
LOCATION: Final = Header("Location", "Where the new thing is")
ETAG: Final = Header("ETag", "The version of what is answered, for If-None-Match")
AUTHENTICATE: Final = Header("WWW-Authenticate", "How to say who asks")
RETRY_AFTER: Final = Header("Retry-After", "After how many seconds to ask again")


def taken(headers: tuple[Header, ...]) -> list[dict[str, Any]]:
    """Return *headers* as optional parameters of an operation."""
    return [
        {"name": one.name, "in": "header", "description": one.description, "schema": one.schema()}
        for one in headers
    ]


def told(status: int, sends: tuple[Header, ...], *, is_streamed: bool) -> dict[str, Any]:
    """Return the headers of an answer with *status*; *sends* are those of a success."""
    always = () if is_streamed else (REQUEST_ID,)
    by_status: dict[int, tuple[Header, ...]] = {401: (AUTHENTICATE,)}
    found = dict.fromkeys((*always, *sends, *by_status.get(status, ())), True)
    if status in {202, 429, 503}:
        found[RETRY_AFTER] = False
    return {
        one.name: {"description": one.description, "required": is_sure, "schema": one.schema()}
        for one, is_sure in found.items()
    }
