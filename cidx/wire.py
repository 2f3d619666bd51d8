"""
One HTTP connection to one server, and what its answers mean.

It knows neither who asks nor which server is meant, and tries nothing twice.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from cidx import trust
from cidx.__about__ import VERSION
from cidx.errors import ClientError, ConnectionLostError, ProblemError, UnreachableError

TIMEOUT_S = 60.0
Query = Mapping[str, str | int | Sequence[str] | None]
Json = dict[str, Any]


class Answer(NamedTuple):
    """An HTTP answer, read to its end."""

    status: int
    reason: str
    headers: http.client.HTTPMessage
    body: bytes


class Connection:
    """
    A connection that is opened at the first request and kept for the next.

    Args:
        url: The server's base URL without a trailing slash; it may have a path.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.url = url
        self._base_path = parts.path
        host, port = parts.hostname or "", parts.port
        self._http = (
            http.client.HTTPSConnection(host, port, context=trust.context())
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, port)
        )

    def exchange(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Answer:
        """
        Send one request and read its answer to the end.

        Raises:
            ConnectionLostError: Refused, or broken off before a whole answer.
            UnreachableError: No such host, no trust in its certificate, or no answer in time.
        """
        self._limit(timeout_s)
        try:
            self._http.request(
                method,
                self._base_path + path + _query_string(query),
                body=None if body is None else json.dumps(body).encode(),
                headers=_headers(headers, has_body=body is not None),
            )
            response = self._http.getresponse()
            return Answer(response.status, response.reason, response.headers, response.read())
        except (OSError, http.client.HTTPException) as err:
            self.close()
            raise _translated(err, self.url, timeout_s) from err
        except BaseException:
            # Ctrl-C: the answer of this request must not be taken for the next one's.
            self.close()
            raise

    def close(self) -> None:
        """Close the connection; the next request opens it again."""
        self._http.close()

    def _limit(self, timeout_s: float) -> None:
        self._http.timeout = timeout_s
        if self._http.sock is not None:
            self._http.sock.settimeout(timeout_s)


def is_listening(url: str) -> bool:
    """Tell whether anybody accepts connections at an address of this machine; nothing is sent."""
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=1):
            return True
    except OSError:
        return False


def _query_string(query: Query | None) -> str:
    given = {name: value for name, value in (query or {}).items() if value not in (None, (), "")}
    return "?" + urlencode(given, doseq=True) if given else ""


def _headers(headers: Mapping[str, str] | None, *, has_body: bool) -> dict[str, str]:
    fixed = {"Accept": "application/json", "User-Agent": f"cidx/{VERSION}"}
    if has_body:
        fixed["Content-Type"] = "application/json"
    return {**fixed, **(headers or {})}


def _translated(err: Exception, url: str, timeout_s: float) -> UnreachableError:
    if isinstance(err, ssl.SSLCertVerificationError):
        return UnreachableError(
            f"the server's certificate is not trusted: {url}: {err.verify_message}",
            hint="if it is your own authority's, name its certificate in CIDX_CA_FILE",
        )
    if isinstance(err, TimeoutError):
        return UnreachableError(f"the server did not answer within {timeout_s:g} s: {url}")
    if isinstance(err, ConnectionError | http.client.HTTPException):
        lost = ConnectionLostError(
            f"the server cannot be reached: {url}: {_reason(err)}",
            hint=_hint(err, url),
        )
        lost.was_refused = isinstance(err, ConnectionRefusedError)
        return lost
    return UnreachableError(
        f"the server cannot be reached: {url}: {_reason(err)}",
        hint="check the address and the network",
    )


def _hint(err: Exception, url: str) -> str:
    if isinstance(err, http.client.RemoteDisconnected) and url.startswith("http:"):
        return f"if it speaks TLS: {url.replace('http:', 'https:', 1)}"
    return "check the address, and that the daemon runs: cidx status"


def _reason(err: Exception) -> str:
    if isinstance(err, OSError) and err.strerror:
        return err.strerror.lower()
    return str(err).lower() or type(err).__name__


def json_of(answer: Answer, url: str) -> Json:
    """
    Return the JSON object of a good answer; empty for one without a body.

    Raises:
        ProblemError: The status is not 2xx.
        ClientError: Whatever answered does not speak like a cidx server.
    """
    body_of(answer, url)
    if not answer.body:
        return {}
    try:
        value = json.loads(answer.body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise _foreign(url)
    return value


def body_of(answer: Answer, url: str) -> bytes:
    """
    Return the body of a good answer.

    Raises:
        ProblemError: The status is not 2xx.
        ClientError: It redirects elsewhere.
    """
    if answer.status // 100 == 2:  # noqa: PLR2004 - 2xx
        return answer.body
    if answer.status // 100 == 3:  # noqa: PLR2004 - 3xx
        target = answer.headers.get("Location", "an unnamed address")
        raise ClientError(
            f"the server redirects: {url} to {target}",
            hint="log in at the address it redirects to: cidx login URL",
        )
    raise problem_of(answer, url)


def problem_of(answer: Answer, url: str) -> ProblemError:
    """Return the problem that an answer with a status of 400 or more tells."""
    problem = _problem_object(answer.body)
    text = problem.get("detail") or problem.get("title")
    message = str(text or f"the server answered {answer.status} {answer.reason}: {url}")
    return ProblemError(
        message,
        status=answer.status,
        code=str(problem.get("code") or ""),
        hint=str(problem.get("hint") or _default_hint(answer, is_known=bool(problem))),
    )


def _problem_object(body: bytes) -> Json:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _default_hint(answer: Answer, *, is_known: bool) -> str:
    after = answer.headers.get("Retry-After", "")
    if answer.status in {429, 503} and after.isdigit():
        return f"try again in {after} s"
    if answer.status == 401:  # noqa: PLR2004 - unauthorized
        return "cidx login"
    return "" if is_known else "check that this is the address of a cidx server"


def _foreign(url: str) -> ClientError:
    return ClientError(
        f"this does not answer like a cidx server: {url}",
        hint="check the address: cidx login URL",
    )
