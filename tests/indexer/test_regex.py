from __future__ import annotations

import subprocess
import sys
import time

import pytest
import re2
from expressions import CONTENT, EXPRESSIONS, Made
from hypothesis import given, settings
from hypothesis import strategies as st

from cidxd.errors import InvalidError
from cidxd.indexer.excerpt import quoted
from cidxd.indexer.query import parse_query
from cidxd.indexer.regex import Regex


def lines(pattern: str, content: bytes, after: int = 0) -> list[int]:
    return [hits.number for hits in Regex(pattern, ignore_case=False).lines(content, after)]


def spans(pattern: str, content: bytes) -> list[list[tuple[int, int]]]:
    return [hits.spans for hits in Regex(pattern, ignore_case=False).lines(content)]


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS, CONTENT, CONTENT, st.booleans())
def test_lines_are_those_that_match_one_by_one(
    made: Made,
    before: str,
    behind: str,
    ignore_case: bool,  # noqa: FBT001 - drawn
) -> None:
    pattern, text = made
    data = f"{before}{text}{behind}\n{text}".encode()
    found = list(Regex(pattern, ignore_case=ignore_case).lines(data))
    alone = re2.compile(f"(?m{'i' * ignore_case}){pattern}")
    parts = data.split(b"\n") if not data.endswith(b"\n") else data.split(b"\n")[:-1]
    expected = [n for n, line in enumerate(parts, 1) if data and alone.search(line)]
    assert [hits.number for hits in found] == expected
    for hits in found:
        assert parts[hits.number - 1] == data[hits.start : hits.end]
        first = alone.search(parts[hits.number - 1])
        assert (hits.spans[0][0] - hits.start, hits.spans[0][1] - hits.start) == first.span() or (
            first.start() == first.end()
        )
        assert all(hits.start <= a <= b <= hits.end for a, b in hits.spans)
        assert all(a[1] <= b[0] for a, b in zip(hits.spans, hits.spans[1:], strict=False))
        assert hits.spans[1:] == [] or all(a < b for a, b in hits.spans)
    for after in expected:
        later = Regex(pattern, ignore_case=ignore_case).lines(data, after)
        assert [hits.number for hits in later] == [n for n in expected if n > after]


@pytest.mark.parametrize(
    ("pattern", "content", "numbers"),
    [
        ("^b", b"a\nb\nab\n", [2]),
        ("a$", b"a\nab\na\r\na", [1, 4]),
        (r"a\r$", b"a\r\na\n", [1]),
        ("^$", b"a\n\nb\n\n", [2, 4]),
        ("^$", b"", []),
        ("^$", b"\n", [1]),
        ("x*", b"", []),
        ("x*", b"a\n\nb", [1, 2, 3]),
        ("x*", b"a\n\nb\n", [1, 2, 3]),
        ("$", b"a", [1]),
        ("a[^b]c", b"a\nc a\xc3\xa9c\n", [2]),
        (r"a\sc", b"a\nc\na c\n", [3]),
        ("[^a]", b"\n\na\nb", [4]),
        ("a.c", b"a\rc\na\nc\na\xffc\na\xc3\xa9c\n", [1, 5]),
        ("é", b"\xe9\n\xc3\xa9\n", [2]),
        ("(?i)k", "K\nk\n\u212a\nx\n".encode(), [1, 2, 3]),
        (r"\x00b", b"x\0b\nb\n", [1]),
        ("a|b*", b"c\na\n", [1, 2]),
    ],
)
def test_a_match_lies_within_a_line(pattern: str, content: bytes, numbers: list[int]) -> None:
    assert lines(pattern, content) == numbers


def test_a_match_of_no_length_is_shown_only_when_there_is_no_other() -> None:
    assert spans("x*", b"ab\naxxbx\n\n") == [[(0, 0)], [(4, 6), (7, 8)], [(9, 9)]]
    assert spans("b?$", "éb\né\n".encode()) == [[(2, 3)], [(6, 6)]]
    content = "éa\n".encode()
    [hits] = Regex("$", ignore_case=False).lines(content)
    shown = quoted(content, hits, 0)
    assert (shown["column"], shown["text"], shown["ranges"]) == (4, "éa", [[2, 2]])


def test_occurrences_that_cannot_be_shown_cost_nothing() -> None:
    content = b"a" * (1 << 20) + b"\nab\n"
    started = time.process_time()
    first, second = Regex("a.*z|a", ignore_case=False).lines(content)
    assert time.process_time() - started < 5  # all of them take an hour
    assert (first.number, first.end, len(first.spans)) == (1, 1 << 20, 8001)
    assert quoted(content, first, 0)["ranges"] == [[at, at + 1] for at in range(2000)]
    assert second.spans == [(second.start, second.start + 1)]


def test_a_long_match_in_a_long_line_is_whole() -> None:
    content = b"b" + b"a" * 100_000 + b"z"
    [hits] = Regex("a+z", ignore_case=False).lines(content)
    assert hits.spans == [(1, 100_002)]
    [hits] = Regex("b|a+z", ignore_case=False).lines(content + b"\n" + b"c" * 50_000)
    assert hits.spans == [(0, 1)]


