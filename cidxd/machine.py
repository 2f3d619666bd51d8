"""What the machine refuses, disk and memory, as the fault that it is to a job."""

from __future__ import annotations

import errno
from typing import Final

from cidxd.errors import FaultError

_CODES: Final = {
    errno.ENOSPC: "disk-full",
    errno.EDQUOT: "disk-full",
    errno.EROFS: "disk-unwritable",
    errno.EACCES: "disk-unwritable",
    errno.EPERM: "disk-unwritable",
    errno.EIO: "disk-failed",
    errno.ENOMEM: "out-of-memory",
}


def fault_of(err: BaseException) -> FaultError | None:
    """Return the fault that *err* is, None if it says nothing about disk or memory."""
    match err:
        case MemoryError():
            return FaultError("out-of-memory", str(err))
        case OSError(errno=int(number)) if number in _CODES:
            return FaultError(_CODES[number], str(err))
        case _:
            return None
