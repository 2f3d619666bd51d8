"""
What a document must contain to match a regular expression.  Pure.

For each part of an expression is known: every string it can match, if they are few
(`whole`); how its matches begin and end; and a condition.  Parts are put together from left
to right.  A *run* is what can stand before the place that was reached; where the choice grows
too large, the run is told as a condition and cut to the two bytes that the next trigram needs.

The planner may only weaken.  What it does not know is `_ANY`, and whatever grows too large is
said less exactly, so the cost of a plan is bounded however long or deep an expression is.
The idea is Russ Cox's: https://swtch.com/~rsc/regexp/regexp4.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from cidxd.indexer.condition import ANYTHING, Condition, Every, every, some
from cidxd.indexer.regex_characters import SyntaxFaultError
from cidxd.indexer.regex_syntax import Kind, Token, tokens

_Strings = frozenset[bytes]

_TRIGRAM: Final = 3
_MOST_STRINGS: Final = 16
_MOST_PRODUCTS: Final = 8  # of two choices; one choice and one string may have _MOST_STRINGS
_MOST_BYTES: Final = 64  # of a string that is kept whole
_MOST_KEYS: Final = 256  # trigrams of a condition
_MOST_TERMS: Final = 48  # that must all hold: more of them cost more to read than they rule out
_MOST_COPIES: Final = 8  # of what is repeated
_DEEPEST: Final = 40  # a group within more groups is any
_FARTHEST: Final = 2000  # what comes after so many characters and classes is any

_EMPTY: Final = frozenset({b""})


class _Part(NamedTuple):
    """
    What is known of a part.

    Attributes:
        whole: All strings that it matches; None if they are many.
        starts: Each match begins with one of these; two bytes at most unless it is whole.
        ends: Each match ends with one of these; likewise.
        condition: What a document must have, beside what `whole` says.
    """

    whole: _Strings | None
    starts: _Strings
    ends: _Strings
    condition: Condition


def _exactly(strings: _Strings) -> _Part:
    return _Part(strings, strings, strings, ANYTHING)


_ANY: Final = _Part(None, _EMPTY, _EMPTY, ANYTHING)
_NOTHING: Final = _exactly(_EMPTY)
_ANY_CHARACTER: Final = Token(Kind.CHARACTER)


def condition_of(pattern: str, *, ignore_case: bool) -> Condition:
    """Return what a document that matches *pattern* must contain; `ANYTHING` if it is not valid."""
    try:
        whole = _read(_bounded(tokens(pattern, ignore_case=ignore_case)))
    except SyntaxFaultError:
        return ANYTHING
    return _thinned(_told(whole), _MOST_KEYS)


class _Group:
    """A group that is being read: finished alternatives, and the parts of the current one."""

    def __init__(self) -> None:
        self.alternatives: list[_Part] = []
        self.parts: list[_Part] = []

    def add(self, part: _Part) -> None:
        """Let *part* follow the others; any after any is the same any."""
        if part is not _ANY or not self.parts or self.parts[-1] is not _ANY:
            self.parts.append(part)

    def repeat(self, low: int, high: int | None) -> None:
        """Let the last part be there from *low* to *high* times."""
        self.parts[-1] = _repeated(self.parts[-1], low, high)

    def end_alternative(self) -> None:
        """Take the parts since the last one as an alternative."""
        self.alternatives.append(_sequence(self.parts))
        self.parts = []

    def end(self) -> _Part:
        """Return what is known of the group when it ends here."""
        self.end_alternative()
        return _choice(self.alternatives)


def _read(found: Iterable[Token]) -> _Part:
    groups = [_Group()]
    for token in found:
        match token.kind:
            case Kind.CHARACTER:
                groups[-1].add(_character(token))
            case Kind.NOTHING:
                groups[-1].add(_NOTHING)
            case Kind.OPEN:
                groups.append(_Group())
            case Kind.CLOSE:
                depth, closed = len(groups), groups.pop().end()
                groups[-1].add(closed if depth <= _DEEPEST else _ANY)
            case Kind.OR:
                groups[-1].end_alternative()
            case Kind.REPEAT:
                groups[-1].repeat(token.low, token.high)
    return groups[0].end()


def _bounded(found: Iterable[Token]) -> Iterator[Token]:
    """Yield the tokens; from a number of characters on, each of them is any."""
    left = _FARTHEST
    for token in found:
        if token.kind is Kind.CHARACTER:
            left -= 1
        yield token if left >= 0 or token.kind is not Kind.CHARACTER else _ANY_CHARACTER


def _character(token: Token) -> _Part:
    if token.characters is None:
        return _ANY
    return _exactly(frozenset(character.encode() for character in token.characters))


def _sequence(parts: Sequence[_Part]) -> _Part:
    """Return what is known of parts that follow each other."""
    run = _EMPTY
    starts: _Strings | None = None  # None as long as everything is whole
    told: list[Condition] = []
    for part in parts:
        longer = _product(run, part.starts)
        if part.whole is not None and longer is not None:
            run = longer
            continue
        reached = run if longer is None else longer
        told.append(_trigrams(reached))
        if starts is None:
            starts = _heads(reached)
        if part.whole is not None:
            run, condition = _continued(run, part.whole)
            told.append(condition)
        else:
            told.append(part.condition)
            run = part.ends
    if starts is None:
        return _exactly(run)
    told.append(_trigrams(run))
    return _Part(None, starts, _tails(run), _thinned(every(*told), _MOST_KEYS))


def _continued(run: _Strings, strings: _Strings) -> tuple[_Strings, Condition]:
    """Return the run after *strings*, which are too many to follow the whole run."""
    tails = _tails(run)
    longer = _product(tails, strings)
    if longer is not None:
        return longer, ANYTHING
    crossing = _product(tails, _heads(strings))
    return strings, ANYTHING if crossing is None else _trigrams(crossing)


def _choice(alternatives: Sequence[_Part]) -> _Part:
    """Return what is known of alternatives."""
    if len(alternatives) == 1:
        return alternatives[0]
    wholes = [part.whole for part in alternatives if part.whole is not None]
    whole = _united(wholes) if len(wholes) == len(alternatives) else None
    if whole is not None:
        return _exactly(whole)
    return _Part(
        None,
        _united([_heads(part.starts) for part in alternatives]) or _EMPTY,
        _united([_tails(part.ends) for part in alternatives]) or _EMPTY,
        _thinned(_one_of([_told(part) for part in alternatives]), _MOST_KEYS),
    )


def _repeated(part: _Part, low: int, high: int | None) -> _Part:
    if part is _ANY:  # even never: it may stand for others before it
        return _ANY
    if high == 0:
        return _NOTHING
    if low == 0:
        optional = _united([part.whole, _EMPTY]) if part.whole is not None and high == 1 else None
        return _ANY if optional is None else _exactly(optional)
    copies = _sequence([part] * min(low, _MOST_COPIES))
    if low == high and low <= _MOST_COPIES:
        return copies
    return _Part(None, _heads(copies.starts), _tails(copies.ends), _told(copies))


def _told(part: _Part) -> Condition:
    """Return everything that is known of a part as a condition."""
    return part.condition if part.whole is None else _trigrams(part.whole)


def _trigrams(strings: _Strings) -> Condition:
    """Return that one of *strings* is there."""
    if any(len(string) < _TRIGRAM for string in strings):
        return ANYTHING
    return _one_of([every(*_keys(string)) for string in sorted(strings)])


def _one_of(conditions: Sequence[Condition]) -> Condition:
    """Return that one of *conditions* holds; what they have in common is said once."""
    choices = [one.parts if isinstance(one, Every) else (one,) for one in conditions]
    common = set(choices[0]).intersection(*choices[1:])
    shared = (part for part in choices[0] if part in common)
    rest = (every(*(part for part in parts if part not in common)) for parts in choices)
    return every(*shared, some(*rest))


def _keys(string: bytes) -> list[int]:
    return [a << 16 | b << 8 | c for a, b, c in zip(string, string[1:], string[2:], strict=False)]


def _product(left: _Strings, right: _Strings) -> _Strings | None:
    """Return every string of *left* with every one of *right*; None if that is too much."""
    most = _MOST_STRINGS if len(left) == 1 or len(right) == 1 else _MOST_PRODUCTS
    if len(left) * len(right) > most:
        return None
    if max(map(len, left)) + max(map(len, right)) > _MOST_BYTES:
        return None
    return frozenset(first + second for first in left for second in right)


def _united(sets: Iterable[_Strings]) -> _Strings | None:
    united: set[bytes] = set()
    for strings in sets:
        united |= strings
        if len(united) > _MOST_STRINGS:
            return None
    return frozenset(united)


def _heads(strings: _Strings) -> _Strings:
    return frozenset(string[: _TRIGRAM - 1] for string in strings)


def _tails(strings: _Strings) -> _Strings:
    return frozenset(string[1 - _TRIGRAM :] for string in strings)


def _weight(condition: Condition) -> int:
    return 1 if isinstance(condition, int) else sum(map(_weight, condition.parts))


def _thinned(condition: Condition, most: int) -> Condition:
    """Return a condition of at most *most* trigrams that is as strong or weaker."""
    if isinstance(condition, int):
        return condition if most else ANYTHING
    is_long = isinstance(condition, Every) and len(condition.parts) > _MOST_TERMS
    if not is_long and _weight(condition) <= most:
        return condition
    if not isinstance(condition, Every):
        share = most // len(condition.parts)
        return some(*(_thinned(part, share) for part in condition.parts))
    kept: list[Condition] = []
    left = most
    for part in condition.parts[:: -(-len(condition.parts) // _MOST_TERMS)]:
        kept.append(_thinned(part, left))
        left -= _weight(kept[-1])
    return every(*kept)
