"""
Where a request really comes from: what proxies say of it, believed of named ones only.

Everybody may send X-Forwarded-For.  It is read only if the peer is a trusted proxy, and from
the right: each trusted proxy vouches for the hop that it adds, so the first hop that is no
trusted proxy is the client, and what stands left of it is what the client claims.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

UNIX: Final = "unix"  # in place of a network: who connects through the socket in the file system

# A pair of RFC 7239: a token, of which no known one is long, and a token or a quoted string.
_PAIR: Final = re.compile(r'([!#$%&\'*+.^_`|~0-9A-Za-z-]{1,32})=("(?:[^"\\]|\\.)*"|[^\s;,"]*)')
_SCHEMES: Final = frozenset({"http", "https"})
# A host with or without port, as a browser sends it.
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


@dataclasses.dataclass(frozen=True, slots=True)
class Hop:
    """What one proxy says: who asked it (""), by which scheme and for which host (None: not)."""

    asked_by: str
    scheme: str | None = None
    host: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Arrival:
    """Who asks, and by which scheme and host; None where no trusted proxy says otherwise."""

    address: str
    scheme: str | None = None
    host: str | None = None


class Proxies:
    """The proxies that are believed: networks, or UNIX."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        named = list(trusted)
        self._is_unix_trusted = UNIX in named
        self._networks: list[IPv4Network | IPv6Network] = [
            ip_network(name, strict=False) for name in named if name != UNIX
        ]

    def trust(self, address: str) -> bool:
        """Whether *address* is a trusted proxy's; "" is a peer on a socket in the file system."""
        if not address:
            return self._is_unix_trusted
        if not self._networks:
            return False
        known = _address(address)
        return known is not None and any(known in network for network in self._networks)

    def arrival(self, peer: str, hops: Sequence[Hop]) -> Arrival:
        """
        Return who asks.

        Args:
            peer: Who is connected; "" on a socket in the file system.
            hops: What the proxies say, the nearest last.
        """
        if not hops or not self.trust(peer):
            return Arrival(plain(peer) or UNIX)
        address, nearest = plain(peer), hops[-1]
        for hop in reversed(hops):
            told = plain(hop.asked_by)
            if _address(told) is None:  # "unknown", or garbage: known is who passed it on
                break
            address = told
            if not self.trust(told):
                break
        return Arrival(address or UNIX, nearest.scheme, nearest.host)


def plain(address: str) -> str:
    """Return *address* without port, brackets, zone, or the form of an IPv4 one within IPv6."""
    text = address.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    known = _address(text)
    if isinstance(known, IPv6Address) and known.ipv4_mapped is not None:
        known = known.ipv4_mapped
    return text if known is None else str(known).partition("%")[0]


def x_forwarded(addresses: str, scheme: str, host: str) -> list[Hop]:
    """Return the hops of X-Forwarded-For, -Proto and -Host; the last of each is the nearest's."""
    asked = [part.strip() for part in addresses.split(",")] if addresses else []
    told = Hop("", _scheme(_last(scheme)), _host(_last(host)))
    if not asked:
        return [told] if scheme or host else []
    *further, nearest = asked
    return [*map(Hop, further), dataclasses.replace(told, asked_by=nearest)]


def forwarded(header: str) -> list[Hop]:
    """Return the hops of `Forwarded` (RFC 7239)."""
    return [_element(element) for element in _elements(header)] if header else []


def _element(text: str) -> Hop:
    said = {name.lower(): value.strip('"') for name, value in _PAIR.findall(text)}
    return Hop(said.get("for", ""), _scheme(said.get("proto", "")), _host(said.get("host", "")))


def _elements(header: str) -> Iterator[str]:
    """Yield what stands between commas that are in no quoted string."""
    start, is_quoted = 0, False
    for at, letter in enumerate(header):
        if letter == '"':
            is_quoted = not is_quoted
        elif letter == "," and not is_quoted:
            yield header[start:at]
            start = at + 1
    yield header[start:]


def _last(header: str) -> str:
    return header.rpartition(",")[2].strip()


def _scheme(text: str) -> str | None:
    return text.lower() if text.lower() in _SCHEMES else None


def _host(text: str) -> str | None:
    return text if _HOST.fullmatch(text) else None


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        known = ip_address(text)
    except ValueError:
        return None
    if isinstance(known, IPv6Address) and known.ipv4_mapped is not None:
        return known.ipv4_mapped
    return known
