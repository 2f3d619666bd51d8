from __future__ import annotations

import re

from conditions import holds
from hypothesis import given
from hypothesis import strategies as st

from cidxd.indexer.casing import variants
from cidxd.indexer.condition import ANYTHING, Every
from cidxd.indexer.literal import Literal

TEXT = st.text("abkKsS_é\u212a\u017f-. \r", min_size=1, max_size=6)
CONTENT = st.text("abkKsS_éÉ\u212a\u017f-. \r\n", max_size=60)


def slow_lines(pattern: str, content: str, *, ignore_case: bool, whole_word: bool) -> list[int]:
    """What the rules say, character by character."""
    found = []
    for number, line in enumerate(content.split("\n"), 1):
        for at in range(len(line) - len(pattern) + 1):
            piece = line[at : at + len(pattern)]
            pairs = zip(piece, pattern, strict=True)
            equal = all(a == b or (ignore_case and a in variants(b)) for a, b in pairs)
            beside = line[:at][-1:] + line[at + len(pattern) :][:1]
            if equal and not (whole_word and re.search("[A-Za-z0-9_]", beside)):
                found.append(number)
                break
    return found


@given(TEXT, CONTENT, st.booleans(), st.booleans())
def test_lines_are_those_that_hold_the_pattern(
    pattern: str,
    content: str,
    ignore_case: bool,  # noqa: FBT001 - drawn
    whole_word: bool,  # noqa: FBT001 - drawn
) -> None:
    literal = Literal(pattern, ignore_case=ignore_case, whole_word=whole_word)
    data = content.encode()
    found = list(literal.lines(data))
    expected = slow_lines(pattern, content, ignore_case=ignore_case, whole_word=whole_word)
    assert [hits.number for hits in found] == expected
    for hits in found:
        assert data.split(b"\n")[hits.number - 1] == data[hits.start : hits.end]
        assert all(hits.start <= a < b <= hits.end for a, b in hits.spans)
    for after in expected:
        assert [h.number for h in literal.lines(data, after)] == [n for n in expected if n > after]


@given(TEXT, CONTENT, st.booleans())
def test_every_line_that_matches_satisfies_the_conditions(
    pattern: str,
    content: str,
    ignore_case: bool,  # noqa: FBT001 - drawn
) -> None:
    literal = Literal(pattern, ignore_case=ignore_case, whole_word=False)
    data = (content + pattern).encode()
    for hits in literal.lines(data):
        line = data[hits.start : hits.end]
        there = {a << 16 | b << 8 | c for a, b, c in zip(line, line[1:], line[2:], strict=False)}
        assert holds(literal.condition(), there)


def test_a_long_pattern_has_a_bounded_number_of_conditions() -> None:
    literal = Literal("".join(map(str, range(9000))), ignore_case=True, whole_word=False)
    condition = literal.condition()
    assert isinstance(condition, Every)
    assert 10 < len(condition.parts) <= 48


def test_short_patterns_have_no_condition() -> None:
    for pattern in ("a", "ab", "é"):
        assert Literal(pattern, ignore_case=False, whole_word=False).condition() == ANYTHING
    assert Literal("ask", ignore_case=True, whole_word=False).condition() == ANYTHING


def test_a_word_is_looked_for_in_one_pass_over_a_line_that_repeats_it() -> None:
    content = b"a" * (1 << 20) + b" " + b"a" * 10_000
    literal = Literal("a" * 10_000, ignore_case=False, whole_word=True)
    (hits,) = literal.lines(content)  # found at every place one by one, it takes minutes
    assert hits.spans == [((1 << 20) + 1, len(content))]
