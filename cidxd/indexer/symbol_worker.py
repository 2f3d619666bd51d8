"""
A process that finds definitions: `python -m cidxd.indexer symbols ENGINE`.

A batch of contents in, a line of JSON out, until the end of file on stdin.  That content can
kill it, by time or memory or a bug in a grammar, is what it is for: it is started anew.
"""

from __future__ import annotations

import json
import resource
import signal
import struct
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import IO, Final, NamedTuple

from cidxd.indexer.definition import Definition

MEMORY_BYTES: Final = 1 << 30
_COUNT: Final = struct.Struct("<I")
_HEAD: Final = struct.Struct("<II")
Find = Callable[[str, bytes], list[Definition]]


class Task(NamedTuple):
    """A content to look through: whose it is, what it is parsed as, and itself."""

    oid: bytes
    grammar: str
    content: bytes


def main(engine: str) -> int:
    """Answer batches; return the exit code."""
    # Who ends our group ends the process that started us, and that ends us.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    find = finder(engine)
    pipe, answers = sys.stdin.buffer, sys.stdout.buffer
    while (batch := _read_batch(pipe)) is not None:
        answers.write(json.dumps([_found(find, *pair) for pair in batch]).encode() + b"\n")
        answers.flush()
    return 0


def finder(engine: str) -> Find:
    """Return what finds definitions; its import is paid by who needs it."""
    if engine == "ctags":
        from cidxd.indexer.ctags import Ctags  # noqa: PLC0415 - see above

        return Ctags().definitions
    from cidxd.indexer import symbols  # noqa: PLC0415 - see above

    return symbols.definitions


def write_batch(pipe: IO[bytes], tasks: Sequence[Task]) -> None:
    """Send tasks to a worker; OSError if it is gone."""
    pipe.write(_COUNT.pack(len(tasks)))
    for task in tasks:
        name = task.grammar.encode()
        pipe.write(_HEAD.pack(len(name), len(task.content)))
        pipe.write(name)
        pipe.write(task.content)
    pipe.flush()


def read_answer(pipe: IO[bytes]) -> list[list[Definition]]:
    """Return the definitions of each task of a batch; ValueError if the worker is gone."""
    return [[Definition(*row) for row in rows] for rows in json.loads(pipe.readline())]


def find_all(find: Find, tasks: Iterable[Task]) -> dict[bytes, list[Definition]]:
    """Return the definitions of each task by its oid, found in this process."""
    return {task.oid: _found(find, task.grammar, task.content) for task in tasks}


def _found(find: Find, grammar: str, content: bytes) -> list[Definition]:
    # A grammar that this program does not have, or memory that ran out.
    with suppress(KeyError, MemoryError):
        return find(grammar, content)
    return []


def _read_batch(pipe: IO[bytes]) -> list[tuple[str, bytes]] | None:
    head = pipe.read(_COUNT.size)
    if len(head) < _COUNT.size:
        return None
    batch = []
    for _ in range(_COUNT.unpack(head)[0]):
        name_bytes, content_bytes = _HEAD.unpack(pipe.read(_HEAD.size))
        batch.append((pipe.read(name_bytes).decode(), pipe.read(content_bytes)))
    return batch
