"""
Where a connection waits until its TLS handshake is done: counted already, and not for long.

asyncio would do the handshake before anybody is told of the connection, so any number of
clients that never finish it could hold the daemon's descriptors.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Final, cast

from cidxd.web.connection import Connection

_GOODBYE_S: Final = 5.0  # for a client to say that it closes too


class Lobby(asyncio.Protocol):
    """One connection before its handshake; *connection* after it."""

    def __init__(self, connection: Connection, secured: ssl.SSLContext, seconds: float) -> None:
        self._connection = connection
        self._secured = secured
        self._seconds = seconds
        self._shaking: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake; a socket in the file system is a proxy's, and has none."""
        plain = cast("asyncio.Transport", transport)
        if isinstance(plain.get_extra_info("sockname"), str):
            plain.set_protocol(self._connection)
            self._connection.connection_made(plain)
        elif self._connection.admit(plain) is not None:
            plain.abort()  # no word of ours would be understood
        else:
            plain.pause_reading()
            self._shaking = asyncio.get_running_loop().create_task(self._shake(plain))

    async def _shake(self, plain: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        try:
            made = await loop.start_tls(
                plain,
                self._connection,
                self._secured,
                server_side=True,
                ssl_handshake_timeout=self._seconds,
                ssl_shutdown_timeout=_GOODBYE_S,
            )
        except OSError as err:  # no TLS, no trust, too slow, or gone
            self._connection.handshake_failed(err)
            plain.abort()
            return
        if made is None or made.is_closing():
            self._connection.connection_lost(None)
        else:
            self._connection.connection_made(made)
