from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from ledgers import Store, opened

from cidxd.model.queue import Limits


@pytest.fixture
def clock() -> Callable[[], float]:
    ticks = itertools.count(1_800_000_000)
    return lambda: float(next(ticks))


@pytest.fixture
async def store(tmp_path: Path, clock: Callable[[], float]) -> AsyncIterator[Store]:
    async with opened(tmp_path / "cidxd.db", clock, Limits()) as made:
        yield made
