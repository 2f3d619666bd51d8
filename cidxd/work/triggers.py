"""What starts and ends repositories' work beside people: schedules, removals, webhooks' secrets."""

from __future__ import annotations

import dataclasses
from collections.abc import Coroutine
from typing import Any

from cidxd.model.job import Event
from cidxd.work.poller import Poller
from cidxd.work.removals import Removals


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Triggers:
    """
    All of them.

    Attributes:
        public_url: Where the daemon is reached from outside, None for where it was asked.
        max_body_bytes: Of what a webhook sends.
    """

    poller: Poller
    removals: Removals
    public_url: str | None
    max_body_bytes: int

    def notice(self, events: list[Event]) -> None:
        """Tell them of what was committed."""
        self.poller.notice(events)
        self.removals.notice(events)

    def chores(self) -> dict[str, Coroutine[Any, Any, None]]:
        """Return what goes on for as long as the daemon serves, by name."""
        return {"poller": self.poller.run(), "removals": self.removals.run()}
