from __future__ import annotations

import pytest

from cidx.pointer import pointed


def place(number: int) -> str:
    return f"missing ): at character {number} of the pattern"


@pytest.mark.parametrize(
    ("number", "pattern", "width", "expected"),
    [
        (1, "(", 80, "  (\n  ^"),
        (4, "foo(bar", 80, "  foo(bar\n     ^"),
        (8, "foo(bar", 80, "  foo(bar\n         ^"),  # where something is missing at the end
        (3, "日é(", 80, "  日é(\n     ^"),
        (3, "e\u0301(", 80, "  e\u0301(\n   ^"),
        (3, "\t\x1b(", 80, "  \ufffd\ufffd(\n    ^"),
        (51, "a" * 50 + "(" + "b" * 50, 25, f"  …{'a' * 10}({'b' * 9}…\n  {' ' * 11}^"),
    ],
)
def test_a_caret_stands_below_the_place(
    number: int, pattern: str, width: int, expected: str
) -> None:
    assert pointed(place(number), pattern, width) == expected


@pytest.mark.parametrize(
    "message",
    ["", "the pattern is empty", place(0), place(9), place(10**8), place(1) + " or so"],
)
def test_a_message_without_a_place_in_the_pattern_gets_no_caret(message: str) -> None:
    assert pointed(message, "(", 80) == ""


@pytest.mark.parametrize("width", [0, 5, 40, 80])
@pytest.mark.parametrize("number", [1, 2, 5000, 9999, 10_000, 10_001])
def test_of_a_long_pattern_a_part_is_shown_that_fits(number: int, width: int) -> None:
    first, second = pointed(place(number), "x" * 10_000, width).split("\n")
    assert max(len(first), len(second)) <= max(width, 20)
