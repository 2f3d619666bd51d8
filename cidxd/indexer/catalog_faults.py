"""What SQLite raises as the fault that it is to a job."""

from __future__ import annotations

import sqlite3  # noqa: TID251 - its errors only
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cidxd.errors import FaultError

# By SQLite's result codes (sqlite.org/rescode.html).  What cannot be read is damage, which the
# next sync mends in another place; what cannot be written is the disk's.
_CODES: Final = {
    "FULL": "disk-full",
    # A reader too needs a file beside the catalogue: no room for it is no damage.
    "IOERR_SHMSIZE": "disk-full",
    "CANTOPEN": "index-failed",
    "READONLY": "disk-unwritable",
    "READONLY_DIRECTORY": "disk-unwritable",
    "IOERR_WRITE": "disk-failed",
    "IOERR_FSYNC": "disk-failed",
    "IOERR_DIR_FSYNC": "disk-failed",
    "IOERR_TRUNCATE": "disk-failed",
    "IOERR_NOMEM": "out-of-memory",
    "NOMEM": "out-of-memory",
    "BUSY": "index-failed",
    "LOCKED": "index-failed",
}


@contextmanager
def translated() -> Iterator[None]:
    """Turn what SQLite raises into the fault it means."""
    try:
        yield
    except sqlite3.OperationalError as err:
        raise _translate(err) from err
    except sqlite3.DatabaseError as err:
        raise FaultError("index-damaged", f"catalogue: {err}") from err


def _translate(err: sqlite3.OperationalError) -> FaultError:
    name = err.sqlite_errorname.removeprefix("SQLITE_")
    return FaultError(_CODES.get(name, "index-damaged"), f"catalogue: {err}")
