"""How long things take: several rounds, alternating, so that a slow moment hits everybody."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping

Work = Callable[[], object]


def seconds(work: Work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def alternating(works: Mapping[str, Work], rounds: int, *, warm: bool = True) -> dict[str, float]:
    """Return the median seconds of each work, all of them in turn in every round."""
    if warm:
        for work in works.values():
            work()
    took: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds):
        # Every other round backwards: nobody always runs after the same one.
        for name in list(works)[:: -1 if number % 2 else 1]:
            took[name].append(seconds(works[name]))
    return {name: median(values) for name, values in took.items()}
