"""How often somebody was refused lately: who tries too often has to wait."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

from cidxd.errors import BusyError

WINDOW_S: Final = 60.0
_REMEMBERED: Final = 10_000


class Refusals:
    """Counts refusals by whom they were for, within a minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()

    def check(self, who: Hashable, most: int) -> None:
        """Raise BusyError once *who* was refused *most* times within a minute."""
        began, count = self._of(who)
        if count >= most:
            wait_s = max(1, round(began + WINDOW_S - self._clock()))
            raise BusyError(
                "too many deliveries were refused",
                code="webhook-busy",
                hint="check the secret",
                retry_after_s=wait_s,
            )

    def note(self, who: Hashable) -> None:
        """Count one more."""
        began, count = self._of(who)
        self._known[who] = (began, count + 1)
        self._known.move_to_end(who)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def _of(self, who: Hashable) -> tuple[float, int]:
        now = self._clock()
        began, count = self._known.get(who, (now, 0))
        return (began, count) if began <= now < began + WINDOW_S else (now, 0)
