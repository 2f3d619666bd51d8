from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from sandbox import Checkout, git

from cidxd.errors import FaultError
from cidxd.indexer import catalog_definitions, parsing, segment_writer
from cidxd.indexer.catalog_writer import CatalogWriter
from cidxd.indexer.content import Intake
from cidxd.indexer.parsing import SymbolIntake
from cidxd.indexer.segment import SegmentReader


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    checkout = Checkout(tmp_path / "work")
    checkout.commit({f"f{number:03}": f"line {number}\n" * 40 for number in range(60)})
    return checkout.mirror(tmp_path / "mirror.git")


def _oids(mirror: Path) -> list[bytes]:
    lines = git(mirror, "ls-tree", "-r", "main").splitlines()
    return [bytes.fromhex(line.split()[2]) for line in lines]


def _intake(
    tmp_path: Path, engine: str = "off", grammars: dict[bytes, str] | None = None
) -> tuple[Intake, CatalogWriter, Path]:
    folder = tmp_path / "epoch" / "segments"
    folder.mkdir(parents=True)
    catalog = CatalogWriter.create(folder.parent, {})
    symbols = SymbolIntake(catalog, folder.parent, engine, grammars or {})
    return Intake(catalog, folder, 1 << 20, symbols), catalog, folder


@pytest.mark.parametrize("batch_bytes", [1, 1 << 20])
def test_content_beyond_one_segment_goes_into_the_next(
    tmp_path: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch, batch_bytes: int
) -> None:
    monkeypatch.setattr(segment_writer, "TEXT_BYTES", 5000)
    monkeypatch.setattr(segment_writer, "_BATCH_BYTES", batch_bytes)
    intake, catalog, folder = _intake(tmp_path)
    oids = _oids(mirror)

    with closing(catalog):
        intake.take_all(mirror, oids, lambda _done, _bytes: None)
        rows = catalog.segments()

    back = []
    for row in rows:
        with closing(SegmentReader(folder / f"{row.segment_id}.seg")) as reader:
            assert reader.documents == row.documents
            back += [reader.oid(number) for number in range(reader.documents)]
    assert back == oids
    assert len(rows) > 3
    assert [row.segment_id for row in rows] == [w.segment_id for w in intake.segments]
    assert intake.indexed == len(oids)


def test_a_failure_leaves_the_segments_that_were_registered_and_no_other_file(
    tmp_path: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_writer, "TEXT_BYTES", 5000)
    monkeypatch.setattr(segment_writer, "_BATCH_BYTES", 1)
    intake, catalog, folder = _intake(tmp_path)
    tree = bytes.fromhex(git(mirror, "rev-parse", "main^{tree}"))

    with closing(catalog):
        with pytest.raises(FaultError, match="damaged"):
            intake.take_all(mirror, [*_oids(mirror), tree], lambda _done, _bytes: None)
        known = {f"{row.segment_id}.seg" for row in catalog.segments()}

    assert known
    left = {path.name for path in folder.iterdir()}
    assert known <= left
    assert not [name for name in left if name.endswith(".tmp")]


@pytest.mark.parametrize("few_bytes", [0, 1 << 20])
def test_symbols_of_content_in_several_segments_are_all_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few_bytes: int
) -> None:
    monkeypatch.setattr(segment_writer, "TEXT_BYTES", 5000)
    monkeypatch.setattr(parsing, "FEW_BYTES", few_bytes)
    checkout = Checkout(tmp_path / "work")
    checkout.commit({f"{n}.py": f"def f{n}(): pass\n#" + "x" * 900 for n in range(50)})
    mirror = checkout.mirror(tmp_path / "mirror.git")
    oids = _oids(mirror)
    intake, catalog, _ = _intake(tmp_path, "tree-sitter", dict.fromkeys(oids, "python"))
    with closing(catalog):
        intake.take_all(mirror, oids, lambda _done, _bytes: None)
        names = {row[0] for row in catalog.rows("SELECT name FROM symbol")}
        assert catalog_definitions.count_unparsed(catalog) == 0
    assert names == {f"f{n}" for n in range(50)}
    assert (intake.symbols.found, len(intake.segments) > 3) == (50, True)


def test_past_the_limit_every_blob_waits_or_has_its_symbols(
    tmp_path: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_writer, "TEXT_BYTES", 5000)
    oids = _oids(mirror)
    intake, catalog, folder = _intake(tmp_path)
    grammars = dict.fromkeys(oids, "python")
    intake.symbols = SymbolIntake(catalog, folder.parent, "tree-sitter", grammars, 10_000)
    with closing(catalog):
        intake.take_all(mirror, oids, lambda _done, _bytes: None)
        waiting = catalog_definitions.count_unparsed(catalog)
    assert waiting == len(oids)
