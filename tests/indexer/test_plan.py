from __future__ import annotations

import time
from itertools import product

import pytest
import re2
from conditions import holds
from expressions import CONTENT, EXPRESSIONS, Made
from hypothesis import event, given, settings
from hypothesis import strategies as st

from cidxd.indexer.condition import ANYTHING, Condition, Every
from cidxd.indexer.plan import condition_of


def shown(condition: Condition) -> str:
    if isinstance(condition, int):
        return condition.to_bytes(3, "big").decode("latin-1")
    word = "every" if isinstance(condition, Every) else "some"
    return f"{word}({', '.join(map(shown, condition.parts))})"


def trigrams(line: bytes) -> set[int]:
    return {a << 16 | b << 8 | c for a, b, c in zip(line, line[1:], line[2:], strict=False)}


def keys(condition: Condition) -> int:
    return 1 if isinstance(condition, int) else sum(map(keys, condition.parts))


@pytest.mark.parametrize(
    ("pattern", "plan"),
    [
        ("abc|def", "some(abc, def)"),
        ("abcd", "every(abc, bcd)"),
        ("abc.*def", "every(abc, def)"),
        ("abc.def", "every(abc, def)"),
        ("ab(c|d)e", "some(every(abc, bce), every(abd, bde))"),
        ("(abc|def)xyz", "every(xyz, some(every(abc, bcx, cxy), every(def, efx, fxy)))"),
        ("abc?d", "some(every(abc, bcd), abd)"),
        ("foo(bar)?baz", "every(foo, oob, oba, baz)"),
        ("(abc)+", "abc"),
        ("a{3}", "aaa"),
        ("ab{2,}c", "every(abb, bbc)"),
        ("x(abc)*y", "every()"),
        ("[a-c]xy", "some(axy, bxy, cxy)"),
        ("[^a]bcd[w-z0-9a-f]", "bcd"),
        ("^abc$", "abc"),
        (r"\babc\b", "abc"),
        (r"\Qa.b\E*", "every()"),
        (r"a\Q*[b", "every(a*[, *[b)"),
        (r"\Qa.b\Ec", "every(a.b, .bc)"),
        (r"\x61\142\x{63}", "abc"),
        (r"im(?:port|pl) (\w+)", "every(imp, some(every(mpl, pl ), every(mpo, por, ort, rt )))"),
        ("(?i)abc", "some(ABC, ABc, AbC, Abc, aBC, aBc, abC, abc)"),
        ("(?i:a)bc", "some(Abc, abc)"),
        ("((?i)a)bc", "some(Abc, abc)"),
        ("(?i)a(?-i)bc", "some(Abc, abc)"),
        ("(?i)123", "123"),
        ("é1", "\xc3\xa91"),
        ("日", "\xe6\x97\xa5"),
        ("(?i)日", "\xe6\x97\xa5"),
        ("a{0}bcd", "bcd"),
        ("a.{0}b", "every()"),
        ("a{,2}", "every(a{,, {,2, ,2})"),
    ],
)  # fmt: skip
def test_a_plan_says_what_must_be_there(pattern: str, plan: str) -> None:
    assert shown(condition_of(pattern, ignore_case=False)) == plan


@pytest.mark.parametrize(
    "pattern",
    [
        "ab", ".*", "abc|", "abc|d", "(abc)?", "(abc)*", "(abc){0,3}", "[a-z]bc", r"\w\w\w",
        "a.b.c", r"\pLab", "(?i)ask", "(?i)été", "(?i)kss", "(?i)[é]ab", "", "^$", r"\bab\b",
        "(abc", "a**",
    ],
)  # fmt: skip
def test_what_says_nothing_certain_is_no_condition(pattern: str) -> None:
    assert condition_of(pattern, ignore_case=False) == ANYTHING


