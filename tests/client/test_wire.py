from __future__ import annotations

import http.client
import json
from typing import Any

import pytest

from cidx.errors import ClientError, ConnectionLostError, ProblemError
from cidx.wire import Answer, Connection, json_of

URL = "https://cidx.example.org"


def answer(status: int, body: Any = None, **headers: str) -> Answer:
    message = http.client.HTTPMessage()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, "Reason", message, content)


def problem(given: Answer) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        json_of(given, URL)
    return caught.value


def test_a_problem_becomes_message_code_and_hint() -> None:
    told = {"title": "Busy", "detail": "too many jobs: 10", "code": "busy", "hint": "wait"}
    error = problem(answer(429, told))
    assert (error.message, error.code, error.hint) == ("too many jobs: 10", "busy", "wait")
    assert (error.status, error.exit_code) == (429, 1)


def test_the_time_to_wait_is_the_hint_where_there_is_no_other() -> None:
    assert problem(answer(503, {"detail": "x"}, Retry_After="7")).hint == "try again in 7 s"


def test_an_answer_of_something_else_names_the_address() -> None:
    error = problem(answer(502, b"<html>Bad Gateway</html>"))
    assert error.message == f"the server answered 502 Reason: {URL}"
    assert "a cidx server" in error.hint


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"\xff"])
def test_a_good_status_without_an_object_is_no_cidx_server(body: bytes) -> None:
    with pytest.raises(ClientError, match="does not answer like a cidx server"):
        json_of(answer(200, body), URL)


def test_a_redirect_is_not_followed_with_the_token() -> None:
    with pytest.raises(ClientError, match=r"redirects: .* to https://elsewhere"):
        json_of(answer(302, b"", Location="https://elsewhere"), URL)


def test_no_content_is_an_empty_object() -> None:
    assert json_of(answer(204, b""), URL) == {}


def test_a_refused_connection_may_be_tried_again() -> None:
    with pytest.raises(ConnectionLostError, match="connection refused"):
        Connection("http://127.0.0.1:9").exchange("GET", "/")
