"""
Answers to what is no request, or not a whole one: the connection ends with each.

They are made without looking at what came, no part of which is repeated or logged: the start
of a line that is too long may be a token.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from aiohttp.http_exceptions import BadHttpMethod, BadStatusLine, InvalidURLError, LineTooLong

from cidxd.web import problem, strict

_SHORTER: Final = "send less: a long pattern goes into the body of POST /api/search"
_TOO_MANY: Final = "Too many headers"  # aiohttp has no class for it


@dataclasses.dataclass(frozen=True, slots=True)
class Farewell:
    """
    Why a connection ends.

    Attributes:
        reason: As it is counted.
    """

    reason: str
    status: int
    code: str
    detail: str
    hint: str = ""
    retry_after_s: int | None = None

    def bytes(self) -> bytes:
        """Return the whole answer, as it is sent where no request was understood."""
        request_id = problem.new_id()
        answer = problem.plain(self.status, self.code, self.detail, self.hint, request_id)
        headers = {
            "Content-Type": "application/problem+json",
            "X-Request-Id": request_id,
            "Connection": "close",
        }
        if self.retry_after_s is not None:
            headers["Retry-After"] = str(self.retry_after_s)
        strict.add(headers)
        lines = [f"{name}: {value}" for name, value in headers.items()]
        start = f"HTTP/1.1 {self.status} {problem.phrase(self.status)}"
        head = "\r\n".join([start, *lines, f"Content-Length: {len(answer)}", "", ""])
        return head.encode() + answer


FULL: Final = Farewell(
    "connections",
    503,
    "too-many-connections",
    "too many connections are open",
    "try again later",
    retry_after_s=5,
)
FULL_FOR_ADDRESS: Final = Farewell(
    "connections-per-address",
    429,
    "too-many-connections-per-address",
    "too many connections are open from this address",
    "close some, or use them for more than one request",
    retry_after_s=5,
)
SLOW_HEADER: Final = Farewell(
    "slow-header",
    408,
    "request-too-slow",
    "the request's header did not come in time",
    "send it in one piece",
)
LARGE_HEADER: Final = Farewell(
    "header-size", 431, "header-too-large", "the request's header is too large", "send less of it"
)
_LONG_URL: Final = Farewell(
    "url-size", 414, "uri-too-long", "the request's address is too long", _SHORTER
)
_NO_REQUEST: Final = Farewell(
    "malformed", 400, "request-malformed", "this is no request of HTTP/1.1"
)


def of_parser(fault: BaseException | None, url_bytes: int) -> Farewell:
    """Return what to say upon a *fault* of aiohttp's parser, whose addresses may be so long."""
    match fault:
        case LineTooLong():
            return _LONG_URL if fault.args[1] == url_bytes else LARGE_HEADER
        case BadHttpMethod() | BadStatusLine() | InvalidURLError():
            return _NO_REQUEST
        case _ if _TOO_MANY in str(fault):
            return LARGE_HEADER
        case _:
            return _NO_REQUEST
