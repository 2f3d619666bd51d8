"""What a search child keeps to itself stays bounded, whatever it was asked."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

House = Any  # the fixture's class lives in conftest, which cannot be imported

MIB = 1 << 20
_LIBRARY = Path(os.__file__).parent
_PARTS = ("json", "email", "asyncio", "unittest")


def _ask_much(house: House, dice: random.Random) -> None:
    words = ("self", "import", "return", "def", "raise", "e", "in", "str")
    hurried = {"timeout_ms": 100, "limit": 10_000}
    many = "|".join(f"{dice.choice(words)}{dice.randrange(999)}" for _ in range(400))
    for asked in (
        {"q": dice.choice(words), "context": 20},
        {"q": many, "mode": "regex"},
        {"q": f"\\pL{{{dice.randrange(1, 300)}}}", "mode": "regex", "case": "insensitive"},
        {"q": dice.choice(words)[:2], "mode": "symbol"},
        {"q": "x" * dice.randrange(1, 10_000), "case": "insensitive"},
        {"q": "é" + "ß" * dice.randrange(1, 3000), "case": "insensitive"},
    ):
        status, body = house.ask(**hurried, **asked)
        assert status == 200, body


def _own_bytes(house: House) -> int:
    """Memory of its own; files it has mapped are not counted."""
    text = Path(f"/proc/{house.searcher.process.pid}/status").read_text()
    return int(text.partition("RssAnon:")[2].split()[0]) * 1024


def test_memory_of_a_search_child_stops_growing(house: House) -> None:
    house.checkout.commit(
        {
            str(path.relative_to(_LIBRARY)): path.read_bytes()
            for part in _PARTS
            for path in sorted((_LIBRARY / part).rglob("*.py"))
        }
    )
    house.sync()
    dice = random.Random(5)  # noqa: S311 - repeatable
    for _ in range(3):
        _ask_much(house, dice)
    settled = _own_bytes(house)
    for _ in range(8):
        _ask_much(house, dice)
    assert _own_bytes(house) < max(settled + 48 * MIB, 1.5 * settled)
    assert settled < 256 * MIB
