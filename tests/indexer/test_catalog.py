from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cidxd.errors import FaultError
from cidxd.indexer import catalog_definitions, catalog_symbols
from cidxd.indexer import epoch as epochs
from cidxd.indexer.catalog import Blob, CatalogReader, Entry
from cidxd.indexer.catalog_writer import CatalogWriter, NewEntry
from cidxd.indexer.definition import Definition
from cidxd.indexer.segment import Written

_SETTINGS = {"format": 1, "max_file_bytes": 100}
_A, _B, _C = b"\xaa" * 20, b"\xbb" * 20, b"\xcc" * 20


def _publish(writer: CatalogWriter, entries: list[NewEntry]) -> int:
    generation = writer.stage()
    branch_id = writer.put_branch(
        name="main", commit="c1", tree="t1", generation=generation, job_id="job", is_default=1,
        committed_at="2026-01-01T00:00:00Z", files=len(entries),
    )  # fmt: skip
    writer.put_entries(branch_id, entries)
    writer.publish()
    return branch_id


@pytest.fixture
def epoch(tmp_path: Path) -> Path:
    return epochs.create_epoch(tmp_path)


@pytest.fixture
def writer(epoch: Path) -> Iterator[CatalogWriter]:
    with closing(CatalogWriter.create(epoch, _SETTINGS)) as writer:
        yield writer


@pytest.fixture
def branch_id(writer: CatalogWriter) -> int:
    """A branch with two files of one content, a symlink to it, and a binary file."""
    writer.register(Written("s1", 7, 2, 99, 1), [Blob(_A, 3, 0, None), Blob(_B, 4, 1, None)])
    writer.register(None, [Blob(_C, 9, None, "binary")])
    ids = {oid: row[0] for oid, row in writer.blob_rows([_A, _B, _C]).items()}
    return _publish(
        writer,
        [
            NewEntry(0, b"a.py", 0o100644, ids[_A]),
            NewEntry(0, b"z\xff", 0o100755, ids[_A]),
            NewEntry(1, b"link", 0o120000, ids[_A]),
            NewEntry(1, b"tests/b", 0o100644, ids[_B]),
            NewEntry(2, b"vendor/c", 0o100644, ids[_C]),
        ],
    )


def test_a_new_catalogue_is_empty_and_of_generation_0(epoch: Path, writer: CatalogWriter) -> None:
    with closing(CatalogReader(epoch)) as reader, reader:
        assert reader.settings() == _SETTINGS
        assert (reader.generation(), reader.branches(), reader.segments()) == (0, [], [])
    assert writer.generation() == 0


def test_what_is_staged_is_not_seen_before_it_is_published(
    epoch: Path, writer: CatalogWriter, branch_id: int
) -> None:
    writer.stage()
    writer.delete_entries(branch_id, [b"a.py"])

    with closing(CatalogReader(epoch)) as reader, reader:
        assert reader.generation() == 1
        assert reader.entry_at(branch_id, b"a.py") is not None
    assert writer.count_entries(branch_id) == 4


def test_entries_come_by_class_and_path_from_any_place_on(epoch: Path, branch_id: int) -> None:
    with closing(CatalogReader(epoch)) as reader, reader:
        every = list(reader.entries_in_order(branch_id, None))
        assert [(e.path_class, e.path) for e in every] == [
            (0, b"a.py"), (0, b"z\xff"), (1, b"link"), (1, b"tests/b"), (2, b"vendor/c"),
        ]  # fmt: skip
        for number, entry in enumerate(every):
            after = (entry.path_class, entry.path)
            assert list(reader.entries_in_order(branch_id, after)) == every[number + 1 :]


def test_documents_lead_to_the_regular_files_that_hold_them(epoch: Path, branch_id: int) -> None:
    with closing(CatalogReader(epoch)) as reader, reader:
        number = reader.segments()[0].number
        blobs = reader.blobs_of(number, [0, 1, 5])
        found = sorted(reader.entries_of_blobs(branch_id, list(blobs.values())))

        assert sorted(blobs) == [0, 1]
        assert [(e.path, e.document) for e in found] == [
            (b"a.py", 0),
            (b"z\xff", 0),
            (b"tests/b", 1),
        ]


