r"""
What the daemon and its indexer children say to each other: JSON, one object a line.

Both sides import this module and nothing else of each other.  It is imported by
the build child on every sync, so it imports nothing that costs time.

Build child (`python -m cidxd.indexer build`), on stdin::

    {"type": "build", "version": 1, "job_id": "…", "mirror": "/…/mirror.git", "index": "/…/index",
     "branches": [{"name": "main", "commit": "<hex>", "default": true}, …],
     "full": false, "max_file_bytes": 1048576, "symbols": "tree-sitter" | "ctags" | "off"}
    {"type": "publish"}                 once the daemon has committed its permit

`symbols` may be absent (`tree-sitter`); so may `symbol_bytes`, up to which new content has its
symbols when it is published.

End of file on stdin before `publish` means stop: leave nothing half done, exit 3.
On stdout, in this order::

    {"type": "hello", "version": 1}
    {"type": "phase", "name": "diff"}   a phase starts: diff, index, validate, publish
    {"type": "progress", "done": 3, "total": 9, "unit": "files", "bytes": 4711}
                                        within the running phase; total 0 = not known yet
    {"type": "phase_done", "name": "diff", "counters": {…}, "usage": {…}}
    {"type": "ready", "summary": {…}, "commits": [{"branch", "before", "indexed"}]}
                                        after validate; then it waits for `publish`
    {"type": "done"}                    after publish's phase_done; the catalogue is committed
    {"type": "failed", "code": "…", "detail": "…"}
                                        instead; the code is one of cidxd.errors.FAULTS

`usage` is `{cpu_seconds, peak_rss_bytes, read_bytes, written_bytes}` of that phase, the
phase's own git children included.  stderr is for people.  The message decides, the exit
code confirms: 0 after `done`, 1 after `failed`, 3 stopped.

Upkeep child (`python -m cidxd.indexer upkeep`), on stdin::

    {"type": "upkeep", "version": 1, "index": "/…/index"}

or, after a build was killed, for nothing but to remove what that has left half done::

    {"type": "sweep", "version": 1, "index": "/…/index"}

End of file on stdin means stop here too, until it has said its last word.  On stdout `hello`,
then `progress` as above, with the unit "bytes", and at last `failed` as above or::

    {"type": "done", "counters": {…}, "peak_rss_bytes": 4711}
                                        what there was to do is done; without it no counters

Search child (`python -m cidxd.indexer search`), one request a line on stdin, one answer
a line on stdout, in order::

    {"id": 7, "op": "search", …}   ->   7 200 {…json…}\\n

`op` is search, tips (what is indexed), file, skipped (files without searched content),
check (read every byte) or about (the engine).

The answer is the request's id, an HTTP status and the body, so that the daemon can pass
the body's bytes on without reading them.  An error body is `{"code", "detail", "hint"}`.
"""

from __future__ import annotations

import json
from typing import Any, Final

VERSION: Final = 1
LINE_LIMIT: Final = 1 << 20  # bytes of one line to or from a build child
EXIT_FAILED: Final = 1
EXIT_STOPPED: Final = 3
PROGRESS_EVERY_S: Final = 0.1  # a build child reports progress no more often than this
MAX_MATCHES: Final = 10_000  # in one answer


def encode(message: dict[str, Any]) -> bytes:
    """Return *message* as one line, newline included."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """
    Return the message of one line.

    Raises:
        ValueError: The line is no JSON object with a string under `type` or `op`.
    """
    try:
        message = json.loads(line)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(message, dict) or not isinstance(message.get("type", message.get("op")), str):
        raise ValueError(f"not a message: {line[:200]!r}")  # noqa: TRY004 - bad input, not a bug
    return message


def encode_answer(request_id: int, status: int, body: bytes) -> bytes:
    """Return the search child's answer line."""
    return b"%d %d %s\n" % (request_id, status, body)


def decode_answer(line: bytes) -> tuple[int, int, bytes]:
    """
    Return the request id, the HTTP status and the body's bytes of an answer line.

    Raises:
        ValueError: The line is no answer.
    """
    request_id, status, body = line.rstrip(b"\n").split(b" ", 2)
    return int(request_id), int(status), body
