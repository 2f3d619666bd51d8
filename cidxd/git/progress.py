"""
git's progress on stderr as reports of the fetch phase, told as one story that never goes back.

Each of git's counts is a step of its own, with its own total.
"""

from __future__ import annotations

import re
from typing import Final

from cidxd.model.report import RECEIVING, Phase, PhaseProgressed

_COUNT: Final = re.compile(
    r"(?:remote: )?(?P<title>[A-Z][A-Za-z ]+):\s+\d+% \((?P<done>\d+)/(?P<total>\d+)\)"
    r"(?:, (?P<amount>[\d.]+) (?P<scale>bytes|[KMGT]iB))?"
)
_TALLY: Final = re.compile(r"(?:remote: )?[A-Z][A-Za-z ]+: +\d+(?:, done\.)?\s*\Z")
_TOTAL: Final = re.compile(r"remote: Total (\d+) ")
_STEPS: Final = (
    "counting objects",
    "compressing objects",
    RECEIVING,
    "resolving deltas",
    "checking connectivity",
)
_RECEIVING: Final = _STEPS.index(RECEIVING)
_CHECKING: Final = _STEPS.index("checking connectivity")
_ALIASES: Final = {"unpacking objects": RECEIVING}  # how git calls it for few objects
_SCALES: Final = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


class FetchProgress:
    """
    Reads the records of one fetch.

    Attributes:
        objects_received: How many objects the remote sent so far.
        bytes_received: Their size on the wire, as exact as git tells it.
    """

    def __init__(self) -> None:
        self.objects_received = 0
        self.bytes_received = 0
        self._step = -1

    def read(self, record: str) -> PhaseProgressed | None:
        """Take one record, without its CR or LF; return what it adds to the story, if anything."""
        if total := _TOTAL.match(record):
            self.objects_received = max(self.objects_received, int(total[1]))
            return None
        match = _COUNT.match(record)
        step = _step(match["title"]) if match else -1
        if match is None or step < self._step or step < 0:
            return None
        self._step = step
        done, total_count = int(match["done"]), int(match["total"])
        if step != _RECEIVING:
            unit = _STEPS[step].rpartition(" ")[2] if step != _CHECKING else "objects"
            return PhaseProgressed(Phase.FETCH, done, total_count, unit, step=_STEPS[step])
        self.objects_received = max(self.objects_received, done)
        self.bytes_received = max(self.bytes_received, _size(match["amount"], match["scale"]))
        return PhaseProgressed(
            Phase.FETCH, done, total_count, "objects", self.bytes_received, _STEPS[step]
        )


def is_progress(record: str) -> bool:
    """Return whether *record* is a count of git's, and no word for people."""
    return bool(_COUNT.match(record) or _TALLY.match(record))


def _step(title: str) -> int:
    name = _ALIASES.get(title.lower(), title.lower())
    return _STEPS.index(name) if name in _STEPS else -1


def _size(amount: str | None, scale: str | None) -> int:
    return int(float(amount) * _SCALES[scale]) if amount and scale else 0
