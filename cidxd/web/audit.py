"""The audit log, for administrators; for everybody else there is no such thing."""

from __future__ import annotations

from typing import Annotated, Any

from aiohttp import web
from pydantic import StringConstraints
from typing_extensions import TypedDict

from cidxd.model import instant
from cidxd.model.audit import Entry
from cidxd.store.audits import AuditFilter
from cidxd.web.page_link import next_link
from cidxd.web.requests import Instant, Page
from cidxd.web.route import Call, Route, answer
from cidxd.web.services import Services

_Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class AuditQuery(Page):
    """Which entries; `since` and `until` are RFC 3339 or dates, the others are meant as a whole."""

    cursor: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$")] | None = None
    actor: _Word | None = None
    action: _Word | None = None
    target: _Word | None = None
    since: Instant | None = None
    until: Instant | None = None


class AuditEntryDocument(TypedDict):
    """Who did what; `detail` has what changed, before and after, and never a secret."""

    id: int
    at: str
    actor: str
    action: str
    target: str
    address: str
    request_id: str
    detail: dict[str, Any]


class AuditList(TypedDict):
    """A part of the audit log, newest first."""

    entries: list[AuditEntryDocument]
    next_cursor: str | None


class Audit:
    """The handler of the audit log."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> list[Route]:
        """Return the route."""
        return [
            Route(
                "GET", "/api/audit", self.list, "Who changed what, newest first",
                query=AuditQuery, answer=AuditList, faults={404: "the caller is no administrator"},
            )
        ]  # fmt: skip

    async def list(self, call: Call) -> web.Response:
        """`GET /api/audit`."""
        if not call.caller.is_admin:
            raise web.HTTPNotFound
        asked = call.asked(AuditQuery)
        wanted = AuditFilter(
            actor=asked.actor,
            action=asked.action,
            target=asked.target,
            since=None if asked.since is None else instant.from_wire(asked.since),
            until=None if asked.until is None else instant.from_wire(asked.until),
            before=None if asked.cursor is None else int(asked.cursor),
        )
        found = await self._services.history.audits.entries(wanted, asked.limit + 1)
        page = found[: asked.limit]
        cursor = str(page[-1][0]) if len(found) > len(page) else None
        document = AuditList(entries=[_document(*row) for row in page], next_cursor=cursor)
        return answer(document, headers=next_link(call, cursor))


def _document(number: int, entry: Entry) -> AuditEntryDocument:
    return {
        "id": number,
        "at": instant.to_wire(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "target": entry.target,
        "address": entry.address,
        "request_id": entry.request_id,
        "detail": entry.detail,
    }
