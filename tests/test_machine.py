from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from cidxd import machine
from cidxd.errors import FAULTS, FaultError
from cidxd.indexer.catalog_faults import translated
from cidxd.indexer.conversation import translate

CODES = {
    errno.ENOSPC: "disk-full",
    errno.EDQUOT: "disk-full",
    errno.EROFS: "disk-unwritable",
    errno.EACCES: "disk-unwritable",
    errno.EPERM: "disk-unwritable",
    errno.EIO: "disk-failed",
    errno.ENOMEM: "out-of-memory",
}


@pytest.mark.parametrize("number", CODES, ids=errno.errorcode.get)
def test_what_the_machine_refuses_is_a_fault_of_its_own(number: int) -> None:
    for fault in (machine.fault_of(_refused(number)), translate(_refused(number))):
        assert fault is not None
        assert fault.code == CODES[number]
        assert "/data/x" in fault.detail


def test_memory_that_ran_out_is_a_fault_of_its_own() -> None:
    assert translate(MemoryError()).code == "out-of-memory"


def test_what_says_nothing_of_disk_or_memory_is_a_failed_index() -> None:
    for err in (_refused(errno.ENOENT), ValueError("odd"), OSError("without a number")):
        assert machine.fault_of(err) is None
        assert translate(err).code == "index-failed"
    assert translate(FaultError("index-damaged")).code == "index-damaged"


SQLITE = [
    ("SQLITE_FULL", "disk-full"),
    ("SQLITE_READONLY", "disk-unwritable"),
    ("SQLITE_READONLY_DIRECTORY", "disk-unwritable"),
    ("SQLITE_IOERR_WRITE", "disk-failed"),
    ("SQLITE_IOERR_FSYNC", "disk-failed"),
    ("SQLITE_IOERR_SHORT_READ", "index-damaged"),
    ("SQLITE_IOERR_NOMEM", "out-of-memory"),
    ("SQLITE_NOMEM", "out-of-memory"),
    ("SQLITE_BUSY", "index-failed"),
    ("SQLITE_READONLY_RECOVERY", "index-damaged"),
    ("SQLITE_IOERR_READ", "index-damaged"),
    ("SQLITE_LOCKED", "index-failed"),
    ("SQLITE_ERROR", "index-damaged"),
]


@pytest.mark.parametrize(("name", "code"), SQLITE)
def test_what_sqlite_says_of_the_catalogue_is_a_fault_of_its_own(name: str, code: str) -> None:
    err = sqlite3.OperationalError("so")
    err.sqlite_errorname = name
    with pytest.raises(FaultError) as caught, translated():
        raise err
    assert (caught.value.code, caught.value.detail) == (code, "catalogue: so")
    assert code in FAULTS


def test_a_database_that_cannot_be_written_is_an_unwritable_disk(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "catalog.db").execute("CREATE TABLE t (x)")
    connection = sqlite3.connect(f"file:{tmp_path}/catalog.db?mode=ro", uri=True)
    with pytest.raises(FaultError) as caught, translated():
        connection.execute("INSERT INTO t VALUES (1)")
    connection.close()
    assert caught.value.code == "disk-unwritable"


def _refused(number: int) -> OSError:
    return OSError(number, os.strerror(number), "/data/x")
