"""Requests byte by byte, for what no client would send."""

from __future__ import annotations

import asyncio
import re

from api_client import Api
from attacks import Attack


class Raw:
    """Sends requests byte by byte, on one connection each, and has the answers compared."""

    def __init__(self, api: Api) -> None:
        self.address = (str(api.client.host), int(api.client.port or 0))

    async def ask(
        self, attack: Attack, method: str = "GET", body: bytes = b""
    ) -> tuple[int, bytes, dict[str, str]]:
        """Return status, body and headers, but for request id, time and count."""
        reader, writer = await asyncio.open_connection(*self.address)
        head = f"{method} {attack.path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n".encode()
        lines = [name.encode() + b": " + value for name, value in attack.headers]
        length = b"Content-Length: %d\r\n" % len(body) if body else b""
        writer.write(head + length + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body)
        told = await reader.read()
        writer.close()
        first, _, text = told.partition(b"\r\n\r\n")
        status, *fields = first.decode("latin-1").split("\r\n")
        told_of_all = (field.split(": ", 1) for field in fields)
        headers = {
            name: value
            for name, value in told_of_all
            if name not in {"X-Request-Id", "Date"} and not name.startswith("RateLimit")
        }
        without_id = re.sub(rb'"request_id":"[0-9a-f]{16}"', b"", text)
        return int(status.split()[1]), without_id, headers
