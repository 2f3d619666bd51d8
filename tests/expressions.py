"""Expressions made at random, each with a text that it may match."""

from __future__ import annotations

import re

from hypothesis import strategies as st

Made = tuple[str, str]  # an expression, and a text

LETTERS = "abkKsS1_. -é\u212a\u017f日"
CONTENT = st.text(LETTERS + "\r\n", max_size=30)

_CLASSES = {
    "[ab]": "b", "[a-c]x?": "cx", "[^a]": "é", "[ks]": "s", r"\d": "1", r"\w": "k",
    "[[:alpha:]]": "a", r"[\d-]": "-", "[]a]": "]", "[^]a]": "1", r"\pL": "日", r"\p{Lu}": "K",
    ".": "\r", r"\s": " ", "[é日]": "日", r"[\x61-\x63]": "c", "[a-zA-Z_]": "_", r"\W": ".",
    "[-a]": "-", "[a^]": "^",
}  # fmt: skip
_ESCAPES = {
    r"\x61": "a", r"\x{e9}": "é", r"\141": "a", r"\t": "\t", r"\.": ".", r"\Qa.\E": "a.",
    r"\x{212a}": "\u212a", r"\Q\E": "", "{": "{", "a{,2}": "a{,2}", r"\_": "_", "]": "]",
    r"\000": "\0",
}  # fmt: skip
_EMPTY = dict.fromkeys(["^", "$", r"\b", "", "()", "(?i)", "(?-i)", "(?m)", "(?U)", "(?:)"], "")
_REPETITIONS = {
    "*": (0, 1, 3), "+": (1, 2), "?": (0, 1), "{2}": (2,), "{0}": (0,), "{1,3}": (1, 3),
    "{2,}": (2, 4), "*?": (0, 2), "+?": (1,), "??": (1,), "{0,1}": (0, 1), "{9}": (9,),
    "{2,}?": (3,), "{00}": (),
}  # fmt: skip


def _letter(letter: str) -> Made:
    return re.escape(letter) if letter in ".- " else letter, letter


@st.composite
def _sequence(draw: st.DrawFn, inner: st.SearchStrategy[Made]) -> Made:
    parts = draw(st.lists(inner, min_size=1, max_size=5))
    return "".join(part[0] for part in parts), "".join(part[1] for part in parts)


@st.composite
def _choice(draw: st.DrawFn, inner: st.SearchStrategy[Made]) -> Made:
    parts = draw(st.lists(inner, min_size=2, max_size=4))
    opening = draw(st.sampled_from(["(", "(?:", "(?P<n>", "(?<n>", "(?i:", "(?U:"]))
    return opening + "|".join(part[0] for part in parts) + ")", draw(st.sampled_from(parts))[1]


@st.composite
def _repetition(draw: st.DrawFn, inner: st.SearchStrategy[Made]) -> Made:
    pattern, text = draw(inner)
    sign = draw(st.sampled_from(sorted(_REPETITIONS)))
    times = draw(st.sampled_from(_REPETITIONS[sign] or (1,)))
    return f"(?:{pattern}){sign}", text * times


@st.composite
def _repeated_letter(draw: st.DrawFn) -> Made:
    """A letter that is repeated between two others: what a wrong plan would join."""
    first, letter, last = (draw(st.sampled_from("abk1é")) for _ in range(3))
    sign = draw(st.sampled_from(sorted(_REPETITIONS.keys() - {"{00}"})))
    text = letter * draw(st.sampled_from(_REPETITIONS[sign]))
    return f"{first}{letter}{sign}{last}", f"{first}{text}{last}"


_ATOMS = st.one_of(
    _repeated_letter(),
    st.sampled_from(LETTERS).map(_letter),
    st.text("abkS1", min_size=1, max_size=3).map(lambda text: (text, text)),
    st.text("ab1", min_size=3, max_size=5).map(lambda text: (text, text)),
    st.text("ab1é", min_size=3, max_size=5).map(lambda text: (text, text)),
    st.sampled_from(sorted(_CLASSES.items())),
    st.sampled_from(sorted(_ESCAPES.items())),
    st.sampled_from(sorted(_EMPTY.items())),
)


def _grown(inner: st.SearchStrategy[Made]) -> st.SearchStrategy[Made]:
    return st.one_of(_sequence(inner), _choice(inner), _repetition(inner))


EXPRESSIONS = _sequence(st.recursive(_ATOMS, _grown, max_leaves=12)).filter(
    lambda made: bool(made[0])
)
