"""Whence a login comes: what its owner recognizes it by."""

from __future__ import annotations

import dataclasses
from typing import Final

from aiohttp import web

from cidxd.web.client_address import client_address

_LONGEST: Final = 200  # characters of what a program calls itself


@dataclasses.dataclass(frozen=True, slots=True)
class Whence:
    """The client's address, and what it calls itself."""

    address: str
    agent: str


def whence(request: web.Request) -> Whence:
    """Return whence *request* comes."""
    agent = request.headers.get("User-Agent", "").encode("ascii", "replace").decode()
    printable = "".join(letter for letter in agent if letter.isprintable())
    return Whence(client_address(request), printable[:_LONGEST])
