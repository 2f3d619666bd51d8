from __future__ import annotations

import pytest

from cidxd.git import headers
from cidxd.git.headers import Answer

TRACE = [
    "04:15:20.200772 http.c:684              => Send header: Accept-Encoding: deflate",
    "04:15:20.201541 http.c:725              == Info: HTTP 1.0, assume close after body",
    "04:15:20.201546 http.c:672              <= Recv header, 0000000032 bytes (0x00000020)",
    "04:15:20.201548 http.c:684              <= Recv header: HTTP/1.0 429 Too Many Requests",
    "04:15:20.201555 http.c:684              <= Recv header: Date: Tue, 24 Nov 2026 04:15:20 GMT",
    "04:15:20.201564 http.c:684              <= Recv header: retry-after: 7",
    "04:15:20.201568 http.c:684              <= Recv header:",
]


def _answer(lines: list[str]) -> Answer:
    answer = Answer()
    for line in lines:
        told = headers.traced(line)
        assert told is not None
        answer = headers.after(answer, told)
    return answer


def test_trace_tells_how_long_the_remote_asks_to_wait() -> None:
    assert _answer(TRACE).retry_after_s == 7.0


def test_only_the_last_answer_counts() -> None:
    later = "04:15:21.201548 http.c:684              <= Recv header: HTTP/1.1 200 OK"

    assert _answer([*TRACE, later]) == Answer()


def test_a_date_is_measured_by_the_remotes_own_clock() -> None:
    answer = Answer(
        retry_after="Tue, 24 Nov 2026 04:16:20 GMT", date="Tue, 24 Nov 2026 04:15:20 GMT"
    )

    assert answer.retry_after_s == 60.0


@pytest.mark.parametrize(
    "retry_after", ["", "soon", "-4", "Tue, 24 Nov 2020 04:16:20 GMT", "Tue, 24 Nov 2026 04:16:20"]
)
def test_no_time_is_made_of_what_names_none(retry_after: str) -> None:
    answer = Answer(retry_after=retry_after, date="Tue, 24 Nov 2026 04:15:20 GMT")

    assert answer.retry_after_s is None


@pytest.mark.parametrize(
    "line", ["fatal: early EOF", "remote: Total 2 (delta 0)", "Receiving objects:  50% (1/2)"]
)
def test_words_for_people_are_no_trace(line: str) -> None:
    assert headers.traced(line) is None


@pytest.mark.parametrize(
    "retry_after", ["86401", "9" * 30, "9" * 5000, "Fri, 31 Dec 9999 23:59:59 GMT"]
)
def test_no_remote_is_waited_for_longer_than_a_day(retry_after: str) -> None:
    answer = Answer(retry_after=retry_after, date="Tue, 24 Nov 2026 04:15:20 GMT")
    assert answer.retry_after_s == headers.LONGEST_S
