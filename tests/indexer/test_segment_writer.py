from __future__ import annotations

import hashlib
import random
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cidxd.indexer import kernel_numpy, segment_writer
from cidxd.indexer.segment import SegmentReader
from cidxd.indexer.segment_writer import SegmentWriter, write_segment


def _documents(count: int, size: int) -> list[tuple[bytes, bytes]]:
    words = random.Random(count)  # noqa: S311 - any text that is the same every time
    contents = [bytes(words.choices(b"abcdefgh \n", k=size)) for _ in range(count)]
    return [(hashlib.sha1(c, usedforsecurity=False).digest(), c) for c in contents]


_LARGE = _documents(40, 100_000)


def test_one_input_has_one_encoding_with_either_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()

    name = write_segment(here, _LARGE).segment_id + ".seg"
    monkeypatch.setattr(segment_writer, "kernel", kernel_numpy)
    write_segment(there, _LARGE)

    assert (here / name).read_bytes() == (there / name).read_bytes()


def test_one_input_has_one_encoding_however_it_is_handed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = write_segment(tmp_path, _LARGE).segment_id + ".seg"
    threaded = (tmp_path / name).read_bytes()

    for size in (1 << 30, 1, 70_000):
        monkeypatch.setattr(segment_writer, "_BATCH_BYTES", size)
        write_segment(tmp_path, _LARGE)
        assert (tmp_path / name).read_bytes() == threaded


def test_a_segment_that_is_completed_beside_the_caller_is_whole(tmp_path: Path) -> None:
    first, second = SegmentWriter(tmp_path), SegmentWriter(tmp_path)
    for oid, content in _LARGE:
        first.add(oid, content)
    first.end()
    for oid, content in _LARGE[:3]:
        second.add(oid, content)
    second.end()

    written = [first.finish(), second.finish()]

    for segment, expected in zip(written, (_LARGE, _LARGE[:3]), strict=True):
        with closing(SegmentReader(tmp_path / f"{segment.segment_id}.seg")) as reader:
            back = [(reader.oid(n), reader.content(n)) for n in range(reader.documents)]
            assert (back, reader.checksum) == (expected, segment.checksum)


@pytest.mark.parametrize("count", [0, 3, 40])
def test_an_abandoned_segment_leaves_nothing_behind(tmp_path: Path, count: int) -> None:
    writer = SegmentWriter(tmp_path)
    for oid, content in _LARGE[:count]:
        writer.add(oid, content)

    writer.abandon()

    assert list(tmp_path.iterdir()) == []


def test_what_fails_beside_the_caller_is_said_and_leaves_nothing_behind(tmp_path: Path) -> None:
    wrong: Any = "no bytes"

    with pytest.raises(TypeError):
        write_segment(tmp_path, [*_LARGE[:20], (b"x" * 20, wrong), *_LARGE[20:]])

    assert list(tmp_path.iterdir()) == []


def test_a_segment_is_full_before_its_text_passes_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_writer, "TEXT_BYTES", 100)
    monkeypatch.setattr(segment_writer, "MAX_DOCUMENTS", 3)
    with closing(_Abandoned(tmp_path)) as holder:
        writer = holder.writer
        assert writer.has_room(1000)
        writer.add(b"x" * 20, b"y" * 60)
        assert writer.has_room(40)
        assert not writer.has_room(41)
        writer.add(b"x" * 20, b"")
        writer.add(b"x" * 20, b"")
        assert not writer.has_room(0)


class _Abandoned:
    def __init__(self, folder: Path) -> None:
        self.writer = SegmentWriter(folder)

    def close(self) -> None:
        self.writer.abandon()
