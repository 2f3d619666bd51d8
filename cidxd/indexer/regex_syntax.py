"""
The syntax of RE2 (https://github.com/google/re2/wiki/Syntax), read as far as a plan needs it.

Pure.  A scanner turns an expression into tokens: sets of characters, groups, alternatives and
repetitions.  RE2 decides what is valid; here an error serves to say where it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from functools import lru_cache
from typing import Final, NamedTuple

from cidxd.indexer.regex_characters import (
    CLASSES,
    CharacterReader,
    Characters,
    SyntaxFaultError,
    told,
)

_MOST_REPETITIONS: Final = 1000  # RE2's own limit
_COUNT: Final = re.compile(r"\{(0|[1-9][0-9]{0,8})(?:(,)(0|[1-9][0-9]{0,8})?)?\}")
_NAME: Final = re.compile(r"\(\?P?<[^>]*>")
_FLAGS: Final = re.compile(r"\(\?([imsU]*)(?:-([imsU]+))?([:)])")


class Kind(Enum):
    """What a token is."""

    CHARACTER = auto()
    NOTHING = auto()  # matches the empty string, at some places only
    OPEN = auto()
    CLOSE = auto()
    OR = auto()
    REPEAT = auto()


class Token(NamedTuple):
    """
    A part of an expression.

    Attributes:
        kind: What it is.
        characters: Of a `CHARACTER`: those it matches; None for any.
        low: Of a `REPEAT`: how often the token or group before it occurs at least.
        high: And at most; None without a limit.
    """

    kind: Kind
    characters: Characters = None
    low: int = 0
    high: int | None = None


def tokens(pattern: str, *, ignore_case: bool) -> Iterator[Token]:
    """
    Yield the tokens of *pattern*: groups are balanced, and each `REPEAT` has what it repeats.

    Raises:
        SyntaxFaultError: Something is wrong with it.
    """
    return _Scanner(pattern, ignore_case=ignore_case).tokens()


_SIMPLE: Final = {
    "^": Token(Kind.NOTHING),
    "$": Token(Kind.NOTHING),
    ".": Token(Kind.CHARACTER),
    "|": Token(Kind.OR),
}


class _Scanner:
    def __init__(self, pattern: str, *, ignore_case: bool) -> None:
        self._reader = CharacterReader(pattern)
        self._ignores_case = ignore_case
        self._groups: list[tuple[int, bool]] = []  # where, and whether case is ignored outside
        self._may_repeat = False
        self._repetition_ended_at = -1
        self._readers = {
            "\\": self._escape,
            "[": self._class,
            "(": self._open,
            ")": self._close,
            **dict.fromkeys("*+?{", self._repetition),
        }

    def tokens(self) -> Iterator[Token]:
        reader = self._reader
        while reader.at < len(reader.text):
            for token in self._next():
                self._may_repeat = token.kind is not Kind.OPEN and token.kind is not Kind.OR
                yield token
        if self._groups:
            raise SyntaxFaultError("missing )", self._groups[-1][0])

    def _next(self) -> Iterable[Token]:
        character = self._reader.text[self._reader.at]
        if (read := self._readers.get(character)) is not None:
            return read()
        self._reader.at += 1
        return (_SIMPLE.get(character) or self._one_of(frozenset(character)),)

    def _one_of(self, characters: Characters) -> Token:
        return _character(characters, ignore_case=self._ignores_case)

    def _escape(self) -> Iterable[Token]:
        reader, start = self._reader, self._reader.at
        letter = reader.text[start + 1 : start + 2]
        if letter == "Q":
            return self._quotation()
        if letter in {"b", "B"}:
            reader.at += 2
            return (Token(Kind.NOTHING),)
        if letter in {"A", "z", "Z", "C"}:
            raise SyntaxFaultError(f"\\{letter} cannot be used", start, _hint_instead_of(letter))
        if letter in CLASSES:
            return (self._one_of(reader.named_class()),)
        if (character := reader.escaped()) == "\n":
            hint = "a match never spans lines; write $ for the end of one"
            raise SyntaxFaultError("a line feed cannot be matched", start, hint)
        return (self._one_of(frozenset(character)),)

    def _quotation(self) -> Iterable[Token]:
        reader = self._reader
        quoted, _, _ = reader.text[reader.at + 2 :].partition("\\E")
        reader.at = min(reader.at + 2 + len(quoted) + 2, len(reader.text))
        return [self._one_of(frozenset(character)) for character in quoted]

    def _class(self) -> Iterable[Token]:
        return (self._one_of(self._reader.bracketed()),)

    def _open(self) -> Iterable[Token]:
        reader, start, outside = self._reader, self._reader.at, self._ignores_case
        if (flags := _FLAGS.match(reader.text, start)) is not None:
            on, off, end = flags[1], flags[2] or "", flags[3]
            _check_flags(on, off, start)
            self._ignores_case = ("i" in on or outside) and "i" not in off
            reader.at = flags.end()
            if end == ")":
                return ()
        elif (name := _NAME.match(reader.text, start)) is not None:
            reader.at = name.end()
        elif reader.text.startswith("(?", start):
            raise SyntaxFaultError("invalid perl operator", start)
        else:
            reader.at += 1
        self._groups.append((start, outside))
        return (Token(Kind.OPEN),)

    def _close(self) -> Iterable[Token]:
        if not self._groups:
            raise SyntaxFaultError("unexpected )", self._reader.at)
        _, self._ignores_case = self._groups.pop()
        self._reader.at += 1
        return (Token(Kind.CLOSE),)

    def _repetition(self) -> Iterable[Token]:
        reader, start = self._reader, self._reader.at
        sign = reader.text[start]
        low, high = int(sign == "+"), 1 if sign == "?" else None
        reader.at += 1
        if sign == "{":
            if (count := _COUNT.match(reader.text, start)) is None:
                return (self._one_of(frozenset("{")),)
            low = int(count[1])
            high = low if not count[2] else int(count[3]) if count[3] else None
            reader.at = count.end()
        self._check_repetition(start, low, low if high is None else high)
        if reader.text.startswith("?", reader.at):  # it prefers few, which changes no line
            reader.at += 1
        self._repetition_ended_at = reader.at
        return (Token(Kind.REPEAT, low=low, high=high),)

    def _check_repetition(self, start: int, low: int, high: int) -> None:
        if self._repetition_ended_at == start:
            raise SyntaxFaultError("bad repetition operator", start)
        if not self._may_repeat:
            raise SyntaxFaultError("no argument for repetition operator", start)
        if not low <= high <= _MOST_REPETITIONS:
            raise SyntaxFaultError("invalid repetition size", start)


@lru_cache(maxsize=512)
def _character(characters: Characters, *, ignore_case: bool) -> Token:
    return Token(Kind.CHARACTER, told(characters, ignore_case=ignore_case))


def _check_flags(on: str, off: str, offset: int) -> None:
    if "s" in on:
        hint = "a match never spans lines, so . has no line feed to match; leave the s out"
        raise SyntaxFaultError("the flag s cannot be set", offset, hint)
    if "m" in off:
        hint = "^ and $ are the ends of a line here; leave the m out"
        raise SyntaxFaultError("the flag m cannot be taken away", offset, hint)


def _hint_instead_of(letter: str) -> str:
    if letter == "C":
        return "write . for any character"
    return f"lines are searched one by one; write {'^' if letter == 'A' else '$'}"
