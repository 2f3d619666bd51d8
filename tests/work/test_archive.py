"""A backup file is whole, or it says so."""

from __future__ import annotations

import errno
import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cidxd.errors import CidxdError
from cidxd.work import archive
from cidxd.work.archive import Manifest

ABOUT = Manifest(version="1.0", schema_number=5, made_at="2026-11-25T19:00:00Z", files={})
LOG = "logs/ab/019.log"


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    (tmp_path / "database").write_bytes(b"rows" * 10_000)
    (tmp_path / "log").write_bytes(b"a line\n")
    target = tmp_path / "backup.tar"
    names = [("cidxd.db", "database"), (LOG, "log"), ("logs/ab/gone.log", "gone")]
    archive.pack(target, ((name, tmp_path / file) for name, file in names), ABOUT)
    return target


def unpacked(source: Path) -> Manifest:
    folder = source.parent / "unpacked"
    folder.mkdir()
    return archive.unpack(source, folder)


def test_what_is_packed_is_unpacked_and_closed_to_others(packed: Path) -> None:
    assert packed.stat().st_mode & 0o777 == 0o600
    manifest = unpacked(packed)
    assert sorted(manifest.files) == ["cidxd.db", LOG]
    assert (manifest.version, manifest.schema_number) == ("1.0", 5)
    log = packed.parent / "unpacked" / LOG
    assert log.read_bytes() == b"a line\n"
    assert log.stat().st_mode & 0o777 == 0o600


def with_a_changed_byte(data: bytes) -> bytes:
    place = data.index(b"rowsrows") + 5000
    return data[:place] + b"!" + data[place + 1 :]


def without_an_end(data: bytes) -> bytes:
    return data[: data.rindex(b"manifest.json")]


def with_something_more(data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(data)) as old, tarfile.open(fileobj=out, mode="w") as new:
        new.addfile(tarfile.TarInfo("../../etc/passwd"), io.BytesIO())
        for entry in old:
            new.addfile(entry, old.extractfile(entry))
    return out.getvalue()


def with_a_link(data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(data)) as old, tarfile.open(fileobj=out, mode="w") as new:
        link = tarfile.TarInfo("cidxd.db")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        new.addfile(link)
        for entry in old:
            new.addfile(entry, old.extractfile(entry))
    return out.getvalue()


def without_a_log(data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(data)) as old, tarfile.open(fileobj=out, mode="w") as new:
        for entry in old:
            if entry.name != LOG:
                new.addfile(entry, old.extractfile(entry))
    return out.getvalue()


@pytest.mark.parametrize(
    "harm",
    [
        with_a_changed_byte,
        without_an_end,
        with_something_more,
        with_a_link,
        without_a_log,
        lambda _: b"",
        lambda _: b"text\n" * 1000,
    ],
)
def test_a_file_that_is_not_as_it_was_written_is_refused(
    packed: Path, harm: Callable[[bytes], bytes]
) -> None:
    packed.write_bytes(harm(packed.read_bytes()))
    with pytest.raises(CidxdError) as caught:
        unpacked(packed)
    assert caught.value.code == "backup-damaged"


def test_a_compressed_file_that_was_cut_off_or_changed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "database").write_bytes(bytes(range(256)) * 1000)
    target = tmp_path / "backup.tar.gz"
    archive.pack(target, [("cidxd.db", tmp_path / "database")], ABOUT)
    whole = target.read_bytes()
    for number, harmed in enumerate(
        (whole[: len(whole) // 2], whole[:200] + b"!!!!" + whole[204:])
    ):
        target.write_bytes(harmed)
        folder = tmp_path / str(number)
        folder.mkdir()
        with pytest.raises(CidxdError) as caught:
            archive.unpack(target, folder)
        assert caught.value.code == "backup-damaged"


def test_a_backup_that_cannot_be_written_leaves_what_was_there(packed: Path) -> None:
    before = packed.read_bytes()

    def failing() -> Iterator[tuple[str, Path]]:
        yield "cidxd.db", packed.parent / "database"
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(CidxdError, match="No space left") as caught:
        archive.pack(packed, failing(), ABOUT)
    assert caught.value.code == "backup-failed"
    assert packed.read_bytes() == before
    assert sorted(path.name for path in packed.parent.iterdir()) == [
        "backup.tar",
        "database",
        "log",
    ]
