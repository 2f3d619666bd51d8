# ruff: noqa: RUF001 - letters that look alike are the matter of the test
"""The lines that a regular expression finds are those of `git grep -P`, in the common syntax."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path
from typing import Any

import pytest
from expressions import EXPRESSIONS, LETTERS, Made
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

House = Any  # the fixture's class lives in conftest, which cannot be imported

_LIBRARY = Path(os.__file__).parent
_PARTS = ("json", "email", "asyncio", "test/test_json")

ODD: dict[str | bytes, bytes] = {
    "plain.txt": b"needle one\nno\nneedle needle\n",
    "crlf.txt": b"needle\r\nother\r\n\r\nneedle\r\n",
    "no-final-newline.txt": b"x\nneedle",
    "empty.txt": b"",
    "only-newlines.txt": b"\n\n\n",
    "latin1.txt": b"caf\xe9 needle\nneedle \xff\xfe\n\xe9\ncaf\xc3\xa9\n",
    "late-nul.txt": b"needle\n" + b"y" * 8000 + b"\0 needle\nneedle\n",
    "early-nul.bin": b"needle\0needle\n",
    "long.txt": b"a" * 50_000 + b"needle" + b"b" * 50_000,
    "spanning.txt": b"nee\ndle\n needle \n",
    "folding.txt": (
        "Kelvin kelvin \u212aelvin\nMASS ma\u017f\u017f mass\nÉcole école\nStraße STRA\u1e9eE\n"
        "σίγμα ΣΊΓΜΑ ςίγμα\nİstanbul \u0131stanbul\nµ \u03bc \u039c\nǆ ǅ Ǆ\nдом ДОМ\n日本\n"
    ).encode(),
}
LETTER_CASE = r"\p{Lu}\p{Ll}"  # ignoring case, RE2 takes these for all letters with a case
IN_ODD_FILES = [
    "x*", "^", "$", "^$", "()", "a|", "needle", "ne+dle", "needle$", "^needle$", r"\r$",
    r"needle\r$", "^.$", "^..$", "^....$", "n.*e", "needle.needle", "[^n]eedle", r"\x00",
    r"y\x00", "[^y]n", "caf.", "caf[^x]", "é", r"\x{e9}", r"caf\x{e9}$", "a+needleb+",
    "a{50}needle", "(nee)(dle)", "(?:nee|dle)$", "nee[^x]*dle", "e{2}", "needle( needle)?$",
    r"\Qneedle\E", "(?i)NEEDLE", "(?i:N)eedle", "n((?i)EE)dle", "(?i)kelvin", "(?i)mass",
    "(?i)école", "(?i)stra[ßx]e", "(?i)σίγμα", "(?i)istanbul", "(?i)[k-l]elvin", "(?i)ma[^a]s",
    "(?i)μ", "(?i)ǆ", "(?i)дом", "[é日]", "日.", r"\pL{5}", r"\p{Greek}+", LETTER_CASE, r"\PL",
    "[а-я]+", "[^ -~]", r"\d", "[k-m]elvin", "(?i)[K]ELVIN", "(?P<a>n)eedle", "(?<a>n)eedle",
    "n??eedle", "(?U)n.*e", "[[:upper:]]{4}",
]  # fmt: skip
IN_CODE = [
    r"def \w+\(self\)", r"^class \w+\(", r"import (\w+)", r"^\s+return None$",
    r"raise \w+Error\(", r"\bself\b", r"(read|write)_\w+", r"[A-Z]{5,}", r"0x[0-9a-f]+",
    r"\d{4}-\d\d", r'"[^"]*"', r"^#.*json", r"\.\.\.", r"%[sdr]", r"lambda [a-z, ]*:",
    r"(async|await) ", r"^$", r"^.{100,}$", r"[()]{3,}", r"==|!=|<=|>=", r"for .* in .*:",
    r"if not (\w+|\(.*\)):", r"_{2}init_{2}", r"(?i)todo|fixme", r"\t", r"e(x|nc)(cept|ode)",
    r"isinstance\([^)]+, str", r"\\n", r"(ab|cd|ef)*xyz", r"zzz+qqq", r"(self\.){1}_\w+ = \w+$",
    r"(try|finally):$", r"\[.*\] = ", r"[^\x00-\x7f]", r"(json|email|asyncio)\.\w+\b",
    r"co(?:routine|ntext|ntent)", r"wait(_for|ed|er)?\b", r"(?i)^from \.+\w* import",
]  # fmt: skip


def _is_as_in_git(house: House, pattern: str) -> int:
    found = house.lines(pattern, mode="regex")
    assert found == house.grep(pattern, syntax="-P"), pattern
    if pattern != LETTER_CASE:
        without_case = house.lines(pattern, mode="regex", case="insensitive")
        assert without_case == house.grep(pattern, "-i", syntax="-P"), ("-i", pattern)
    return len(found)


def test_expressions_find_in_a_real_code_base_what_git_finds(house: House) -> None:
    house.checkout.commit(
        {
            str(path.relative_to(_LIBRARY)): path.read_bytes()
            for part in _PARTS
            for path in sorted((_LIBRARY / part).rglob("*.py"))
        }
    )
    house.sync()
    counts = [_is_as_in_git(house, pattern) for pattern in IN_CODE]
    assert sum(map(bool, counts)) > 30


def test_expressions_find_in_odd_files_what_git_finds(house: House) -> None:
    house.checkout.commit(ODD)
    house.sync()
    for pattern in IN_ODD_FILES:
        _is_as_in_git(house, pattern)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
@given(EXPRESSIONS, st.booleans())
def test_random_expressions_find_what_git_finds(
    house: House,
    made: Made,
    ignore_case: bool,  # noqa: FBT001 - drawn
) -> None:
    if not house.index.exists():
        _take_random_lines(house)
    pattern, _ = made
    # {,n}, {00}, two groups of one name, and \p{Lu} in any case are not to PCRE2 what they
    # are to RE2.
    assume(pattern.count("n>") < 2 and not re.search(r"\{[,0]\d\}", pattern))
    assume(r"\p{Lu}" not in pattern)
    options, flags = ({"case": "insensitive"}, ["-i"]) if ignore_case else ({}, [])
    found = house.lines(pattern, mode="regex", **options)
    try:
        expected = house.grep(pattern, *flags, syntax="-P")
    except AssertionError as err:
        assume("match limit exceeded" not in str(err))  # PCRE2 tries all ways, and gives up
        raise
    if any(part in pattern for part in (r"\w", r"\W", r"\b", "[[:")):
        found, expected = _of_ascii(found), _of_ascii(expected)
    assert found == expected, pattern


def _of_ascii(lines: set[tuple[str, int]]) -> set[tuple[str, int]]:
    return {line for line in lines if line[0].startswith("ascii")}


def _take_random_lines(house: House) -> None:
    dice = random.Random(3)  # noqa: S311 - a repeatable sample
    letters = [*LETTERS, "\n", "\n", "\n", "a", "b", "1", "ab", "]", "*", "{", "\r", "\t"]
    files: dict[str, bytes] = {}
    for number in range(30):
        text = "".join(dice.choices(letters, k=200))
        plain = "".join(c for c in text if c.isascii())
        files |= {f"wide{number}.txt": text.encode(), f"ascii{number}.txt": plain.encode()}
    house.checkout.commit(files)
    house.sync()


def test_a_pattern_that_only_the_plan_could_spoil_finds_its_lines(house: House) -> None:
    house.checkout.commit({f"f{n}.txt": f"word{n} other\n" for n in range(300)})
    house.sync()
    alternatives = "|".join(f"word{n}" for n in range(100, 300))
    for pattern in (alternatives, f"({alternatives}) other", "word[12]\\d?5 ", "(word)+12|other$"):
        assert _is_as_in_git(house, pattern) > 20, pattern


@pytest.mark.parametrize("pattern", ["x*", "$", "^"])
def test_a_line_that_matches_without_length_has_a_range_without_length(
    house: House, pattern: str
) -> None:
    house.checkout.commit({"a.txt": "é\n\nb"})
    house.sync()
    found = house.found(pattern, mode="regex")
    assert [(match["line"], match["text"]) for match in found] == [(1, "é"), (2, ""), (3, "b")]
    for match in found:
        [[start, end]] = match["ranges"]
        assert start == end
