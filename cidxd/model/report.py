"""
What a running phase reports, whoever runs it: git's progress and the build child's lines alike.

It knows no job and no percentage; `model.estimate` makes those of it.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from typing import Final


class Phase(enum.StrEnum):
    """The phases of one sync, in the order they run."""

    FETCH = "fetch"
    DIFF = "diff"
    INDEX = "index"
    VALIDATE = "validate"
    PUBLISH = "publish"


ORDER: Final = tuple(Phase)
RECEIVING: Final = "receiving objects"  # the step of a fetch in which most of it comes


@dataclasses.dataclass(frozen=True, slots=True)
class Usage:
    """What children used: CPU in seconds, the rest in bytes; the peak is of the largest child."""

    cpu_seconds: float = 0.0
    peak_rss_bytes: int = 0
    read_bytes: int = 0
    written_bytes: int = 0

    def __add__(self, other: Usage) -> Usage:
        """Return both together: sums, but the larger peak."""
        return Usage(
            self.cpu_seconds + other.cpu_seconds,
            max(self.peak_rss_bytes, other.peak_rss_bytes),
            self.read_bytes + other.read_bytes,
            self.written_bytes + other.written_bytes,
        )


@dataclasses.dataclass(frozen=True, slots=True)
class PhaseStarted:
    """A phase begins; the one before it has ended."""

    phase: Phase


@dataclasses.dataclass(frozen=True, slots=True)
class PhaseProgressed:
    """
    How far the running phase is.

    Attributes:
        phase: Which phase.
        done: How many of *total*, in *unit*.
        total: 0 while it is not known.
        unit: Plural noun, such as "objects" or "files".
        bytes: Bytes handled so far, 0 where that means nothing.
        step: What the phase is at, such as "receiving objects"; may be empty.
    """

    phase: Phase
    done: int
    total: int
    unit: str
    bytes: int = 0
    step: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class PhaseEnded:
    """A phase ended well, with its counters and what its children used."""

    phase: Phase
    counters: Mapping[str, int]
    usage: Usage


@dataclasses.dataclass(frozen=True, slots=True)
class TimePassed:
    """Nothing new is known, but so much time passed that the percentage moved."""


Report = PhaseStarted | PhaseProgressed | PhaseEnded | TimePassed
