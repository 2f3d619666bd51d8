"""
Which characters are one when case is ignored, as PCRE2 in UTF mode sees it (git grep -i).

One character stands for one character: the Kelvin sign is a k, the long s an s, the three
sigmas are one letter, and no letter is two (the sharp s is not "ss", but its own capital).
The Turkish dotless i and dotted I are like nothing else.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

_FOREIGN: Final = {"k": "Kk\u212a", "s": "Ss\u017f"}  # ASCII letters that others are equal to
_TURKISH: Final = "ıİ"
_CASED_END: Final = 0x1F000  # no letter beyond has a case
_SURROGATES: Final = range(0xD800, 0xE000)


def variants(character: str) -> str:
    """Return every character that equals *character* but for case, itself included, ascending."""
    if character.isascii():  # without the table, which most patterns never need
        plain = "".join(sorted({character.lower(), character.upper()}))
        return _FOREIGN.get(character.lower(), plain)
    return _groups().get(character, character)


def fold(text: str) -> str:
    """Return *text* with each character replaced by one that stands for all its cases."""
    return text.lower() if text.isascii() else "".join(map(_folded, text))


def any_case(pattern: str) -> bytes:
    """Return a bytes expression that matches the UTF-8 of *pattern* in any case."""
    return b"".join(_either(variants(character)) for character in pattern)


def _folded(character: str) -> str:
    cases = variants(character)
    return cases[0].lower() if cases[0].isascii() else cases[0]


def _either(characters: str) -> bytes:
    encoded = [character.encode("utf-8", "surrogateescape") for character in characters]
    single = b"".join(re.escape(one) for one in encoded if len(one) == 1)
    several = [re.escape(one) for one in encoded if len(one) > 1]
    if single:
        several.insert(0, b"[" + single + b"]")
    return b"(?:" + b"|".join(several) + b")"


@cache
def _groups() -> dict[str, str]:
    """Return the characters with a case and their groups; some 2,800, made in about 20 ms."""
    group: dict[str, set[str]] = {}
    for code in range(_CASED_END):
        one = chr(code)
        if code in _SURROGATES or one in _TURKISH:
            continue
        for other in (one.lower(), one.upper(), one.title()):
            if other != one and len(other) == 1:
                _unite(group, one, other)
    return {one: "".join(sorted(members)) for one, members in group.items()}


def _unite(group: dict[str, set[str]], one: str, other: str) -> None:
    together = group.get(one, {one}) | group.get(other, {other})
    for member in together:
        group[member] = together
