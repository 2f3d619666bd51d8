"""
What a document must contain to be worth reading: trigrams, joined by "every" and "some".  Pure.

A condition may only be weaker than the pattern it was made from: a document that it rules
out has no match, one that it admits may have none either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Every:
    """All parts hold; without parts it says nothing."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds; without parts nothing can hold."""

    parts: tuple[Condition, ...]


Condition = int | Every | Some  # a number is a trigram: b0 << 16 | b1 << 8 | b2

ANYTHING: Final = Every(())
NOTHING: Final = Some(())


def every(*parts: Condition) -> Condition:
    """Return that all of *parts* hold, as flat as it can be said."""
    flat: dict[Condition, None] = {}
    for part in parts:
        flat.update(dict.fromkeys(part.parts if isinstance(part, Every) else (part,)))
    if NOTHING in flat:
        return NOTHING
    return next(iter(flat)) if len(flat) == 1 else Every(tuple(flat))


def some(*parts: Condition) -> Condition:
    """Return that one of *parts* holds, as flat as it can be said."""
    flat: dict[Condition, None] = {}
    for part in parts:
        flat.update(dict.fromkeys(part.parts if isinstance(part, Some) else (part,)))
    if ANYTHING in flat:
        return ANYTHING
    return next(iter(flat)) if len(flat) == 1 else Some(tuple(flat))