def test_an_entry_says_where_its_content_is_or_why_there_is_none(
    epoch: Path, branch_id: int
) -> None:
    with closing(CatalogReader(epoch)) as reader, reader:
        found = [reader.entry_at(branch_id, p) for p in (b"tests/b", b"vendor/c", b"link", b"no")]

    assert found[0] == Entry(1, b"tests/b", 0o100644, 2, 1, 1, None)
    assert found[1] is not None
    assert found[2] is not None
    assert (found[1].document, found[1].skip) == (None, "binary")
    assert (found[2].document, found[2].skip) == (None, "symlink")
    assert found[3] is None


def test_the_reader_cannot_write(epoch: Path, branch_id: int) -> None:
    with closing(CatalogReader(epoch)) as reader, pytest.raises(FaultError, match="written"):
        reader._execute("DELETE FROM entry WHERE branch_id = ?", (branch_id,))


def test_a_file_that_is_no_database_is_damage(tmp_path: Path) -> None:
    epoch = epochs.create_epoch(tmp_path)
    (epoch / "catalog.db").write_bytes(b"something else entirely" * 100)

    with closing(CatalogReader(epoch)) as reader, pytest.raises(FaultError, match="damaged"):
        reader.branches()
    with pytest.raises(FaultError, match="damaged"):
        CatalogReader(tmp_path / "nowhere")


def test_more_values_than_one_statement_takes_are_asked_for_in_parts(
    writer: CatalogWriter,
) -> None:
    oids = [n.to_bytes(20, "big") for n in range(1201)]
    writer.register(Written("s2", 7, 1201, 9, 1), [Blob(o, 0, n, None) for n, o in enumerate(oids)])

    assert len(writer.blob_rows(oids)) == 1201
    assert len(writer.blobs_of(1, range(1201))) == 1201


def test_an_index_that_was_never_published_has_no_current_epoch(tmp_path: Path) -> None:
    assert epochs.current_epoch(tmp_path) is None
    epochs.create_epoch(tmp_path)
    assert epochs.current_epoch(tmp_path) is None


def _mark(writer: CatalogWriter) -> None:
    writer.register(
        Written("s9", 7, 2, 99, 1),
        [Blob(_A, 3, 0, None), Blob(_B, 4, 1, None), Blob(_C, 5, None, "binary")],
        lambda: catalog_symbols.mark_unparsed(writer, [(_A, "go"), (_B, "c"), (_C, "c")]),
    )


def test_a_blob_waits_until_its_symbols_are_there(writer: CatalogWriter) -> None:
    _mark(writer)
    waiting = catalog_symbols.take_unparsed(writer, 10)
    assert [(b.oid, b.grammar, b.size, b.document) for b in waiting] == [
        (_A, "go", 3, 0), (_B, "c", 4, 1)
    ]  # fmt: skip
    for found in ([], [Definition("f", "function", 1, None)], [Definition("g", "method", 2, "A")]):
        writer.begin()
        catalog_symbols.put_symbols(writer, {_A: found, b"\xdd" * 20: found})
        writer.commit()
    assert writer.rows("SELECT number, name, kind, line, scope FROM symbol") == [
        (0, "g", "method", 2, "A")
    ]
    assert [b.oid for b in catalog_symbols.take_unparsed(writer, 10)] == [_B]
    assert catalog_definitions.count_unparsed(writer) == 1


def test_a_forgotten_segment_takes_its_symbols_along(writer: CatalogWriter) -> None:
    _mark(writer)
    writer.begin()
    catalog_symbols.put_symbols(writer, {_A: [Definition("f", "function", 1, None)]})
    writer.commit()
    writer.forget_segments(["s9"])
    assert writer.rows("SELECT * FROM symbol") == []
    assert catalog_definitions.count_unparsed(writer) == 0


def test_what_has_no_content_any_more_does_not_wait(writer: CatalogWriter) -> None:
    writer.begin()
    writer.many("INSERT INTO unparsed (blob_id, language) VALUES (?, ?)", [(99, "c")])
    catalog_symbols.forget_lost(writer)
    writer.commit()
    assert catalog_definitions.count_unparsed(writer) == 0
