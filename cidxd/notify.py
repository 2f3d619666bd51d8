"""What the service manager is told, by its datagram socket: see sd_notify(3)."""

from __future__ import annotations

import contextlib
import socket
from typing import Final

_PATIENCE_S: Final = 1.0  # a manager that takes no more is not waited for


class Manager:
    """
    The service manager that started this process, if one did.

    Args:
        address: NOTIFY_SOCKET's value: a path, or an abstract name after `@`; None for nobody.
    """

    def __init__(self, address: str | None) -> None:
        is_abstract = address is not None and address.startswith("@")
        self._address = f"\0{address[1:]}" if address and is_abstract else address

    def tell(self, *assignments: str) -> None:
        """Send lines such as `READY=1` in one message; nobody there to hear it is no fault."""
        if self._address is None:
            return
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out,
        ):
            out.settimeout(_PATIENCE_S)
            out.connect(self._address)
            out.send("\n".join(assignments).encode())
