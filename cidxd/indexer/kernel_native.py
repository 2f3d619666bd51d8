"""
The trigram kernel in C (cidxd/indexer/kernel), which works without the interpreter's lock.

Importing it fails where the package was installed without a compiler; see `trigram`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cidxd.indexer import _kernel
from cidxd.indexer.postings import Postings

if TYPE_CHECKING:
    from cidxd.indexer.condition import Condition

ENGINE: Final = "native"
_PROGRAMS: Final = 64  # a query asks every segment with the same condition


class Collector:
    """Takes the documents of one segment in order and gives their postings."""

    def __init__(self) -> None:
        self._collector = _kernel.Collector()

    def add(self, contents: Iterable[bytes]) -> None:
        """
        Take the next documents.

        Raises:
            OverflowError: A segment cannot hold so many.
        """
        self._collector.add(contents)

    def finish(self) -> Postings:
        """Return the postings of all documents taken; the collector is spent."""
        return Postings(*self._collector.finish())


def candidates(condition: Condition, postings: Postings, documents: int) -> list[int]:
    """
    Return which of the *documents* satisfy *condition*, ascending.

    Raises:
        ValueError: The postings make no sense.
    """
    return _kernel.candidates(*postings, documents, _program(condition))


@lru_cache(_PROGRAMS)
def _program(condition: Condition) -> bytes:
    code = _code(condition)
    return struct.pack(f"={len(code)}I", *code)


def _code(condition: Condition) -> list[int]:
    from cidxd.indexer.condition import Every, Some  # noqa: PLC0415 - builds ask no conditions

    match condition:
        case int():
            return [condition]
        case Every(parts=()):
            return [_kernel.PUSH_ALL]
        case Some(parts=()):
            return [_kernel.PUSH_NONE]
        case Every(parts):
            steps = [[*_code(part), _kernel.AND] for part in parts[1:]]
            left = sum(map(len, steps)) + 2 * len(steps)
            code = _code(parts[0])
            for step in steps:
                left -= len(step) + 2
                code += [_kernel.SKIP_IF_NONE, left + len(step), *step]
            return code
        case Some(parts):
            code = _code(parts[0])
            for part in parts[1:]:
                code += [*_code(part), _kernel.OR]
            return code
