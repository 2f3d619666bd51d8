"""
Who is let in: how many connections, streams and requests an address or a user may have.

Everything here is counted in memory, and bounded.  A proxy that is trusted stands for many
clients, so its connections are no client's own; a client behind it is known by each request.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
from collections.abc import Iterator
from typing import Final

from aiohttp import web

from cidxd.errors import BusyError
from cidxd.model.forwarding import Proxies
from cidxd.model.toll import Rate, Toll, Verdict, neighbourhood
from cidxd.sections import HttpSection
from cidxd.web.client_address import client_address
from cidxd.work.http_metrics import HttpMetrics

VERDICT: Final = web.RequestKey("verdict", Verdict)
CLOSES: Final = web.RequestKey("closes", bool)  # the connection ends with the answer
_AGAIN_S: Final = 5
BODIES_OF_ONE: Final = 64 << 20  # bytes in memory, of one user's or one address's requests
_SHARES: Final = 4  # and so many times that of all


class Gate:
    """
    Counts who is in, and says no.

    Args:
        terms: The limits.
        proxies: Those whose word of a client's address is taken.
        metrics: Where refusals are counted.
        is_toll_free: One user's daemon, who needs no limit on requests.
    """

    def __init__(
        self,
        terms: HttpSection | None = None,
        proxies: Proxies | None = None,
        metrics: HttpMetrics | None = None,
        *,
        is_toll_free: bool = False,
    ) -> None:
        self.terms = terms or HttpSection()
        self.proxies = proxies or Proxies()
        self.metrics = metrics or HttpMetrics()
        self._by_address: collections.Counter[str] = collections.Counter()
        self._users: dict[str, set[web.RequestHandler]] = {}
        self._user_of: dict[web.RequestHandler, str] = {}
        self._streams: collections.Counter[str] = collections.Counter()
        self._bodies: collections.Counter[str] = collections.Counter()
        rates = (
            (self.terms.requests_per_second, self.terms.request_burst),
            (self.terms.address_requests_per_second, self.terms.address_request_burst),
        )
        self._of_users, self._of_addresses = (
            Toll(Rate(per_second, burst)) if per_second and not is_toll_free else None
            for per_second, burst in rates
        )

    def admit(self, address: str) -> str | None:
        """Count a connection; return why it is not let in, if it is not."""
        if self._by_address.total() >= self.terms.connections:
            return "connections"
        near = neighbourhood(address)
        is_client = bool(address) and not self.proxies.trust(address)
        if is_client and self._by_address[near] >= self.terms.connections_per_address:
            return "connections-per-address"
        self._by_address[near] += 1
        self.metrics.connections.inc()
        return None

    def leave(self, address: str, connection: web.RequestHandler) -> None:
        """Take a connection that was let in out of the count."""
        near = neighbourhood(address)
        self._by_address[near] -= 1
        if not self._by_address[near]:
            del self._by_address[near]
        self.metrics.connections.dec()
        self._release(connection)

    def refused(self, reason: str) -> None:
        """Count a refusal, or a connection cut off."""
        self.metrics.refused.labels(reason).inc()

    def charge_address(self, request: web.Request) -> None:
        """Take a request of nobody's into account; raises BusyError beyond the limit."""
        self._charge(self._of_addresses, request, neighbourhood(client_address(request)))

    def charge_user(self, request: web.Request, user: str) -> None:
        """Take a request of *user*'s into account; raises BusyError beyond the limit."""
        self._charge(self._of_users, request, user)

    @contextlib.contextmanager
    def serving(self, request: web.Request, user: str) -> Iterator[None]:
        """
        Have the connection of *request* be *user*'s: until it ends, or the answer behind a proxy.

        Raises:
            BusyError: They have too many.
        """
        connection = request.protocol
        theirs = self._users.get(user, set())
        if connection not in theirs:
            if len(theirs) >= self.terms.connections_per_user:
                request[CLOSES] = True
                raise self._busy(
                    "connections-per-user",
                    f"too many connections of one user: {len(theirs)}",
                    "close some, or use them for more than one request",
                )
            self._release(connection)
            self._users.setdefault(user, theirs).add(connection)
            self._user_of[connection] = user
        try:
            yield
        finally:
            if connection.transport is None or self.proxies.trust(request.remote or ""):
                self._release(connection)

    @contextlib.contextmanager
    def streaming(self, user: str) -> Iterator[None]:
        """Count a stream of *user*'s; raises BusyError if they have too many."""
        if self._streams[user] >= self.terms.streams_per_user:
            raise self._busy(
                "streams-per-user",
                f"too many streams of one user: {self._streams[user]}",
                "end some; one stream can follow everything",
            )
        self._streams[user] += 1
        try:
            yield
        finally:
            self._streams[user] -= 1
            if not self._streams[user]:
                del self._streams[user]

    @contextlib.contextmanager
    def holding(self, request: web.Request, most: int, whom: str) -> Iterator[None]:
        """
        Count the body of *request*, of *most* bytes, as long as it is read and held for *whom*.

        Raises:
            BusyError: There is no room for it.
        """
        told = None if "Content-Encoding" in request.headers else request.content_length
        size = most if told is None else min(told, most)
        share = max(BODIES_OF_ONE, most)
        if self._bodies[whom] + size > share or self._bodies.total() + size > _SHARES * share:
            request[CLOSES] = True
            raise self._busy(
                "bodies",
                "too many large bodies at once",
                "send one after the other, or smaller ones",
            )
        self._bodies[whom] += size
        try:
            yield
        finally:
            self._bodies[whom] -= size
            if not self._bodies[whom]:
                del self._bodies[whom]

    def message_toll(self) -> Toll:
        """Return what one WebSocket's messages pass."""
        return Toll(Rate(self.terms.messages_per_second, self.terms.message_burst), most=1)

    def _charge(self, toll: Toll | None, request: web.Request, whom: str) -> None:
        if toll is None:
            return
        verdict = toll.charge(whom, asyncio.get_running_loop().time())
        request[VERDICT] = verdict
        if verdict.retry_after_s is not None:
            self.refused("rate")
            raise BusyError(
                f"too many requests: more than {toll.rate.per_second:g} a second",
                code="rate-limited",
                hint="wait as long as Retry-After says; a stream replaces polling",
                retry_after_s=verdict.retry_after_s,
            )

    def _busy(self, reason: str, message: str, hint: str) -> BusyError:
        self.refused(reason)
        return BusyError(message, code=f"too-many-{reason}", hint=hint, retry_after_s=_AGAIN_S)

    def _release(self, connection: web.RequestHandler) -> None:
        user = self._user_of.pop(connection, None)
        if user is None:
            return
        theirs = self._users[user]
        theirs.discard(connection)
        if not theirs:
            del self._users[user]


GATE: Final = web.AppKey("gate", Gate)


def gate_of(request: web.Request) -> Gate:
    """Return the gate that *request* came through."""
    return request.app[GATE]
