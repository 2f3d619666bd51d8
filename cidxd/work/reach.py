"""What a mirror reaches: a question to git that no job is needed for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cidxd.git import argv
from cidxd.work import proc

_HEX: Final = re.compile(r"[0-9a-f]{4,64}")


async def reachable_from(
    mirror: Path, commit: str, tips: list[str], *, env: Mapping[str, str], stall_s: float
) -> str | None:
    """
    Return the first of *tips* from which *commit* can be reached, None if there is none.

    Args:
        mirror: A bare repository; one that is not there reaches nothing.
        commit: Hexadecimal, four digits or more; unknown and ambiguous ones reach nothing.
        tips: Full hexadecimal ids.
        env: Of git.
        stall_s: Silent for so long, git is ended.
    """
    abbreviated = commit.lower()
    if not _HEX.fullmatch(abbreviated):
        return None
    asked = argv.rev_parse(mirror, f"{abbreviated}^{{commit}}")
    found = await proc.run(asked, env=env, stall_s=stall_s, capture=True)
    whole = found.stdout.decode("ascii", "replace").strip()
    # A branch may be called like an abbreviated id, and would win.
    if found.code or not whole.startswith(abbreviated):
        return None
    for tip in tips:
        answer = await proc.run(argv.is_ancestor(mirror, whole, tip), env=env, stall_s=stall_s)
        if answer.code == 0:
            return tip
    return None
