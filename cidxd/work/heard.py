"""
What a build child says, taken for what it is: words of another process.

A child reads whatever a remote holds, so what it says may be wrong in any way.  What is not of
the form that `indexer.protocol` tells is no report; a figure that no count can have is none either.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cidxd.model.report import Phase, PhaseEnded, PhaseProgressed, Usage

_MOST: Final = 1 << 53  # of any count: as far as JSON's numbers are whole everywhere
_NAMES: Final = 64  # counters of a phase, or of a summary
_WORD: Final = 100  # characters
_TEXT: Final = 1000  # likewise, of a branch


def progressed(phase: Phase, message: Mapping[str, Any]) -> PhaseProgressed:
    """Return the progress that *message* tells; raises ValueError, TypeError or KeyError."""
    return PhaseProgressed(
        phase=phase,
        done=_count(message["done"]),
        total=_count(message["total"]),
        unit=_text(message["unit"], _WORD),
        bytes=_count(message.get("bytes", 0)),
    )


def ended(phase: Phase, message: Mapping[str, Any]) -> PhaseEnded:
    """Return the end of *phase* that *message* tells; raises as `progressed`."""
    usage = message["usage"]
    seconds = usage["cpu_seconds"]
    if type(seconds) not in {int, float} or not math.isfinite(seconds) or not 0 <= seconds <= _MOST:
        raise ValueError("no seconds")
    return PhaseEnded(
        phase,
        counts(message["counters"]),
        Usage(
            float(seconds),
            _count(usage["peak_rss_bytes"]),
            _count(usage["read_bytes"]),
            _count(usage["written_bytes"]),
        ),
    )


def summary(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a build sums up: counts, counts by reason, words; raises as `progressed`."""
    return {_text(name, _WORD): _fact(part) for name, part in _mapping(found).items()}


def _fact(part: Any) -> dict[str, int] | str | int:  # noqa: ANN401 - JSON
    if isinstance(part, dict):
        return counts(part)
    return _text(part, _TEXT) if isinstance(part, str) else _count(part)


def commits(found: Sequence[Any]) -> list[dict[str, Any]]:
    """Return where each branch went; raises as `progressed`."""
    if not isinstance(found, list):
        raise TypeError("no list of commits")
    return [
        {
            "branch": _text(move["branch"], _TEXT),
            "before": None if move["before"] is None else _text(move["before"], _WORD),
            "indexed": _text(move["indexed"], _WORD),
            "committed_at": _text(move.get("committed_at") or "", _WORD) or None,
        }
        for move in found
    ]


def counts(found: Any) -> dict[str, int]:  # noqa: ANN401 - JSON
    """Return counts by their names; raises ValueError or TypeError."""
    return {_text(name, _WORD): _count(count) for name, count in _mapping(found).items()}


def _count(value: Any) -> int:  # noqa: ANN401 - JSON
    if type(value) is not int or not 0 <= value <= _MOST:
        raise ValueError("no count")
    return value


def _text(value: Any, longest: int) -> str:  # noqa: ANN401 - JSON
    if not isinstance(value, str) or len(value) > longest:
        raise ValueError("no text")
    value.encode()  # half a surrogate pair is no character, and cannot be stored
    return value


def _mapping(found: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    if not isinstance(found, dict) or len(found) > _NAMES:
        raise TypeError("no object of a fair size")
    return found
