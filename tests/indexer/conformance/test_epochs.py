"""Segments are canonical, epochs replace each other whole, and steps add up to a full build."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

House = Any  # the fixture's class lives in conftest, which cannot be imported


def _counts(ready: Any, *names: str) -> tuple[int, ...]:
    return tuple(ready["summary"][f"files_{name}"] for name in names)


def test_one_input_gives_one_segment_file(house: House, tmp_path: Path) -> None:
    house.checkout.commit({f"f{n}.txt": f"{n} text\n" * 100 for n in range(50)})
    house.sync()
    first = {path.name: path.read_bytes() for path in house.segments()}
    house.index = tmp_path / "again"
    house.sync()
    assert {path.name: path.read_bytes() for path in house.segments()} == first
    assert first


@pytest.mark.parametrize("more", [{"full": True}, {"max_file_bytes": 100}])
def test_a_rebuild_moves_to_a_new_epoch_and_removes_the_old(house: House, more: Any) -> None:
    house.checkout.commit({"a.txt": "needle\n", "b.txt": "needle\n" * 50})
    house.sync()
    old = house.tips()
    ready = house.sync(**more)
    tips = house.tips()
    assert tips["epoch"] != old["epoch"]
    assert ready["summary"]["blobs_new"] == 2
    assert _counts(ready, "added", "modified", "deleted", "renamed") == (0, 0, 0, 0)
    assert len(house.lines("needle")) == (1 if "max_file_bytes" in more else 51)
    house.sync(**{**more, "full": False})
    assert [path.name for path in house.index.iterdir() if path.is_dir()] == [tips["epoch"]]


def test_the_old_epoch_answers_until_the_rebuild_is_published(
    house: House, start_build: Any
) -> None:
    house.checkout.commit({"a.txt": "needle\n"})
    house.sync()
    house.checkout.commit({"b.txt": "needle\n"})
    build = start_build(house.request(full=True))
    build.until("ready")
    assert house.lines("needle") == {("a.txt", 1)}
    build.publish()
    build.until("done")
    assert house.lines("needle") == {("a.txt", 1), ("b.txt", 1)}


def test_bytes_and_paths_of_an_incremental_index_are_those_of_a_full_one(
    house: House, tmp_path: Path
) -> None:
    steps: list[dict[str | bytes, bytes | str | None]] = [
        {f"d{n % 4}/f{n}.txt": f"e{n}\n" for n in range(40)},
        {"d0/f0.txt": None, "d9/f0.txt": "e0\n", "d1/f1.txt": "changed e\n"},
        {**{f"d2/f{n}.txt": None for n in range(2, 40, 4)}, "d2x": "now a file: e\n"},
        {"d1/f1.txt": "e1\n", "new.bin": b"\0e", "n/e/w": "e"},
    ]
    for step in steps:
        house.checkout.commit(step)
        house.sync()
        step_by_step = house.found("e")
        kept, house.index = house.index, tmp_path / f"full-{os.urandom(4).hex()}"
        house.sync()
        assert house.found("e") == step_by_step
        house.index = kept
        assert house.lines("e") == house.grep("e")


def test_an_index_of_an_older_format_is_built_anew_and_not_called_damaged(
    house: House, keep_up: Any
) -> None:
    house.checkout.commit({"a.txt": "needle\n"})
    house.sync()
    [catalog] = house.index.glob("*/catalog.db")
    with closing(sqlite3.connect(catalog)) as db:
        db.executescript(
            "UPDATE meta SET value = '1' WHERE name = 'format'; DROP TABLE symbol;"
            "DROP TABLE unparsed; ALTER TABLE segment DROP COLUMN mtime_ns;"
        )
    (catalog.parent / "catalog.seal").unlink()

    status, body = house.ask("needle")
    assert (status, body["code"]) == (503, "index-rebuilding")
    assert "is outdated: it has format 1" in body["detail"]
    assert house.tips()["damaged"]  # which is how the next sync knows
    assert keep_up(house.index) == {}
    assert not list(house.index.glob("*/DAMAGED"))
    assert "index_damage" not in house.sync()["summary"]
    assert house.lines("needle") == {("a.txt", 1)}
