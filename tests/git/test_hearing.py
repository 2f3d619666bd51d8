from __future__ import annotations

from cidxd.git.hearing import WORDS_KEPT, Hearing

TRACED = b"04:15:20.201564 http.c:684              <= Recv header: Retry-After: 7"


def test_words_are_kept_apart_from_progress_and_trace() -> None:
    passed_on: list[str] = []
    hearing = Hearing(passed_on.append)
    for record in (TRACED, b"Receiving objects:  50% (1/2)", b"fatal: early EOF"):
        hearing(record)

    assert hearing.words == "fatal: early EOF"
    assert passed_on == ["Receiving objects:  50% (1/2)", "fatal: early EOF"]
    assert hearing.answer.retry_after_s == 7.0


def test_a_long_trace_does_not_push_the_words_out() -> None:
    hearing = Hearing()
    for record in (b"fatal: early EOF", *[TRACED] * 2 * WORDS_KEPT):
        hearing(record)

    assert hearing.words == "fatal: early EOF"


def test_what_is_said_for_people_is_told_at_once_and_without_counts() -> None:
    said: list[str] = []
    hearing = Hearing(say=said.append)
    for record in (
        TRACED,
        b"remote: Enumerating objects: 120, done.        ",
        b"remote: Enumerating objects: 120        ",
        b"Receiving objects:  50% (1/2)",
        b"remote: welcome        ",
        b"   ",
        b"fatal: early EOF",
    ):
        hearing(record)

    assert said == ["remote: welcome", "fatal: early EOF"]


def test_what_a_remote_has_git_say_moves_no_cursor() -> None:
    said: list[str] = []
    hearing = Hearing(say=said.append)
    hearing(b"fatal: remote error: \x1b]0;title\x07\x1b[2J\xc2\x9b31m\tgone")
    assert said == ["fatal: remote error: \ufffd]0;title\ufffd\ufffd[2J\ufffd31m\tgone"]
    assert hearing.words == said[0]


def test_that_nobody_can_be_asked_for_a_password_is_not_told() -> None:
    said: list[str] = []
    hearing = Hearing(say=said.append)
    told = "fatal: could not read Username for 'https://git.example.org': terminal prompts disabled"
    hearing(b"error: unable to read askpass response from '/bin/false'")
    hearing(told.encode())

    assert hearing.words == told
    assert said == [told]
