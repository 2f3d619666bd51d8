"""What a build child is asked to build."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, NamedTuple

from cidxd.errors import FaultError
from cidxd.indexer import parsing
from cidxd.indexer.changeset import Wanted
from cidxd.indexer.conversation import expect
from cidxd.indexer.languages import ENGINES
from cidxd.indexer.schema import FORMAT

_HEX: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Request(NamedTuple):
    """What to build; see `protocol`."""

    job_id: str
    mirror: Path
    index_folder: Path
    branches: list[Wanted]
    full: bool
    max_file_bytes: int
    symbols: str
    symbol_bytes: int

    @property
    def settings(self) -> dict[str, Any]:
        """What the epoch must have been made with."""
        return {
            "format": FORMAT,
            "max_file_bytes": self.max_file_bytes,
            "symbols": self.symbols,
        }


def read_request(message: dict[str, Any]) -> Request:
    """
    Return the request that a message holds.

    Raises:
        FaultError: `child-protocol`.
    """
    expect(message, "build")
    try:
        branches = [
            Wanted(str(b["name"]), str(b["commit"]), bool(b["default"]))
            for b in message["branches"]
        ]
        request = Request(
            str(message["job_id"]),
            Path(message["mirror"]),
            Path(message["index"]),
            branches,
            bool(message["full"]),
            int(message["max_file_bytes"]),
            str(message.get("symbols", "tree-sitter")),
            int(message.get("symbol_bytes", parsing.AT_ONCE_BYTES)),
        )
    except (KeyError, OverflowError, TypeError, ValueError) as err:
        raise FaultError("child-protocol", f"the build request lacks {err}") from err
    if not branches:
        raise FaultError("child-protocol", "the build request names no branch")
    if request.symbols not in ENGINES:
        raise FaultError("child-protocol", f"no such engine of symbols: {request.symbols[:80]!r}")
    # These ids go to git as they are.
    if wrong := [b.commit for b in branches if not _HEX.fullmatch(b.commit)]:
        raise FaultError("child-protocol", f"not a commit id: {wrong[0][:80]!r}")
    return request
