"""
Who is at the other end of a request, past the proxies that the configuration trusts.

Whoever needs the client's address, the scheme that a browser used or the host that it asked
for, asks here: `request.remote`, `.scheme` and `.host` are those of a proxy.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from cidxd.model import forwarding
from cidxd.model.forwarding import Arrival, Hop, Proxies

PROXIES: Final = web.AppKey("proxies", Proxies)
USES_FORWARDED: Final = web.AppKey("uses_forwarded", bool)  # the header of RFC 7239 instead
_ARRIVAL: Final = web.RequestKey("arrival", Arrival)


def client_address(request: web.Request) -> str:
    """Return the client's IP address without port; `unix` through a socket in the file system."""
    return _arrival(request).address


def is_secure(request: web.Request) -> bool:
    """Whether the client speaks TLS, to us or to a trusted proxy."""
    # Not request.secure: a client that sends the whole address chooses what that says.
    return request.protocol.ssl_context is not None or _arrival(request).scheme == "https"


def host(request: web.Request) -> str:
    """Return the host, with its port if it has one, that the client asked for."""
    return _arrival(request).host or request.host


def _arrival(request: web.Request) -> Arrival:
    known = request.get(_ARRIVAL)
    if known is None:
        known = request[_ARRIVAL] = _found(request)
    return known


def _found(request: web.Request) -> Arrival:
    proxies, peer = request.config_dict.get(PROXIES), request.remote or ""
    if proxies is None or not proxies.trust(peer):
        return Arrival(forwarding.plain(peer) or forwarding.UNIX)
    return proxies.arrival(peer, _hops(request))


def _hops(request: web.Request) -> list[Hop]:
    """Read one family of headers only: a proxy lets a client's other family through."""
    if request.config_dict.get(USES_FORWARDED):
        return forwarding.forwarded(",".join(request.headers.getall("Forwarded", ())))
    addresses, scheme, asked = (
        ",".join(request.headers.getall(f"X-Forwarded-{name}", ()))
        for name in ("For", "Proto", "Host")
    )
    return forwarding.x_forwarded(addresses, scheme, asked)
