"""What a repository's index answers with, as a search child tells it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import orjson

from cidxd.errors import FAULTS, FaultError


@dataclasses.dataclass(frozen=True, slots=True)
class Tips:
    """What a repository's index answers with: commit and job of each branch, and how many files."""

    commits: Mapping[str, str]
    job_ids: frozenset[str]
    files: int
    is_damaged: bool


def read(status: int, body: bytes, wanted: Mapping[str, Any]) -> Tips:
    """
    Return the tips of a search child's answer; *wanted* are the settings of a sound index.

    Raises:
        FaultError: The child says why there are none, or says what are none.
    """
    try:
        return _read(status, orjson.loads(body), wanted)
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        raise FaultError("index-failed", f"the search child's tips: {err}"[:500]) from err


def _read(status: int, answer: Mapping[str, Any], wanted: Mapping[str, Any]) -> Tips:
    if status != 200:  # noqa: PLR2004 - an HTTP status
        if answer.get("code") in FAULTS:
            raise FaultError(answer["code"], answer["detail"])
        return Tips({}, frozenset(), 0, is_damaged=True)
    branches = answer["branches"]
    settings = answer.get("settings") or {}
    differs = any(settings.get(name, value) != value for name, value in wanted.items())
    return Tips(
        commits={branch["name"]: branch["commit"] for branch in branches},
        job_ids=frozenset(branch["job_id"] for branch in branches),
        files=sum(branch["files"] for branch in branches),
        is_damaged=answer["damaged"] or differs,
    )
