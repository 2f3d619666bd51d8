"""What a running job remembers of its own pace: the steps of a phase, and what was guessed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from cidxd.model.report import RECEIVING


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """
    What a phase is at: `done` of `total` (0 while not known) and so many bytes, told at `at`.

    Its name may be empty: the phase has one step only.
    """

    name: str
    started_at: float
    at: float
    done: int = 0
    total: int = 0
    bytes: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Guess:
    """How many seconds were thought to be left when so many were gone."""

    gone_s: float
    left_s: float


def received_step(steps: Sequence[Step]) -> Step | None:
    """Return the step in which objects come, None before it."""
    return next((step for step in steps if step.name == RECEIVING), None)
