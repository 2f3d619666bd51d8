"""A damaged index says so or tells the truth, and the next sync mends it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

House = Any  # the fixture's class lives in conftest, which cannot be imported


@pytest.fixture
def filled(house: House) -> Any:
    house.checkout.commit({f"d/f{n}.txt": f"needle {n} {n * 7919}\n" * 40 for n in range(60)})
    house.sync()
    house.checkout.commit({"later.txt": "needle later\n"})
    house.sync()
    return house


def _answers_or_says_so(house: House, truth: set[tuple[str, int]]) -> bool:
    """Whether a fresh search child is right; wrong and silent is the failure."""
    house.searcher.end()
    house.searcher = type(house.searcher)()
    status, body = house.ask("needle")
    if status == 200:
        assert {(match["path"], match["line"]) for match in body["matches"]} == truth
        return True
    assert (status, body["code"]) == (503, "index-rebuilding"), body
    return False


def _is_mended(house: House, truth: set[tuple[str, int]]) -> None:
    house.searcher.end()
    house.searcher = type(house.searcher)()
    house.sync()
    assert house.tips()["damaged"] is False
    assert house.lines("needle") == truth


@pytest.mark.parametrize("part", range(12))
def test_a_flipped_bit_anywhere_in_a_segment_is_found(filled: Any, part: int) -> None:
    truth = filled.lines("needle")
    path = max(filled.segments(), key=lambda one: one.stat().st_size)
    data = bytearray(path.read_bytes())
    data[(len(data) - 1) * part // 11] ^= 0x10
    path.chmod(0o600)
    path.write_bytes(data)
    assert not _answers_or_says_so(filled, truth)
    assert filled.tips()["damaged"] is True
    _is_mended(filled, truth)


@pytest.mark.parametrize("harm", ["cut", "emptied", "removed", "swapped"])
def test_a_segment_that_is_cut_emptied_removed_or_swapped_is_found(filled: Any, harm: str) -> None:
    truth = filled.lines("needle")
    small, large = sorted(filled.segments(), key=lambda one: one.stat().st_size)
    if harm == "cut":
        large.write_bytes(large.read_bytes()[:-100])
    elif harm == "emptied":
        large.write_bytes(b"")
    elif harm == "removed":
        large.unlink()
    else:
        shutil.copy(small, large)
    assert not _answers_or_says_so(filled, truth)
    _is_mended(filled, truth)


def test_a_build_finds_a_missing_segment_by_itself(filled: Any) -> None:
    truth = filled.lines("needle")
    filled.segments()[0].unlink()
    _is_mended(filled, truth)


@pytest.mark.parametrize(
    "content", [b"", b"nonsense\n", b"../..\n", b"epoch-0000000000000000\n", b"\xff"]
)
def test_a_broken_current_is_damage_not_emptiness(filled: Any, content: bytes) -> None:
    truth = filled.lines("needle")
    (filled.index / "CURRENT").write_bytes(content)
    assert not _answers_or_says_so(filled, truth)
    assert filled.tips()["damaged"] is True
    _is_mended(filled, truth)


@pytest.mark.parametrize("harm", ["overwritten", "cut", "emptied", "removed", "page"])
def test_a_broken_catalogue_is_damage(filled: Any, harm: str) -> None:
    truth = filled.lines("needle")
    (path,) = filled.index.glob("*/catalog.db")
    filled.searcher.end()
    filled.searcher = type(filled.searcher)()
    for side in (Path(f"{path}-wal"), Path(f"{path}-shm")):
        side.unlink(missing_ok=True)
    data = path.read_bytes()
    if harm == "removed":
        path.unlink()
    else:
        changed = {
            "overwritten": b"x" * len(data),
            "cut": data[: len(data) // 2],
            "emptied": b"",
            "page": data[:4096] + b"\xa5" * (len(data) - 4096),
        }
        path.write_bytes(changed[harm])
    assert not _answers_or_says_so(filled, truth)
    _is_mended(filled, truth)


@pytest.mark.parametrize("part", range(24))
def test_a_flipped_bit_anywhere_in_the_catalogue_is_found(filled: Any, part: int) -> None:
    truth = filled.lines("needle")
    (path,) = filled.index.glob("*/catalog.db")
    data = bytearray(path.read_bytes())
    data[(len(data) - 1) * part // 23] ^= 0x04
    path.write_bytes(data)
    assert filled.ask("needle")[0] == 503  # also where it is open already
    assert not _answers_or_says_so(filled, truth)
    ready = filled.sync()
    assert "checksum" in ready["summary"]["index_damage"]
    _is_mended(filled, truth)


def test_a_sync_without_news_finds_a_touched_segment(filled: Any) -> None:
    path = filled.segments()[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert filled.tips()["damaged"] is True
    assert path.stem in filled.sync()["summary"]["index_damage"]
    assert filled.tips()["damaged"] is False


def test_files_that_were_copied_elsewhere_and_back_are_sound(filled: Any, tmp_path: Path) -> None:
    truth = filled.lines("needle")
    shutil.copytree(filled.index, tmp_path / "copy", copy_function=shutil.copyfile)
    filled.index = tmp_path / "copy"
    assert filled.tips()["damaged"] is False
    assert filled.lines("needle") == truth
    assert filled.sync()["summary"].get("index_damage") is None


def test_a_missing_current_is_named_and_mended(filled: Any) -> None:
    truth = filled.lines("needle")
    (filled.index / "CURRENT").unlink()
    assert filled.ask("needle")[0] == 404
    assert filled.sync()["summary"]["index_damage"] == "CURRENT is missing"
    assert filled.lines("needle") == truth


def test_a_build_that_was_killed_leaves_an_index_that_is_looked_at_closer(
    filled: Any, start_build: Any
) -> None:
    filled.checkout.commit({"more.txt": "needle more\n"})
    build = start_build(filled.request())
    build.until("ready")
    build.end(is_killed=True)
    assert not list(filled.index.glob("*/catalog.seal"))
    assert len(filled.lines("needle")) == 60 * 40 + 1
    filled.sync()
    assert list(filled.index.glob("*/catalog.seal"))
    assert len(filled.lines("needle")) == 60 * 40 + 2


def test_a_checkup_reads_every_byte_and_marks_what_it_finds(filled: Any) -> None:
    def checked() -> Any:
        return filled.searcher.ask({"op": "check", "index": str(filled.index)})[1]

    sound = checked()
    assert (sound["indexed"], sound["damage"], sound["segments"]) == (True, None, 2)
    assert sound["bytes"] == sum(path.stat().st_size for path in filled.segments())
    path = filled.segments()[0]
    written = path.stat()
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(written.st_atime_ns, written.st_mtime_ns))  # as a disk would do it
    assert path.stem in checked()["damage"]
    assert filled.ask("needle")[0] == 503
    filled.sync()
    assert checked()["damage"] is None


def test_a_searcher_that_holds_the_index_open_survives_its_repair(filled: Any) -> None:
    truth = filled.lines("needle")
    filled.segments()[0].unlink()
    (filled.index / "CURRENT").write_bytes(b"x")
    assert filled.ask("needle")[0] == 503
    filled.sync()
    assert filled.lines("needle") == truth


def test_settings_that_make_no_sense_are_damage(filled: Any) -> None:
    truth = filled.lines("needle")
    (path,) = filled.index.glob("*/catalog.db")
    (path.parent / "catalog.seal").unlink()  # as a build that was killed leaves it
    data = path.read_bytes()
    assert b"1048576" in data
    path.write_bytes(data.replace(b"1048576", b"1048x76"))
    assert not _answers_or_says_so(filled, truth)
    _is_mended(filled, truth)
