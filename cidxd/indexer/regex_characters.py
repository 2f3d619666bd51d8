r"""
Which characters a part of an RE2 expression matches: escapes, classes, and case.

Pure.  A set of characters is told one by one when it is small; `None` is any set: of `.`, of
`\w` and `\pL`, of negated and wide classes, and where case makes it uncertain.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from cidxd.indexer.casing import variants

Characters = frozenset[str] | None

MOST_CHARACTERS: Final = 16  # of a set that is told one by one
CLASSES: Final[dict[str, Characters]] = {
    "d": frozenset("0123456789"),
    "s": frozenset("\t\f\r "),
    **dict.fromkeys("wDSWpP"),
}

_CODES: Final = 0x110000
_SURROGATES: Final = range(0xD800, 0xE000)
_UNICODE: Final = re.compile(r"\\[pP](?:\{[^}]*\}|[^{])", re.DOTALL)
_HEX: Final = re.compile(r"x(?:\{([0-9A-Fa-f]{1,8})\}|([0-9A-Fa-f]{2}))")
_OCTAL: Final = re.compile(r"0[0-7]{0,2}|[1-7][0-7]{1,2}")
_CONTROLS: Final = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class SyntaxFaultError(Exception):
    """
    An expression is wrong, or cannot be meant for lines.

    Attributes:
        message: What is wrong.
        offset: Where, in characters from 0.
        hint: What to do; empty when the fault is RE2's to explain.
    """

    def __init__(self, message: str, offset: int, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.hint = hint


class CharacterReader:
    """An expression and how far it was read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def named_class(self) -> Characters:
        r"""Read a class such as \d or \p{Greek}."""
        letter = self.text[self.at + 1]
        if letter not in "pP":
            self.at += 2
            return CLASSES[letter]
        if (found := _UNICODE.match(self.text, self.at)) is None:
            raise SyntaxFaultError("invalid character class range", self.at)
        self.at = found.end()
        return None

    def escaped(self) -> str:
        """Read an escape that stands for one character."""
        start = self.at
        self.at += 1
        if self.at == len(self.text):
            raise SyntaxFaultError("trailing \\", start)
        letter = self.text[self.at]
        if letter in _CONTROLS or (letter.isascii() and not letter.isalnum()):
            self.at += 1
            return _CONTROLS.get(letter, letter)
        code = _CODES
        if (found := _HEX.match(self.text, self.at)) is not None:
            code = int(found[1] or found[2], 16)
        elif (found := _OCTAL.match(self.text, self.at)) is not None:
            code = int(found[0], 8)
        if found is None or code >= _CODES:
            raise SyntaxFaultError("invalid escape sequence", start)
        self.at = found.end()
        return chr(code)

    def bracketed(self) -> Characters:
        """Read a class in brackets."""
        start = self.at
        is_wide = self.text.startswith("[^", start)
        self.at = first = start + 1 + is_wide
        found: set[str] = set()
        while self.at == first or not self.text.startswith("]", self.at):
            members = self._member(start)
            is_wide = is_wide or members is None
            found |= members or set()
        self.at += 1
        return None if is_wide else frozenset(found)

    def _member(self, start: int) -> Characters:
        """Read a character, a range or a class within the class that begins at *start*."""
        here = self.at
        if self.text.startswith("[:", here) and (end := self.text.find(":]", here + 2)) >= 0:
            self.at = end + 2
            return None
        if self.text.startswith("\\", here) and self.text[here + 1 : here + 2] in CLASSES:
            return self.named_class()
        low = high = self._class_character(start)
        if self.text.startswith("-", self.at) and not self.text.startswith("-]", self.at):
            self.at += 1
            high = self._class_character(start)
        if high < low:
            raise SyntaxFaultError("invalid character class range", here)
        if ord(high) - ord(low) >= MOST_CHARACTERS:
            return None
        return frozenset(map(chr, range(ord(low), ord(high) + 1)))

    def _class_character(self, start: int) -> str:
        if self.at >= len(self.text):
            raise SyntaxFaultError("missing ]", start)
        if self.text[self.at] == "\\":
            return self.escaped()
        self.at += 1
        return self.text[self.at - 1]


def told(characters: Characters, *, ignore_case: bool) -> Characters:
    """Return the characters, in any case if so asked, or None if they are too many or uncertain."""
    if characters is None:
        return None
    folded = _folded(characters) if ignore_case else characters
    if folded is None or any(ord(character) in _SURROGATES for character in folded):
        return None
    in_a_line = folded - {"\n"}
    return in_a_line if 0 < len(in_a_line) <= MOST_CHARACTERS else None


def _folded(characters: frozenset[str]) -> Characters:
    """
    Return the characters in any case, or None if that is not certain.

    What equals an ASCII letter but is none (the Kelvin sign, the long s) makes it uncertain,
    and so does all beyond ASCII but letters without case: RE2's tables of cases may be of a
    later version of Unicode than Python's.
    """
    found: set[str] = set()
    for character in characters:
        cases = variants(character)
        is_caseless = len(cases) == 1 and unicodedata.category(character) == "Lo"
        if not cases.isascii() and not is_caseless:
            return None
        found.update(cases)
    return frozenset(found)