@settings(max_examples=500, deadline=None)
@given(EXPRESSIONS, CONTENT, CONTENT, st.booleans())
def test_every_line_that_matches_satisfies_the_plan(
    made: Made,
    before: str,
    after: str,
    ignore_case: bool,  # noqa: FBT001 - drawn
) -> None:
    pattern, text = made
    condition = condition_of(pattern, ignore_case=ignore_case)
    options = re2.Options()
    options.never_nl = True
    options.log_errors = False
    options.case_sensitive = not ignore_case
    expression = re2.compile("(?m)" + pattern, options)
    matched = False
    likes = text.lower().translate({ord("k"): "\u212a", ord("s"): "\u017f"})
    for line in (
        (before + text + after + "\n" + text.swapcase() + "\n" + likes).encode().split(b"\n")
    ):
        if expression.search(line) is not None:
            matched = True
            assert holds(condition, trigrams(line))
    event(f"matched {matched}, condition {condition != ANYTHING}")


@pytest.mark.parametrize("ignore_case", [False, True])
@pytest.mark.parametrize(
    "pattern",
    [
        "abcdefghij0123456789" * 500,
        "".join(map(str, range(3000))),
        "|".join(f"word{number}" for number in range(5000)),
        "(a|b|c|d|e|f|g|h|i|j){50}",
        "(" * 3000 + "abc" + ")" * 3000,
        "((((abc){9}){9}){9}){9}",
        "(abc){1000}",
        "(abc|" * 1000 + "x" + ")" * 1000,
        "(abc|d.e)?" * 1000,
        "[abcdefgh]" * 1000,
        "(?:abc.def){2}" * 500,
        "(?:" * 38 + "(abc.def|ghi.jkl.mno)" * 30 + "){8}" * 38,
        "(ab|cd|ef)(gh|ij|kl)" * 200,
        "a?" * 5000,
    ],
)  # fmt: skip
def test_the_plan_of_a_monster_is_small_and_soon_there(
    pattern: str,
    ignore_case: bool,  # noqa: FBT001 - a parameter
) -> None:
    started = time.process_time()
    condition = condition_of(pattern, ignore_case=ignore_case)
    assert time.process_time() - started < 2  # a tenth of that is usual
    assert keys(condition) <= 256


def test_a_long_literal_is_planned_by_its_beginning() -> None:
    condition = condition_of("".join(map(str, range(3000))), ignore_case=False)
    assert isinstance(condition, Every)
    assert 20 < len(condition.parts) <= 48


def test_many_alternatives_are_looked_up_as_long_as_that_pays() -> None:
    condition = condition_of("|".join(f"word{n}" for n in range(100, 300)), ignore_case=False)
    assert holds(condition, trigrams(b"word250"))
    assert not holds(condition, trigrams(b"word"))
    assert not holds(condition, trigrams(b"word4"))


def test_a_group_within_very_many_does_not_spoil_what_is_beside_it() -> None:
    pattern = "first" + "(" * 500 + "deep" + ")" * 500 + "last"
    plan = shown(condition_of(pattern, ignore_case=False))
    assert plan == "every(fir, irs, rst, las, ast)"


@pytest.mark.parametrize(
    "repeated", ["a", "(?:ab)", "(a|bc)", "[ab]", "(a.c)", "(?:abc|)", "(ab?)"]
)
@pytest.mark.parametrize(
    "sign", ["", "*", "+", "?", "*?", "{0}", "{1}", "{2}", "{0,1}", "{1,2}", "{1,}", "{2,3}", "{9}"]
)
def test_what_is_repeated_may_be_there_as_often_as_the_sign_says(repeated: str, sign: str) -> None:
    pattern = f"x{repeated}{sign}y"
    condition = condition_of(pattern, ignore_case=False)
    expression = re2.compile(pattern)
    texts = [
        b"",
        *(piece * times for piece in (b"a", b"ab", b"bc", b"abc") for times in range(1, 11)),
    ]
    texts += [b"".join(some) for some in product((b"a", b"b", b"bc", b"abc"), repeat=3)]
    matched = [line for text in texts if expression.search(line := b"x" + text + b"y")]
    assert matched
    assert all(holds(condition, trigrams(line)) for line in matched)
