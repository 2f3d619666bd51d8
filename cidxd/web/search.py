"""Search and file views: the question to a search child, its JSON bytes to the caller."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from aiohttp import web

from cidxd.errors import NotFoundError, UnavailableError
from cidxd.model.repository import Repository
from cidxd.web import problem
from cidxd.web.requests import FileQuery, SearchBody, SkippedQuery
from cidxd.web.route import Call
from cidxd.web.server import REQUEST_ID
from cidxd.web.services import Services

_SENDING_S = 15.0  # beyond the query's own limit: for the child to answer at all
_WHOLE_LIMIT_S = 60.0  # of a query without a limit on matches


class Search:
    """Handlers of search."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def search(self, call: Call) -> web.StreamResponse:
        """`GET` and `POST /api/search`."""
        sent = call.sent(SearchBody) if call.body is not None else call.asked(SearchBody)
        limit_s = self._services.search_limit_s() if sent.limit else _WHOLE_LIMIT_S
        question = {
            "op": "search",
            **sent.model_dump(exclude={"repository", "branch"}),
            "repositories": [self._place(row, sent.branch) for row in self._chosen(call, sent)],
            "timeout_ms": int(limit_s * 1000),
        }
        return await self._measured(sent.mode, self._asked(call, question, limit_s))

    async def file(self, call: Call) -> web.StreamResponse:
        """`GET /api/repositories/{name}/file`."""
        asked = call.asked(FileQuery)
        row = self._services.sight(call.caller).named(call.part("name"))
        question = {"op": "file", "path": asked.path, "commit": asked.commit}
        return await self._asked(call, question | self._place(row, asked.branch), _WHOLE_LIMIT_S)

    async def skipped(self, call: Call) -> web.StreamResponse:
        """`GET /api/repositories/{name}/skipped`."""
        asked = call.asked(SkippedQuery)
        row = self._services.sight(call.caller).named(call.part("name"))
        question = {"op": "skipped", **asked.model_dump(exclude={"branch"})}
        return await self._asked(call, question | self._place(row, asked.branch), _WHOLE_LIMIT_S)

    def _chosen(self, call: Call, sent: SearchBody) -> list[Repository]:
        sight = self._services.sight(call.caller)
        if sent.repository:
            return [sight.named(name) for name in dict.fromkeys(sent.repository)]
        every = [row for row in sight.repositories() if row.branches]
        if not every:
            raise NotFoundError(
                "no repository has been synced yet", code="not-indexed", hint="cidx sync"
            )
        return every

    def _place(self, row: Repository, branch: str | None) -> dict[str, Any]:
        folder = self._services.data.to_read(row.repository_id)
        return {
            "name": row.name,
            "index": str(folder.index),
            "mirror": str(folder.mirror),
            "branch": branch,
        }

    async def _measured(self, mode: str, asking: Awaitable[web.Response]) -> web.Response:
        """Return the answer; how long it took, and what came of it, is a metric."""
        loop = asyncio.get_running_loop()
        began, outcome = loop.time(), "abandoned"
        try:
            response = await asking
            outcome = _outcome(response.status)
        except UnavailableError as err:
            outcome = err.code
            raise
        finally:
            self._services.metrics.searched(mode, outcome, loop.time() - began)
        return response

    async def _asked(self, call: Call, question: dict[str, Any], limit_s: float) -> web.Response:
        status, body = await self._services.searchers.ask(question, timeout_s=limit_s + _SENDING_S)
        if status != 200:  # noqa: PLR2004 - an HTTP status
            return problem.of_child(status, body, call.request[REQUEST_ID])
        return web.Response(body=body, content_type="application/json")


def _outcome(status: int) -> str:
    if status == 200:  # noqa: PLR2004 - an HTTP status
        return "answered"
    return "refused" if status < 500 else "unavailable"  # noqa: PLR2004 - likewise
