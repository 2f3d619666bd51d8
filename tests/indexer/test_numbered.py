from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cidxd.indexer.literal import Literal
from cidxd.indexer.numbered import NumberedLines


@given(st.text("ab\r\n", max_size=40))
def test_a_line_is_found_by_its_number_as_when_all_are_looked_at(content: str) -> None:
    data = content.encode()
    pattern = Literal("ab", ignore_case=False, whole_word=False)
    lines = NumberedLines(data)
    expected = {hits.number: hits for hits in pattern.lines(data)}
    for number, text in enumerate(data.split(b"\n"), 1):
        start, end = lines.span(number)
        assert data[start:end] == text
        assert lines.hits(pattern, number) == expected.get(number)


def test_a_line_that_is_not_there_is_empty() -> None:
    for number in (0, 3, 99):
        assert NumberedLines(b"a\nb").span(number) == (3, 3)
