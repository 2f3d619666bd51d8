"""
Whatever happens to the bytes of an index: an answer is right, or says that it is none.

Each round harms one file of a sound index in a random way.  `make damage` takes many rounds.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

House = Any  # the fixture's class lives in conftest, which cannot be imported

ROUNDS = int(os.environ.get("DAMAGE_ROUNDS", "15"))
SEED = int(os.environ.get("DAMAGE_SEED", "3"))
ASKED: list[dict[str, Any]] = [
    {"q": "needle"},
    {"q": "n[e]edle \\d+7", "mode": "regex"},
    {"q": "NEEDLE 1", "case": "insensitive", "show": "count"},
    {"q": "function_1", "mode": "symbol"},
    {"q": "le", "show": "files", "path": ["d/*"]},
]


def _ask(house: House) -> list[Any]:
    """Return all answers of a fresh search child, with None where it says that it has none."""
    house.searcher.end()
    house.searcher = type(house.searcher)()
    return _ask_on(house)


def _ask_on(house: House) -> list[Any]:
    place = {"index": str(house.index), "mirror": str(house.mirror), "branch": None}
    answers = [house.ask(**asked) for asked in ASKED]
    answers.append(house.file("d/f7.py"))
    answers.append(house.searcher.ask({"op": "skipped", "reason": None, "limit": 9, **place}))
    return [_told(*answer) for answer in answers]


def _told(status: int, body: Any) -> Any:
    if status == 200:
        return {key: value for key, value in body.items() if key != "elapsed_ms"}
    assert (status, body["code"]) in {(503, "index-rebuilding"), (404, "not-indexed")}, body
    return None


def _harm(dice: random.Random, path: Path) -> str:
    data = bytearray(path.read_bytes())
    way = dice.choice(["flip", "flip", "flip", "cut", "zero", "grow", "remove"])
    at = dice.randrange(len(data)) if data else 0
    if way == "flip":
        for _ in range(dice.choice([1, 1, 2, 9]) if data else 0):
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    elif way == "cut":
        del data[at:]
    elif way == "zero":
        data[at : at + 512] = bytes(len(data[at : at + 512]))
    elif way == "grow":
        data += dice.randbytes(dice.choice([1, 100, 5000]))
    if way == "remove":
        path.unlink()
    else:
        path.write_bytes(data)
    return f"{way} at {at} of {len(data)}: {path.name}"


@pytest.fixture
def sound(house: House) -> Any:
    """A sound index of two segments with definitions and skipped files."""
    files = {f"d/f{n}.py": f"def function_{n}():\n    needle {n}\n" * 20 for n in range(60)}
    house.checkout.commit({**files, "x.bin": "\0", "e.txt": ""})
    house.sync()
    house.checkout.commit({"later.py": "def function_1_later(): needle later 7\n"})
    house.sync()
    shutil.copytree(house.index, house.index.with_name("sound"))
    return house


def test_harm_to_any_file_gives_no_wrong_answer_and_the_next_sync_mends_it(sound: House) -> None:
    house = sound
    truth = _ask(house)
    assert all(truth)
    for number in range(ROUNDS):
        dice = random.Random(SEED * 1_000_000 + number)  # noqa: S311 - repeatable
        shutil.rmtree(house.index)
        shutil.copytree(house.index.with_name("sound"), house.index)
        if is_open := dice.random() < 0.3:
            assert _ask(house) == truth
        paths = sorted(path for path in house.index.rglob("*") if path.is_file())
        path = dice.choice(paths)
        before = path.stat()
        what = f"round {number}: {_harm(dice, path)}"
        if is_silent := not is_open and path.exists() and dice.random() < 0.5:
            # As a failing disk does it; a whole read finds it, and so does the next search there.
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        _is_right(_ask_on(house) if is_open else _ask(house), truth, what)
        if is_silent:
            house.searcher.ask({"op": "check", "index": str(house.index)})
        house.sync()
        assert _ask(house) == truth, what
        assert house.tips()["damaged"] is False, what


def _is_right(answers: list[Any], truth: list[Any], what: str) -> None:
    for answer, true in zip(answers, truth, strict=True):
        assert answer in (None, true), what


def test_searches_are_right_or_none_while_the_index_is_harmed_and_rebuilt(sound: House) -> None:
    house = sound
    truth = house.found("needle")
    is_over = threading.Event()
    answers: list[tuple[int, Any]] = []

    def search() -> None:
        while not is_over.is_set():
            try:
                answers.append(house.ask("needle"))
            except (
                ValueError,
                BrokenPipeError,
            ):  # no answer: a file that is cut while it is mapped ends the child
                assert house.searcher.end() == -signal.SIGBUS
                house.searcher = type(house.searcher)()  # as the daemon does

    searching = threading.Thread(target=search)
    searching.start()
    dice = random.Random(SEED)  # noqa: S311 - repeatable
    try:
        for _ in range(ROUNDS // 3):
            _harm(dice, dice.choice([p for p in house.index.rglob("*") if p.is_file()]))
            house.sync()
    finally:
        is_over.set()
        searching.join()
    house.searcher.end()
    assert "Traceback" not in house.searcher.stderr
    house.searcher = type(house.searcher)()
    for status, body in answers:
        if status == 200:
            assert body["matches"] == truth
        else:
            assert body["code"] in {"index-rebuilding", "not-indexed"}, body
    assert house.found("needle") == truth
