"""
Which hosts a server may be sent to: a pure policy on names and addresses.

Whoever may register a remote makes the daemon connect to it.  On a server only addresses of
the public internet are contacted, unless the operator opened a host or a network: else the
daemon would be a way into its own machine, its network, and its cloud's metadata service.
The policy looks nothing up; it judges what was looked up.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PORTS: Final = {"https": 443, "http": 80, "ssh": 22}
_PORTS_END: Final = 65_536
_SHOWN: Final = 300  # characters of an address in a message
# Each part between two of ?&; is looked through once: an address is as long as a request lets it.
_SECRET_PART: Final = re.compile(
    r"([?&;](?=[^=&?;]*(?:token|key|secret|password))[^=&?;]*=)[^&]*", re.IGNORECASE
)

# What curl, ssh and git read differently from each other (escapes, backslashes, two @) names
# no host here; nor is anything decoded, for git decodes an ssh address before it splits it.
_HOST: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]|\.(?=[A-Za-z0-9_])){0,252}"
_WEB: Final = re.compile(
    rf"(?P<scheme>https?)://(?:[A-Za-z0-9._~%+-]+@)?(?P<host>{_HOST}|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?P<port>\d{0,5}))?/.*\Z",
    re.IGNORECASE,
)
_USER: Final = r"(?:[A-Za-z0-9_][A-Za-z0-9._+-]*@)?"
_SSH: Final = re.compile(
    rf"(?P<scheme>ssh)://{_USER}(?P<host>{_HOST}|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{{0,5}}))?/.*\Z",
    re.IGNORECASE,
)
_SCP: Final = re.compile(rf"{_USER}(?P<host>{_HOST}):(?!:|//).*\Z")
_NUMBER: Final = re.compile(r"(?:.*\.)?(?:\d+|0[xX][0-9A-Fa-f]*)\Z")  # "ends in a number" (WHATWG)
_NAME: Final = re.compile(rf"(?:\*\.)?{_HOST}\Z")


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(map(ipaddress.ip_network, texts))


_LOOPBACK: Final = _networks("127.0.0.0/8", "::1/128")
# The special-purpose registries of IANA (RFC 6890), and metadata services elsewhere.
_KINDS: Final[tuple[tuple[str, tuple[Network, ...]], ...]] = (
    ("loopback", _LOOPBACK),
    ("unspecified", _networks("0.0.0.0/8", "::/128")),
    ("metadata", _networks("169.254.169.254/32", "168.63.129.16/32", "100.100.100.200/32",
                           "192.0.0.192/32", "fd00:ec2::254/128", "fd20:ce::254/128")),
    ("link-local", _networks("169.254.0.0/16", "fe80::/10")),
    ("private", _networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7",
                          "fec0::/10")),
    ("carrier-grade NAT", _networks("100.64.0.0/10")),
    ("multicast", _networks("224.0.0.0/4", "ff00::/8")),
    ("reserved", _networks("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
                           "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
                           "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")),
)  # fmt: skip
_GLOBAL_V6: Final = ipaddress.IPv6Network("2000::/3")  # nothing else is given out (RFC 4291)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052


class Place(NamedTuple):
    """Who answers at a remote; the host in lower case, an IPv6 address without its brackets."""

    scheme: str
    host: str
    port: int


@dataclasses.dataclass(frozen=True, slots=True)
class Policy:
    """
    What an operator opened beside the public internet.

    Attributes:
        names: Of hosts; `*.example.org` is every name below `example.org`.
        networks: Their addresses may be contacted under any name.
    """

    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    def opens(self, host: str) -> bool:
        """Return whether *host* may be contacted wherever its name leads."""
        parts = host.split(".")
        wild = {"*." + ".".join(parts[at:]) for at in range(1, len(parts))}
        return host in self.names or not self.names.isdisjoint(wild)

    def refusal(self, host: str, addresses: Iterable[str]) -> str | None:
        """
        Return the kind of the first of *addresses* that may not be contacted, None if all may.

        A name that leads to both kinds is refused as a whole: its owner chooses which is used.
        """
        if self.opens(host):
            return None
        found = (_carried(ipaddress.ip_address(text.partition("%")[0])) for text in addresses)
        closed = (one for one in found if not any(one in network for network in self.networks))
        return next((kind for one in closed if (kind := kind_of(one))), None)


def policy(entries: Iterable[str], *, is_loopback_open: bool = False) -> Policy:
    """
    Return what *entries* open: names, `*.` names, addresses and networks.

    Raises:
        ValueError: An entry is none of these.
    """
    names: set[str] = set()
    networks: list[Network] = list(_LOOPBACK) if is_loopback_open else []
    for entry in entries:
        if "/" in entry or ":" in entry or _NUMBER.match(entry):
            networks.append(_network(entry))
        elif _NAME.match(entry):
            names.add(entry.lower())
        else:
            raise ValueError(f"no host, *.domain or network: {entry!r}")
    return Policy(frozenset(names), tuple(networks))


def place_of(remote: str) -> Place | None:
    """
    Return who answers at *remote*, None for a path on this machine.

    Raises:
        ValueError: Its host cannot be told without doubt.
    """
    if remote.startswith("/"):
        return None
    found = _WEB.match(remote) or _SSH.match(remote)
    if found is None and "://" not in remote:
        found = _SCP.match(remote)
    parts = found.groupdict() if found else {}
    scheme = parts.get("scheme", "ssh").lower()
    host = parts.get("host", "").lower().strip("[]")
    port = int(parts.get("port") or _PORTS[scheme])
    if not host or not 0 < port < _PORTS_END:
        raise ValueError("its host cannot be told without doubt")
    if (":" in host or _NUMBER.match(host)) and literal(host) is None:
        raise ValueError("its host is a number, and no address as it is usually written")
    return Place(scheme, host, port)


def literal(host: str) -> Address | None:
    """Return the address that *host* is, None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def kind_of(address: Address) -> str | None:
    """Return what makes *address* none of the public internet, None if it is of it."""
    address = _carried(address)
    for kind, networks in _KINDS:
        if any(address in network for network in networks):
            return kind
    is_global = isinstance(address, ipaddress.IPv4Address) or address in _GLOBAL_V6
    return None if is_global else "reserved"


def shown(text: str) -> str:
    """Return an address for a message: without credentials, cut, nothing that moves a cursor."""
    clean = "".join(char if char.isprintable() else "�" for char in text)
    clean = re.sub(r"(?<=://)[^/]*@", "", clean)
    clean = _SECRET_PART.sub(r"\1…", clean)
    return clean if len(clean) <= _SHOWN else clean[: _SHOWN - 1] + "…"


def _network(entry: str) -> Network:
    try:
        return ipaddress.ip_network(entry)
    except ValueError as err:
        raise ValueError(f"no address or network: {entry!r}: {err}") from None


def _carried(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one carries to somebody who translates it."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
