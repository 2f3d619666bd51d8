"""
How many wrong passwords may be tried: by account and address, by address, and by account.

Each count is a bucket that fills up again over the window.  The first bucket to be empty is that
of account and address together, so who guesses locks out nobody but themselves.  The bucket of an
account as a whole, against guesses from many places, does not count for addresses from which that
account's owner logged in before.  A login that succeeds gives back what it took.

It does not matter whether the account exists: nothing here knows.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections import OrderedDict
from typing import Final

_MOST: Final = 10_000  # buckets of each kind, and known places; the longest unused are forgotten
_V6_PREFIX: Final = 64  # what one customer has at the least, so what one attacker has


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LoginLimits:
    """How many failures each window has room for."""

    per_account_and_address: int = 10
    per_address: int = 50
    per_account: int = 100
    window_s: float = 900.0


@dataclasses.dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class _Buckets:
    """So many tries for each key, and as many again over each window; in bounded memory."""

    def __init__(self, size: int, window_s: float) -> None:
        self._size = size
        self._window_s = window_s
        self._buckets: OrderedDict[tuple[str, ...], _Bucket] = OrderedDict()

    def wait_s(self, key: tuple[str, ...], now: float) -> float:
        """Return how long it takes until *key* has a try."""
        left = self._left(key, now)
        return 0.0 if left >= 1 else (1 - left) * self._window_s / self._size

    def take(self, key: tuple[str, ...], now: float) -> None:
        self._put(key, self._left(key, now) - 1, now)

    def give_back(self, key: tuple[str, ...], now: float) -> None:
        self._put(key, min(self._size, self._left(key, now) + 1), now)

    def _left(self, key: tuple[str, ...], now: float) -> float:
        bucket = self._buckets.get(key)
        if bucket is None:
            return self._size
        filled = max(0.0, now - bucket.at) * self._size / self._window_s
        return min(self._size, bucket.left + filled)

    def _put(self, key: tuple[str, ...], left: float, now: float) -> None:
        self._buckets[key] = _Bucket(left, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > _MOST:
            self._buckets.popitem(last=False)


class LoginCounts:
    """What was tried lately."""

    def __init__(self, limits: LoginLimits) -> None:
        window_s = limits.window_s
        self._pairs = _Buckets(limits.per_account_and_address, window_s)
        self._addresses = _Buckets(limits.per_address, window_s)
        self._accounts = _Buckets(limits.per_account, window_s)
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def attempt(self, account: str, address: str, *, now: float) -> float:
        """Count a try that is about to be made and return 0, or how many seconds to wait first."""
        tried = self._tried(account, address)
        wait_s = max(buckets.wait_s(key, now) for buckets, key in tried)
        if not wait_s:
            for buckets, key in tried:
                buckets.take(key, now)
        return wait_s

    def succeeded(self, account: str, address: str, *, now: float) -> None:
        """Give back what the try took, and know the place from now on."""
        for buckets, key in self._tried(account, address):
            buckets.give_back(key, now)
        place = (account, network_of(address))
        self._known[place] = None
        self._known.move_to_end(place)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)

    def _tried(self, account: str, address: str) -> list[tuple[_Buckets, tuple[str, ...]]]:
        network = network_of(address)
        tried = [(self._pairs, (account, network)), (self._addresses, (network,))]
        if (account, network) in self._known:
            return tried
        return [*tried, (self._accounts, (account,))]


def network_of(address: str) -> str:
    """Return what counts as one place: an IPv4 address, or an IPv6 network of 64 bits."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:  # noqa: PLR2004 - of IP
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _V6_PREFIX), strict=False))
