from __future__ import annotations

import hashlib
import os
import random
from contextlib import closing
from pathlib import Path

import pytest

from cidxd.errors import FaultError
from cidxd.indexer.condition import ANYTHING, NOTHING, every, some
from cidxd.indexer.seal import check_segment
from cidxd.indexer.segment import GROUP_BYTES, SegmentReader, Written
from cidxd.indexer.segment_writer import write_segment


def _documents(*contents: bytes) -> list[tuple[bytes, bytes]]:
    return [(hashlib.sha1(c, usedforsecurity=False).digest(), c) for c in contents]


_MANY = _documents(
    b"",
    b"one line without an end",
    b"crlf\r\nlines\r\n",
    random.Random(1).randbytes(3 * GROUP_BYTES + 5),  # noqa: S311 - any incompressible bytes
    b"\xff\xfe not utf-8 \xc3(",
    b"",
    b"a" * GROUP_BYTES,
    b"the last\n",
)


_GONE = Written("0", 1, 1, 1, 1)


def _written(folder: Path) -> Path:
    return folder / f"{write_segment(folder, _MANY).segment_id}.seg"


def _key(three: bytes) -> int:
    return int.from_bytes(three, "big")


def test_every_document_comes_back_as_it_was(tmp_path: Path) -> None:
    written = write_segment(tmp_path, _MANY)

    with closing(SegmentReader(tmp_path / f"{written.segment_id}.seg")) as reader:
        assert (reader.documents, reader.checksum) == (len(_MANY), written.checksum)
        assert reader.oid_bytes == 20
        back = [(reader.oid(n), reader.content(n)) for n in range(reader.documents)]
        assert back == _MANY
        assert [reader.size(n) for n in range(reader.documents)] == [len(c) for _, c in _MANY]


def test_conditions_narrow_to_the_documents_that_can_match(tmp_path: Path) -> None:
    documents = _documents(b"needle in hay", b"only hay", b"nee\ndle", b"NEEDLE hay")
    written = write_segment(tmp_path, documents)

    with closing(SegmentReader(tmp_path / f"{written.segment_id}.seg")) as reader:
        hay, nee, dle, big = (_key(three) for three in (b"hay", b"nee", b"dle", b"NEE"))
        assert reader.candidates(ANYTHING) is None
        assert reader.candidates(hay) == [0, 1, 3]
        assert reader.candidates(every(nee, dle)) == [0, 2]
        assert reader.candidates(every(some(nee, big), hay)) == [0, 3]
        assert reader.candidates(some(every(nee, hay), every(big, hay))) == [0, 3]
        assert reader.candidates(_key(b"zzz")) == []
        assert reader.candidates(NOTHING) == []
        assert reader.candidates(_key(b"e\nd")) == []


def test_nothing_but_the_complete_file_is_left_behind(tmp_path: Path) -> None:
    path = _written(tmp_path)

    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_gone_is_told_from_one_that_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        SegmentReader(tmp_path / "0.seg")
    with pytest.raises(FaultError, match="damaged"):
        check_segment(tmp_path / "0.seg", _GONE)


@pytest.mark.parametrize("kept", [0, 1, 8, 100, -1])
def test_a_truncated_segment_is_damaged(tmp_path: Path, kept: int) -> None:
    path = _written(tmp_path)
    path.write_bytes(path.read_bytes()[:kept])

    with pytest.raises(FaultError, match="damaged"):
        SegmentReader(path)
    with pytest.raises(FaultError, match="damaged"):
        check_segment(path, _GONE)


def test_any_flipped_bit_is_noticed_at_open_or_when_read(tmp_path: Path) -> None:
    path = _written(tmp_path)
    whole = path.read_bytes()
    for at in range(8, len(whole), max(1, len(whole) // 199)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises(FaultError, match="damaged"):  # noqa: PT012, SIM117 - one of several
            with closing(SegmentReader(path)) as reader:
                for document in range(reader.documents):
                    reader.content(document)


def test_a_file_that_was_only_copied_is_still_the_registered_one(tmp_path: Path) -> None:
    written = write_segment(tmp_path, _MANY)
    path = tmp_path / f"{written.segment_id}.seg"
    os.utime(path, ns=(1, 1))

    assert check_segment(path, written) == (written.bytes, 1)


@pytest.mark.parametrize("part", [0, 3, 7, 10])
def test_a_flipped_bit_in_a_file_that_was_touched_is_found_without_a_search(
    tmp_path: Path, part: int
) -> None:
    written = write_segment(tmp_path, _MANY)
    path = tmp_path / f"{written.segment_id}.seg"
    data = bytearray(path.read_bytes())
    data[(len(data) - 1) * part // 10] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(1, 1))

    with pytest.raises(FaultError, match="damaged"):
        check_segment(path, written)


def test_a_segment_opened_for_its_content_leaves_the_postings_alone(tmp_path: Path) -> None:
    path = _written(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-300] + bytes([whole[-300] ^ 4]) + whole[-299:])  # within the lists
    with pytest.raises(FaultError, match="damaged") as caught:
        SegmentReader(path)
    assert "lists" in caught.value.detail

    with closing(SegmentReader(path, with_postings=False)) as reader:
        assert [reader.content(n) for n in range(reader.documents)] == [c for _, c in _MANY]
        with pytest.raises(ValueError, match="without its postings"):
            reader.candidates(1)


def test_postings_that_make_no_sense_are_damage(tmp_path: Path) -> None:
    with closing(SegmentReader(_written(tmp_path))) as reader:
        reader._postings = reader._postings._replace(keys=b"")
        with pytest.raises(FaultError, match="damaged"):
            reader.candidates(_key(b"lin"))


def test_an_empty_segment_can_be_read(tmp_path: Path) -> None:
    written = write_segment(tmp_path, [])

    with closing(SegmentReader(tmp_path / f"{written.segment_id}.seg")) as reader:
        assert reader.documents == 0
        assert reader.candidates(1) == []
