"""
The search child: reads requests on stdin, answers on stdout, in order, until end of file.

It opens indexes read-only and changes nothing but one thing: an index that it finds damaged
is marked, so that the next sync rebuilds it.  Nothing a request says ends the child.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, Final

import orjson

from cidxd.errors import RequestError, UnavailableError
from cidxd.indexer import checkup, commits, view
from cidxd.indexer.epoch import mark_damaged
from cidxd.indexer.page import search
from cidxd.indexer.protocol import LINE_LIMIT, encode_answer
from cidxd.indexer.query import malformed, parse_query
from cidxd.indexer.shelf import Shelf
from cidxd.indexer.source import IndexFaultError

REQUEST_LIMIT: Final = LINE_LIMIT * 4  # bytes of one request
_TRIES: Final = 8  # of one request, while merges or rebuilds go by
_OK: Final = 200
_FAILED: Final = 500

Answerer = Callable[[Shelf, Mapping[str, Any]], Any]


def main() -> int:
    """Answer the requests of stdin on stdout; return the exit code, 0."""
    serve(sys.stdin.buffer, sys.stdout.buffer)
    return 0


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer every line of *requests* on *answers*, in order."""
    shelf = Shelf()
    try:
        while line := requests.readline(REQUEST_LIMIT + 1):
            is_whole = len(line) <= REQUEST_LIMIT
            while not is_whole and line and not line.endswith(b"\n"):
                line = requests.readline(REQUEST_LIMIT)
            answers.write(encode_answer(*answer(shelf, line if is_whole else None)))
            answers.flush()
            shelf.tidy()
    finally:
        shelf.close()


def answer(shelf: Shelf, line: bytes | None) -> tuple[int, int, bytes]:
    """Return id, status and body of the answer to a request line; None stands for one too long."""
    request_id = 0
    try:
        request = _request(line)
        request_id = request["id"]
        return request_id, _OK, orjson.dumps(_answered(shelf, request))
    except RequestError as err:
        return request_id, err.status, _problem(err)
    except Exception as err:  # noqa: BLE001 - the border of the process: a request must not end it
        traceback.print_exc(file=sys.stderr)
        shelf.close()
        unforeseen = UnavailableError(
            f"the search failed: {type(err).__name__}",
            code="search-failed",
            hint="report it with the daemon's log",
        )
        return request_id, _FAILED, _problem(unforeseen)


def _request(line: bytes | None) -> dict[str, Any]:
    if line is None:
        raise malformed(f"a line of more than {REQUEST_LIMIT} bytes")
    try:
        # Not orjson: a path may hold lone surrogates, which stand for bytes that are no UTF-8.
        request = json.loads(line)
    except (ValueError, RecursionError) as err:
        raise malformed("not JSON") from err
    if not isinstance(request, dict) or type(request.get("id")) is not int:
        raise malformed("no object with an integer under id")
    return request


def _answered(shelf: Shelf, request: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    answerers: dict[str, Answerer] = {
        "search": lambda shelf, request: search(shelf, parse_query(request)),
        "tips": view.tips,
        "file": view.file,
        "skipped": view.skipped,
        "commits": commits.commits,
        "check": checkup.check,
        "about": checkup.about,
    }
    answerer = answerers.get(str(request.get("op")))
    if answerer is None:
        raise malformed("op is none of search, tips, file, skipped, commits, check, about", "/op")
    found: set[str] = set()
    while True:
        try:
            return answerer(shelf, request)
        except IndexFaultError as err:
            # A merge or a rebuild may have gone by: what is read anew decides.  After a merge
            # no file is missed twice, so what is found twice is so.
            shelf.drop(err.place.index)
            if err.fault.detail in found or len(found) == _TRIES:
                raise _unavailable(shelf, err) from err
            found.add(err.fault.detail)


def _unavailable(shelf: Shelf, err: IndexFaultError) -> UnavailableError:
    shelf.drop(err.place.index)
    name = err.place.name or "the repository"
    if err.fault.code not in {"index-damaged", "index-outdated"}:
        return UnavailableError(
            f"the index of {name} cannot be read: {err.fault.detail}",
            code=err.fault.code,
            hint=err.fault.hint,
        )
    is_damaged = err.fault.code == "index-damaged"
    if is_damaged and err.epoch is not None:
        mark_damaged(err.epoch, err.fault.detail)
    return UnavailableError(
        f"the index of {name} is {'damaged' if is_damaged else 'outdated'}: {err.fault.detail}",
        code="index-rebuilding",
        hint=f"the next sync rebuilds it: cidx sync {err.place.name}".rstrip(),
    )


def _problem(err: RequestError) -> bytes:
    body = {"code": err.code, "detail": err.message, "hint": err.hint}
    pointer = getattr(err, "pointer", "")
    return orjson.dumps(body | ({"pointer": pointer} if pointer else {}))
