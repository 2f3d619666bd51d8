"""
Cursors: where an answer ended, and what it was the truth about.

A cursor is base64 of JSON.  Callers cannot read more out of one than they have seen, and one
that was changed by hand is refused or starts at another place of the same answer.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable
from typing import Final, NamedTuple

from cidxd.errors import GoneError, InvalidError

_MOST: Final = (1 << 63) - 1  # that the catalogue can compare with


class Position(NamedTuple):
    """
    The last place that was looked at.

    Attributes:
        repository: Its number in the query.
        rank: Which part of the repository's answer: parts follow each other, each in path order.
        path_class: Of the path, as the catalogue has it.
        path: The file; empty = nothing of the repository yet.
        line: The last line that was answered (or definition, by its number within the file);
            None if the file is done.
    """

    repository: int
    rank: int
    path_class: int
    path: bytes
    line: int | None


def fingerprint(parts: Iterable[str]) -> str:
    """Return a short name for the strings, their order included."""
    digest = hashlib.blake2b(digest_size=9)
    for part in parts:
        digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return base64.urlsafe_b64encode(digest.digest()).decode()


def encode(position: Position, *, query: str, generations: str) -> str:
    """Return the cursor of a place in the answer to *query* over *generations*, fingerprints."""
    # As Latin-1 no byte takes more than two, whatever the path's encoding is.
    fields = [query, generations, *position[:3], position.path.decode("latin-1"), position.line]
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode()


def decode(cursor: str, *, query: str, generations: str) -> Position:
    """
    Return the place that *cursor* names.

    Raises:
        InvalidError: It is no cursor, or one of another query.
        GoneError: `results-moved`: something was published since.
    """
    fields = _fields(cursor)
    if fields[0] != query:
        raise _refused("the cursor belongs to another query", "repeat the query it came from")
    if fields[1] != generations:
        raise GoneError(
            "the index has moved on since this cursor was made",
            code="results-moved",
            hint="repeat the search without the cursor",
        )
    return fields[2]


def encode_place(place: tuple[int, bytes]) -> str:
    """Return the cursor of a place in a list of files: class and path."""
    return base64.urlsafe_b64encode(b"%d %s" % place).decode()


def decode_place(cursor: str) -> tuple[int, bytes]:
    """Return the place that *cursor* names; `cursor-invalid` if it names none."""
    try:
        number, path = base64.b64decode(cursor.encode("ascii"), b"-_", validate=True).split(b" ", 1)
        return _number(int(number)), path
    except ValueError as err:
        raise _refused("not a cursor", "pass a next_cursor as it is") from err


def _fields(cursor: str) -> tuple[str, str, Position]:
    try:
        fields = json.loads(base64.b64decode(cursor.encode("ascii"), b"-_", validate=True))
        query, generations, repository, rank, path_class, path, line = fields
        place = Position(
            _number(repository),
            _number(rank),
            _number(path_class),
            path.encode("latin-1"),
            None if line is None else _number(line),
        )
    except (ValueError, TypeError, AttributeError, RecursionError, binascii.Error) as err:
        raise _refused("not a cursor", "pass a next_cursor as it is") from err
    return query, generations, place


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _MOST:
        raise ValueError(value)
    return value


def _refused(message: str, hint: str) -> InvalidError:
    return InvalidError(message, code="cursor-invalid", hint=hint, pointer="/cursor", status=400)
