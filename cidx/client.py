"""Requests to the chosen server: a token with each, renewed or revived once where that helps."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from cidx import settings
from cidx.errors import ConnectionLostError, NotLoggedInError, ProblemError
from cidx.patience import delay_s
from cidx.wire import TIMEOUT_S, Answer, Connection, Json, Query, body_of, json_of, problem_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from cidx.access import Access

_MOST_LOST = 5  # answers to one request with a key: about six seconds
_RENEWABLE = {"token-expired", "unauthenticated", ""}


class Client:
    """One server, asked over one connection; a context manager that closes it."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        """Return itself; nothing is connected yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection; a later request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def get(self, path: str, query: Query | None = None, *, wait_s: float = 0) -> Json:
        """
        Return the JSON object at *path*.

        Args:
            path: From the server's base address on.
            query: Parameters; None and empty ones are left out.
            wait_s: How long the server may hold the answer until the job has ended.

        Raises:
            ProblemError: The server refused.
            NotLoggedInError: There is no session, or it ended.
            UnreachableError: Nobody answers.
        """
        headers = {"Prefer": f"wait={wait_s:.0f}"} if wait_s else None
        answer = self._send("GET", path, query=query, headers=headers, wait_s=wait_s)
        return json_of(answer, self.access.url)

    def raw(self, path: str, query: Query) -> bytes:
        """Return what is at *path* as it comes; errors as for `get`."""
        return body_of(self._send("GET", path, query=query), self.access.url)

    def listed(self, path: str, query: Query, key: str) -> Iterator[Json]:
        """Yield everything in a list of pages; errors as for `get`."""
        cursor: str | None = None
        while True:
            page = self.get(path, {**query, "cursor": cursor})
            yield from page.get(key) or ()
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def post(self, path: str, body: Json | None = None, *, wait_s: float = 0) -> Json:
        """
        Return the answer to *body*; it is done once, even if it must be sent twice.

        The server may take *wait_s* seconds more than usual.
        """
        headers = {"Idempotency-Key": os.urandom(16).hex()}
        answer = self._send("POST", path, body=body, headers=headers, wait_s=wait_s)
        return json_of(answer, self.access.url)

    def patch(self, path: str, body: Json) -> Json:
        """Return what *path* is after the change; errors as for `get`."""
        return json_of(self._send("PATCH", path, body=body), self.access.url)

    def delete(self, path: str) -> Json:
        """Remove what is at *path*; errors as for `get`."""
        return json_of(self._send("DELETE", path), self.access.url)

    def renew(self, refused_token: str) -> None:
        """
        Get another token in place of a refused one.

        Raises:
            NotLoggedInError: There is none.
        """
        if not self.access.renew(refused_token):
            raise NotLoggedInError(
                f"the server refused the token: {self.access.url}",
                hint="set CIDX_TOKEN to a valid one, or unset CIDX_SERVER and CIDX_TOKEN",
            )

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Json | None = None,
        headers: dict[str, str] | None = None,
        wait_s: float = 0,
    ) -> Answer:
        may_renew, lost = True, 0
        is_keyed = "Idempotency-Key" in (headers or {})
        while True:
            token = self.access.token()
            bearer = {"Authorization": f"Bearer {token}", **_trace(), **(headers or {})}
            is_reused, connection = self._open()
            try:
                answer = connection.exchange(
                    method,
                    path,
                    query=query,
                    body=body,
                    headers=bearer,
                    timeout_s=TIMEOUT_S + wait_s,
                )
            except ConnectionLostError as err:
                self.close()
                lost += 1
                # A kept connection may have been closed by an idle server, which is no news.
                if lost == 1 and (self.access.revive() or is_reused):
                    continue
                if not is_keyed or lost > _MOST_LOST or (lost == 1 and err.was_refused):
                    raise
                time.sleep(delay_s(lost))  # it may have been heard, by a server that restarts
                continue
            if answer.status == 401 and may_renew and _is_renewable(answer):  # noqa: PLR2004
                may_renew = False
                self.renew(token)
                continue
            return answer

    def _open(self) -> tuple[bool, Connection]:
        url = self.access.url
        if self._connection is not None and self._connection.url == url:
            return True, self._connection
        self.close()
        self._connection = Connection(url)
        return False, self._connection


def _trace() -> dict[str, str]:
    within = settings.traceparent()
    return {"traceparent": within} if within else {}


def _is_renewable(answer: Answer) -> bool:
    return problem_of(answer, "").code in _RENEWABLE


def repository_path(name: str) -> str:
    """Return where the repository called *name* is."""
    return f"/api/repositories/{quote(name, safe='')}"


def job_path(job_id: str, *more: str) -> str:
    """Return where the job with *job_id* (or its unique start or end) is."""
    return "/".join(("/api/jobs", quote(job_id, safe=""), *more))


def job_at(client: Client, job_id: str) -> Json:
    """Return the job with *job_id*, or its unique start or end."""
    return client.get(job_path(job_id))


def found_or_none(client: Client, path: str, query: Query | None = None) -> Json | None:
    """Return the JSON object at *path*, or None where the server knows of nothing."""
    try:
        return client.get(path, query)
    except ProblemError as err:
        if err.status == 404:  # noqa: PLR2004 - not found
            return None
        raise
