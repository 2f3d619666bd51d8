"""
Patterns that stand somewhere in a repository, made by chance from its content.

Regular expressions stay within what RE2 and PCRE understand alike; `docs/index-format.md`
names what lies outside, and `is_ascii` marks the patterns that are true on ASCII lines only.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

LONGEST: Final = 60  # bytes of a literal
_META: Final = frozenset(r"\.^$*+?()[]{}|")
_PIECE: Final = 24  # characters of a line that an expression is made of
_REPEATS: Final = ("*", "+", "?", "{1,3}", "{2,}", "{2}", "*?", "+?")


class Sample(NamedTuple):
    """
    One pattern, as a search asks for it.

    Attributes:
        text: The literal or the expression.
        kind: What it is an example of.
        mode: "literal" or "regex".
        ignores_case: Whether case is ignored.
        is_word: Whether only whole words count.
        is_ascii: The promise holds on ASCII lines only.
    """

    text: str
    kind: str
    mode: str = "literal"
    ignores_case: bool = False
    is_word: bool = False
    is_ascii: bool = False

    @property
    def options(self) -> dict[str, object]:
        """The fields of a search request."""
        case = "insensitive" if self.ignores_case else "sensitive"
        return {"mode": self.mode, "case": case, "word": self.is_word}

    @property
    def flags(self) -> list[str]:
        """The flags of git grep."""
        chosen = {"-i": self.ignores_case, "-w": self.is_word}
        kind = "-P" if self.mode == "regex" else "-F"
        return [kind, *(flag for flag, is_set in chosen.items() if is_set)]


def sample(dice: random.Random, lines: Sequence[str]) -> Sample:
    """Return a pattern made of one of *lines*, which are not blank."""
    makers: tuple[Callable[[random.Random, str], Sample], ...] = (_literal, _word, _any_case)
    if dice.random() < 0.4:  # noqa: PLR2004 - a share
        return _expression(dice, dice.choice(lines), dice.choice(lines))
    return dice.choice(makers)(dice, dice.choice(lines))


def _literal(dice: random.Random, line: str) -> Sample:
    return Sample(_piece(dice, line, LONGEST), "literal")


def _word(dice: random.Random, line: str) -> Sample:
    words = re.findall(r"\w+", line) or [_piece(dice, line, 8)]
    word = dice.choice(words)
    if dice.random() < 0.3:  # noqa: PLR2004 - a share
        word = word[: dice.randint(1, len(word))]
    return Sample(word, "word", is_word=True, ignores_case=dice.random() < 0.2)  # noqa: PLR2004 - a share


def _any_case(dice: random.Random, line: str) -> Sample:
    piece = _piece(dice, line, LONGEST)
    turned = dice.choice((piece.swapcase(), piece.lower(), piece.upper()))
    # Some letters change their length with their case, which is not what is sampled here.
    fits = len(turned) == len(piece) and len(turned.encode()) <= LONGEST
    return Sample(turned if fits else piece, "any case", ignores_case=True)


def _piece(dice: random.Random, line: str, most: int) -> str:
    """Return a part of *line* of 1 to *most* bytes that is not blank."""
    start = dice.randrange(len(line))
    part = line[start : start + dice.randint(1, most)]
    while len(part.encode()) > most:
        part = part[:-1]
    return part if part.strip() else line.strip()[:1]


def _expression(dice: random.Random, line: str, other: str) -> Sample:
    piece, begin = line[:_PIECE], "^"
    if dice.random() < 0.7:  # noqa: PLR2004 - a share
        piece, begin = _piece(dice, line, _PIECE), ""
    atoms = [f"\\{c}" if c in _META else c for c in piece]
    escapes = False
    for _ in range(dice.randint(1, 3)):
        escapes |= _mutate(dice, atoms)
    text = begin + "".join(atoms)
    match dice.randrange(8):
        case 0:
            text = f"{text}|{re.escape(_piece(dice, other, _PIECE))}"
        case 1:
            text = f"(?i){text}"
        case 2:
            text = f"({text})"
        case 3 if line.endswith(piece):
            text = f"{text}$"
        case _:
            pass
    ignores_case = dice.random() < 0.2  # noqa: PLR2004 - a share
    return Sample(text, "regex", "regex", ignores_case=ignores_case, is_ascii=escapes)


def _mutate(dice: random.Random, atoms: list[str]) -> bool:
    """Loosen one place of *atoms*; return whether that holds on ASCII lines only."""
    at = dice.randrange(len(atoms))
    atom = atoms[at]
    is_plain = len(atom) == 1
    match dice.randrange(7):
        case 0:
            atoms[at] = "."
        case 1 if is_plain and atom.isascii() and atom.isalnum():
            atoms[at] = _class(dice, atom)
        case 2 if re.fullmatch(r"\\?.", atom):
            atoms[at] = atom + dice.choice(_REPEATS)
        case 3:
            atoms[at : at + dice.randint(1, 6)] = [dice.choice((".*", ".+", ".{0,9}"))]
        case 4 if is_plain and atom.isascii() and atom.isalnum():
            atoms[at] = dice.choice((r"\w", r"\w+"))
            return True
        case 5 if is_plain and atom == " ":
            atoms[at] = r"\s+"
            return True
        case 6 if is_plain and atom.isalpha():
            atoms[at] = f"(?:{atom}|{dice.choice(('x', 'yy', ''))})"
        case _:
            atoms.insert(at, dice.choice(("x?", "(?:ab)*", "[^a-z]?", r"\d*")))
    return False


def _class(dice: random.Random, letter: str) -> str:
    if letter.isdigit():
        return dice.choice(("[0-9]", r"\d", f"[{letter}x]"))
    span = "[a-z]" if letter.islower() else "[A-Z]"
    return dice.choice((span, f"[{letter}_]", "[^0-9]", "[A-Za-z]+"))