NOTED = [
    ("(", "missing )", 1, r"\("),
    ("ab(c(d)", "missing )", 3, r"\("),
    ("a)b", "unexpected )", 2, r"\)"),
    ("é[b", "missing ]", 2, r"\["),
    ("[a\\", "trailing \\", 3, r"\\"),
    ("a**", "bad repetition operator **", 3, "group"),
    ("ab++", "bad repetition operator ++", 4, "group"),
    ("a{2}{3}", "bad repetition operator {2}{3}", 5, "group"),
    ("a{1001}", "invalid repetition size {1001}", 2, "1000"),
    ("x{3,2}", "invalid repetition size {3,2}", 2, "lower"),
    ("x{2,0}", "invalid repetition size {2,0}", 2, "lower"),
    ("((a{99}){98}){9}", "invalid repetition size {98}", 9, "1000"),
    ("*a", "no argument for repetition operator *", 1, "backslash"),
    ("a|*", "no argument for repetition operator *", 3, "backslash"),
    ("((?i)+)", "no argument for repetition operator +", 6, "backslash"),
    (r"(a)\1", r"invalid escape sequence \1", 4, "back references"),
    (r"a\E", r"invalid escape sequence \E", 2, r"\\"),
    (r"[a-\d]", r"invalid escape sequence \d", 4, r"\\"),
    (r"a\Q(\E)", "unexpected )", 7, r"\)"),
    ("[z-a]", "invalid character class range z-a", 2, "lower"),
    ("x[[:foo:]]", "invalid character class range [:foo:]", 3, "classes"),
    (r"\p{Foo}", r"invalid character class range \p{Foo}", 1, "classes"),
    ("(?=a)", "invalid perl operator (?=", 1, "neither ahead nor behind"),
    ("a(?<!b)", "invalid perl operator (?<!", 2, "neither ahead nor behind"),
    ("(?P<n", "invalid named capture group (?P<n", 1, "(?P<name>"),
    ("a(?x)", "invalid perl operator (?x", 2, r"\("),
    ("x\udcff(", "the pattern is not UTF-8", 2, "characters"),
    (r"\Aab", r"\A cannot be used", 1, "^"),
    (r"ab\z", r"\z cannot be used", 3, "$"),
    (r"ab\Z", r"\Z cannot be used", 3, "$"),
    (r"\C", r"\C cannot be used", 1, "."),
    ("(?s)a", "the flag s cannot be set", 1, "s"),
    ("a(?is-U:b)", "the flag s cannot be set", 2, "s"),
    ("(?-m)^a", "the flag m cannot be taken away", 1, "m"),
    (r"a\nb", "a line feed cannot be matched", 2, "$"),
    (r"a\x0a", "a line feed cannot be matched", 2, "$"),
    (r"\012", "a line feed cannot be matched", 1, "$"),
]


@pytest.mark.parametrize(("pattern", "message", "place", "hint"), NOTED)
@pytest.mark.parametrize("ignore_case", [False, True])
def test_a_bad_expression_is_told_what_is_wrong_and_where(
    pattern: str,
    message: str,
    place: int,
    hint: str,
    ignore_case: bool,  # noqa: FBT001 - a parameter
) -> None:
    with pytest.raises(InvalidError) as caught:
        Regex(pattern, ignore_case=ignore_case)
    error = caught.value
    assert str(error) == f"{message}: at character {place} of the pattern"
    assert hint in error.hint
    assert (error.code, error.pointer, error.status) == ("pattern-invalid", "/q", 422)


@pytest.mark.parametrize(
    "pattern", ["", "a\nb", "a\0", "\ud800", r"(\pL{500}){2}", "((a{99}){99}){99}"]
)
def test_what_has_no_place_is_refused_too(pattern: str) -> None:
    with pytest.raises(InvalidError) as caught:
        Regex(pattern, ignore_case=False)
    assert caught.value.code == "pattern-invalid"
    assert caught.value.hint


def test_a_monstrous_bad_expression_makes_a_short_message() -> None:
    with pytest.raises(InvalidError) as caught:
        Regex("a{2}" + "{3}" * 3000, ignore_case=False)
    assert len(str(caught.value)) < 120


def test_a_flag_that_says_what_holds_anyway_is_taken() -> None:
    assert lines("(?m)^b(?-s).$", b"a\nbc\n") == [2]
    assert lines("[\\n]|b", b"a\nbc\n") == [2]


def test_nothing_is_written_to_stderr() -> None:
    patterns = ["(", "a**", r"\pL{1000}", "(?:[a-z]*?[b-y]{9}x){40}|(a|b)*"]
    program = f"""
from cidxd.errors import InvalidError
from cidxd.indexer.regex import Regex
for pattern in {patterns!r}:
    try:
        list(Regex(pattern, ignore_case=True).lines(b"abcxbcbcabcbcxbca" * 60_000))
    except InvalidError:
        pass
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_a_word_is_asked_for_as_a_literal_only() -> None:
    request = {"mode": "regex", "q": "a", "repositories": [{"name": "x", "index": "/x"}]}
    assert isinstance(parse_query(request).pattern, Regex)
    with pytest.raises(InvalidError) as caught:
        parse_query({**request, "word": True})
    assert (caught.value.code, caught.value.pointer) == ("pattern-invalid", "/word")
    assert r"\b" in caught.value.hint


def test_a_cursor_of_one_mode_does_not_fit_the_other() -> None:
    request = {"q": "a", "repositories": [{"name": "x", "index": "/x"}]}
    prints = {parse_query({**request, "mode": mode}).fingerprint for mode in ("literal", "regex")}
    assert len(prints) == 2
