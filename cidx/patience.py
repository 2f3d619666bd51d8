"""How long to wait: for a job as a whole, and between two tries."""

from __future__ import annotations

import time

_FIRST_DELAY_S = 0.2
_LONGEST_DELAY_S = 5.0


class Deadline:
    """When a wait ends, on the monotonic clock; without *timeout_s* never."""

    def __init__(self, timeout_s: float | None) -> None:
        self.timeout_s = timeout_s
        self._at = None if timeout_s is None else time.monotonic() + timeout_s

    def left(self, at_most_s: float) -> float:
        """Return the seconds that are left, at most *at_most_s*; never negative."""
        if self._at is None:
            return at_most_s
        return max(0.0, min(at_most_s, self._at - time.monotonic()))

    def has_passed(self) -> bool:
        """Tell whether the wait is over."""
        return self._at is not None and time.monotonic() >= self._at


def delay_s(failures: int) -> float:
    """Return how long to wait after so many failures in a row, in seconds."""
    return float(min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2 ** min(failures - 1, 10)))
