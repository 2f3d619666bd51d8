"""
Children of the indexer that are asked for nonsense: a clean refusal, an exit, never a hang.

A daemon that is well says none of this; one of another version, or one with a bug, may.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from indexer.filling import Filled
from nonsense import IS_LONG, NASTY, often, raw_lines, spoiled

from cidxd.errors import FAULTS, FaultError
from cidxd.indexer.build_request import read_request
from cidxd.indexer.search import answer
from cidxd.indexer.shelf import Shelf

PROCESSES: Final = 40 if IS_LONG else 1  # of each kind
ENOUGH_S: Final = 60.0
BUILD: Final[dict[str, Any]] = {
    "type": "build",
    "version": 1,
    "job_id": "j",
    "mirror": "/nowhere/mirror.git",
    "index": "/nowhere/index",
    "branches": [{"name": "main", "commit": "c" * 40, "default": True}],
    "full": False,
    "max_file_bytes": 1 << 20,
}
PUBLISH: Final = b'{"type": "publish"}'
ASKED: Final = {
    "publish before any request": PUBLISH,
    "a build of no branch": json.dumps({**BUILD, "branches": []}).encode(),
    "a build of an option for git": json.dumps(
        {**BUILD, "branches": [{"name": "main", "commit": "--output=/tmp/x", "default": True}]}
    ).encode(),
    "a size without an end": json.dumps({**BUILD, "max_file_bytes": float("inf")}).encode(),
    "a path with a zero in it": json.dumps({**BUILD, "mirror": "/a\0b"}).encode(),
    **{
        name: NASTY[name]
        for name in ("lists without an end", "an op in place of a type", "bytes that are no text")
    },
}


def ended(kind: str, said: bytes, folder: Path) -> tuple[int, list[dict[str, Any]]]:
    """Say *said* to a child and wait, with stdin open; return its exit code and its words."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cidxd.indexer", kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env={**os.environ, "LC_ALL": "C"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        process.stdin.write(said + b"\n")
        process.stdin.flush()
        try:
            code = process.wait(ENOUGH_S)
        finally:
            process.kill()
        return code, [json.loads(line) for line in process.stdout]


def check_refused(code: int, words: list[dict[str, Any]]) -> None:
    hello, *_, last = words
    assert hello == {"type": "hello", "version": 1}
    assert last["type"] == "failed"
    assert last["code"] in FAULTS
    assert code == 1


@pytest.mark.parametrize("said", ASKED.values(), ids=ASKED)
def test_a_build_child_refuses_nonsense_and_exits(tmp_path: Path, said: bytes) -> None:
    check_refused(*ended("build", said, tmp_path))


def test_an_upkeep_child_refuses_nonsense_and_exits(tmp_path: Path) -> None:
    check_refused(*ended("upkeep", b'{"op": "upkeep"}', tmp_path))
    check_refused(*ended("upkeep", b'{"type": "upkeep", "version": 1, "index": 7}', tmp_path))


@pytest.mark.parametrize("kind", ["build", "upkeep"])
@pytest.mark.parametrize("seed", range(PROCESSES))
def test_a_child_refuses_random_nonsense_and_exits(tmp_path: Path, kind: str, seed: int) -> None:
    said = random.Random(seed).randbytes(200).replace(b"\n", b"")  # noqa: S311 - can be had again
    check_refused(*ended(kind, said, tmp_path))


@often(200)
@given(message=spoiled(BUILD))
def test_a_build_request_is_whole_or_refused(message: Any) -> None:
    if not isinstance(message.get("type"), str):
        return  # the protocol's decoder has refused it before
    try:
        request = read_request(message)
    except FaultError as fault:
        code = fault.code
    else:
        code = "" if all(len(one.commit) in {40, 64} for one in request.branches) else "let through"
    assert code in {"", *FAULTS}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("filled") / "index"
    Filled(folder, {"src/a.py": b"def needle():\n    return 1\n", "b.txt": b"needle\n"})
    return folder


@pytest.fixture(scope="module")
def shelf() -> Iterator[Shelf]:
    made = Shelf()
    yield made
    made.close()


def questions(index: Path) -> list[dict[str, Any]]:
    place = {"name": "it", "index": str(index), "mirror": "/nowhere", "branch": None}
    search = {"op": "search", "repositories": [place], "q": "needle", "cursor": None}
    return [
        {"id": 7, **search, "mode": "literal", "path": ["src/*"], "lang": ["python"], "limit": 5},
        {"id": 7, **search, "mode": "regex", "show": "files", "context": 2, "word": True},
        {"id": 7, **search, "mode": "symbol", "case": "insensitive", "timeout_ms": 1000},
        {"id": 7, "op": "tips", "index": str(index)},
        {"id": 7, "op": "file", **place, "path": "b.txt", "commit": None},
        {"id": 7, "op": "skipped", **place, "reason": None, "limit": 5, "cursor": None},
        {"id": 7, "op": "commits", **place, "until": "c" * 40, "since": None, "limit": 5},
        {"id": 7, "op": "check", **place},
        {"id": 7, "op": "about"},
    ]


def check_answered(shelf: Shelf, line: bytes) -> None:
    """It is answered in its turn, and what is wrong with it is no surprise."""
    _, status, body = answer(shelf, line)
    assert status != 500, body
    assert isinstance(json.loads(body), dict)


@often(300)
@given(data=st.data())
def test_a_search_child_answers_every_request_that_is_nearly_right(
    index: Path, shelf: Shelf, data: st.DataObject
) -> None:
    question = data.draw(st.sampled_from(questions(index)))
    message = data.draw(spoiled(question))
    check_answered(shelf, json.dumps(message).encode())


@often(100)
@given(line=raw_lines)
def test_a_search_child_answers_every_line(shelf: Shelf, line: bytes) -> None:
    check_answered(shelf, line)
