"""What search and file views answer, as types.  OpenAPI is generated from these."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict


class MatchDocument(TypedDict):
    """One matching line; `column` is a 1-based byte, `ranges` count code points of `text`."""

    repository: str
    branch: str
    commit: str
    path: str
    line: int
    column: int
    text: str
    ranges: list[tuple[int, int]]
    path_base64: NotRequired[str]
    invalid_utf8: NotRequired[bool]
    context_before: NotRequired[list[str]]
    context_after: NotRequired[list[str]]


class SearchedDocument(TypedDict):
    """What an answer is the truth about."""

    repository: str
    branch: str
    commit: str
    committed_at: str | None
    symbols: str


class SearchDocument(TypedDict):
    """An answer; `complete` false says in `reason` what was not looked at."""

    matches: list[MatchDocument]
    next_cursor: str | None
    searched: list[SearchedDocument]
    complete: bool
    reason: str | None
    elapsed_ms: float


class FileDocument(TypedDict):
    """A file at an indexed commit: `text`, or `base64` when it is not UTF-8."""

    path: str
    commit: str
    size: int
    text: NotRequired[str]
    base64: NotRequired[str]
    truncated: NotRequired[bool]
