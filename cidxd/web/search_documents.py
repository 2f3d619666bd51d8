"""What search and file views answer, as types.  OpenAPI is generated from these."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict


class SymbolDocument(TypedDict):
    """A definition: its name, what it is, and the definitions around it."""

    name: str
    kind: str
    scope: str | None


class FileSymbolDocument(SymbolDocument):
    """A definition within a file."""

    line: int


class MatchDocument(TypedDict):
    """
    One matching line; `column` is a 1-based byte, `ranges` count code points of `text`.

    With `show` files or count there is no line; count adds how many lines of the file match.
    """

    repository: str
    branch: str
    commit: str
    path: str
    line: NotRequired[int]
    column: NotRequired[int]
    text: NotRequired[str]
    ranges: NotRequired[list[tuple[int, int]]]
    count: NotRequired[int]
    symbol: NotRequired[SymbolDocument]
    truncated: NotRequired[bool]
    path_base64: NotRequired[str]
    invalid_utf8: NotRequired[bool]
    context_before: NotRequired[list[str]]
    context_after: NotRequired[list[str]]


class SearchedDocument(TypedDict):
    """What an answer is the truth about; `symbols` is complete, off, or how far they are."""

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
    symbols: list[FileSymbolDocument]
    text: NotRequired[str]
    base64: NotRequired[str]
    truncated: NotRequired[bool]


class SkippedFileDocument(TypedDict):
    """A file whose content is not searched, and why."""

    path: str
    reason: str
    size: int
    path_base64: NotRequired[str]


class SkippedDocument(TypedDict):
    """Such files by class and path, and where the list goes on."""

    commit: str
    branch: str
    files: list[SkippedFileDocument]
    next_cursor: str | None
