"""Who a request is written down for in the audit log: a user, or one of this machine's."""

from __future__ import annotations

import contextlib
import pwd
import socket
import struct
from typing import Final

from aiohttp import web

from cidxd.model.account import Principal
from cidxd.model.audit import NOBODY, By
from cidxd.web.client_address import client_address

_CREDENTIALS: Final = struct.Struct("3i")  # process, user, group: see SO_PEERCRED in unix(7)


def by(request: web.Request, who: Principal | None, request_id: str) -> By:
    """Return on whose behalf *request* asks; *who* is None for one who has not said it."""
    address = client_address(request)
    if who is None:
        return By(_operator(request) or NOBODY, address, request_id)
    return By(who.name, address, request_id, who.came_with)


def _operator(request: web.Request) -> str:
    """Return which user of this machine is at the other end of a socket in the file system."""
    end = None if request.transport is None else request.transport.get_extra_info("socket")
    if end is None or end.family != socket.AF_UNIX:
        return ""
    told = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(told)
    name = str(uid)
    with contextlib.suppress(KeyError):  # of a user that this machine does not know
        name = pwd.getpwuid(uid).pw_name
    return f"operator:{name}"
