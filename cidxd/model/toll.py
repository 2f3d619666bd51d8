"""
Token buckets: how many requests somebody may still make, of whom there may be many.

A bucket holds up to *burst* tokens and gains *rate* a second; each request takes one.  A full
bucket is as good as none, so the oldest are forgotten when there are too many.
"""

from __future__ import annotations

import collections
import dataclasses
import math
from ipaddress import IPv6Address, ip_address
from typing import Final

MOST: Final = 10_000  # buckets; about 2 MB
_V6_PREFIX: Final = 64  # bits that one customer has: a host there has as many addresses as it likes


@dataclasses.dataclass(frozen=True, slots=True)
class Rate:
    """How many requests a second, and how many at once after a while without any."""

    per_second: float
    burst: int


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """
    What is said to one request.

    Attributes:
        remaining: Requests that would be let through at once.
        retry_after_s: Until the next one is, in whole seconds; None if this one was.
        reset_s: Until the bucket is full, in whole seconds.
    """

    rate: Rate
    remaining: int
    retry_after_s: int | None
    reset_s: int

    @property
    def is_passed(self) -> bool:
        """The request may be served."""
        return self.retry_after_s is None


class Toll:
    """
    The buckets of everybody, by whatever names them.

    Args:
        rate: Of each.
        most: So many are remembered.
    """

    def __init__(self, rate: Rate, most: int = MOST) -> None:
        self.rate = rate
        self._most = most
        self._buckets: collections.OrderedDict[str, tuple[float, float]] = collections.OrderedDict()

    def __len__(self) -> int:
        """Return how many are remembered."""
        return len(self._buckets)

    def charge(self, whom: str, now: float) -> Verdict:
        """Take a token of *whom*'s if there is one; *now* is in seconds and never goes back."""
        rate = self.rate
        tokens, at = self._buckets.pop(whom, (float(rate.burst), now))
        tokens = min(float(rate.burst), tokens + (now - at) * rate.per_second)
        is_passed = tokens >= 1.0
        if is_passed:
            tokens -= 1.0
        self._buckets[whom] = (tokens, now)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return Verdict(
            rate,
            int(tokens),
            None if is_passed else math.ceil((1.0 - tokens) / rate.per_second),
            math.ceil((rate.burst - tokens) / rate.per_second),
        )


def neighbourhood(address: str) -> str:
    """Return what one client has of addresses: an IPv4 address, or an IPv6 network."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if isinstance(known, IPv6Address):
        return str(IPv6Address(int(known) >> _V6_PREFIX << _V6_PREFIX))
    return address
