"""What a search request asks for, checked and in our words.  Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from cidxd.errors import InvalidError
from cidxd.indexer import cursor
from cidxd.indexer.catalog_definitions import Name
from cidxd.indexer.globs import path_filter
from cidxd.indexer.languages import language_filter
from cidxd.indexer.literal import Literal
from cidxd.indexer.pattern import Pattern, refused
from cidxd.indexer.protocol import MAX_MATCHES
from cidxd.indexer.regex import Regex

_MODES: Final = ("literal", "regex", "symbol")
_CONTEXT: Final = 100  # lines around a match, at most


@dataclass(frozen=True, slots=True)
class Place:
    """A repository to search: its name, where its index lies, and the branch (None = default)."""

    name: str
    index: Path
    branch: str | None


class Show(StrEnum):
    """What an answer lists: matching lines, files, or files with the number of their lines."""

    LINES = "lines"
    FILES = "files"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Query:
    """
    One search.

    Attributes:
        places: The repositories, in the order of the answer; never empty.
        pattern: What to look for, or what to mark of a definition.
        name: Of the definitions to look for; None in a search for text.
        first: The name whose definitions come before other lines; None where there is none.
        show: What to list.
        admits: Whether a path is to be searched.
        limit: The most matches of one answer, 1 to `MAX_MATCHES`.
        context: How many lines around each match are wanted.
        cursor: Where an earlier answer ended.
        timeout_s: How long to match, in seconds.
        fingerprint: Of everything that decides which matches there are, and in which order.
    """

    places: Sequence[Place]
    pattern: Pattern
    name: Name | None
    first: Name | None
    show: Show
    admits: Callable[[bytes], bool]
    limit: int
    context: int
    cursor: str | None
    timeout_s: float
    fingerprint: str


def parse_query(request: Mapping[str, Any]) -> Query:
    """
    Return the query of a search request.

    Raises:
        InvalidError: Status 400 for its form; 422 `mode-unknown`, `pattern-invalid`,
            `path-invalid` or `lang-unknown` for a value in it.
    """
    mode = _mode(request)
    ignore_case = _one_of(request, "case", ("sensitive", "insensitive")) == "insensitive"
    word = _typed(request, "word", bool, default=False)
    show = Show(_one_of(request, "show", tuple(Show)))
    text = _text(request, "q")
    name = None
    if mode == "symbol":
        _check_name_options(show, word=word)
        name = _name(text, ignore_case=ignore_case)
    is_name = mode == "literal" and show is Show.LINES and text.isidentifier()
    globs, languages = _texts(request, "path"), _texts(request, "lang")
    places = _places(request)
    named = [f"{place.name}\t{place.branch or ''}" for place in places]
    return Query(
        places=places,
        pattern=_pattern(mode, text, ignore_case=ignore_case, word=word),
        name=name,
        first=Name(text, ignore_case=False) if is_name else None,
        show=show,
        admits=_admits(path_filter(globs), language_filter(languages)),
        limit=number_of(request, "limit", 50, MAX_MATCHES) or MAX_MATCHES,
        context=number_of(request, "context", 0, _CONTEXT),
        cursor=optional_text(request, "cursor"),
        timeout_s=number_of(request, "timeout_ms", 5000, 3_600_000) / 1000,
        fingerprint=cursor.fingerprint(
            [
                mode,
                show,
                text,
                str(ignore_case),
                str(word),
                "path",
                *globs,
                "lang",
                *languages,
                "in",
                *named,
            ]
        ),
    )


def parse_place(request: Mapping[str, Any]) -> Place:
    """
    Return the repository that a request or a part of one names.

    Raises:
        InvalidError: Status 400.
    """
    index = Path(_text(request, "index"))
    if not index.is_absolute() or "\0" in str(index):
        raise malformed("index is no absolute path", "/index")
    return Place(_text(request, "name", ""), index, optional_text(request, "branch"))


def malformed(what: str, pointer: str = "") -> InvalidError:
    """Return the error for a request that is not of the protocol's form."""
    return InvalidError(
        f"the search request is malformed: {what}",
        code="request-invalid",
        hint="client and daemon must be of one version",
        pointer=pointer,
        status=400,
    )


def path_of(request: Mapping[str, Any]) -> bytes:
    """Return the path that a file request names, as git has it."""
    try:
        return _text(request, "path").encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as err:
        raise malformed("path is not Unicode text", "/path") from err


def _mode(request: Mapping[str, Any]) -> str:
    mode = _text(request, "mode", _MODES[0])
    if mode not in _MODES:
        raise InvalidError(
            f"no such mode: {mode}",
            code="mode-unknown",
            hint=f"use one of: {', '.join(_MODES)}",
            pointer="/mode",
        )
    return mode


def _pattern(mode: str, text: str, *, ignore_case: bool, word: bool) -> Pattern:
    if mode != "regex":
        return Literal(text, ignore_case=ignore_case, whole_word=word)
    if word:
        hint = r"write \b on both sides of the expression"
        raise refused("only a literal can be asked for as a word", hint, "/word")
    return Regex(text, ignore_case=ignore_case)


def _check_name_options(show: Show, *, word: bool) -> None:
    if word:
        raise InvalidError(
            "whole words are for text, not for names",
            code="pattern-invalid",
            hint="leave out the word option: exact names come first",
            pointer="/word",
        )
    if show is not Show.LINES:
        raise InvalidError(
            "definitions are listed one by one",
            code="show-invalid",
            hint="use show lines with mode symbol",
            pointer="/show",
        )


def _name(text: str, *, ignore_case: bool) -> Name:
    try:
        text.encode()
    except UnicodeEncodeError as err:
        raise refused("no name is spelled like this", "remove the bytes that are no UTF-8") from err
    return Name(text, ignore_case)


def _admits(*filters: Callable[[bytes], bool] | None) -> Callable[[bytes], bool]:
    wanted = [one for one in filters if one is not None]
    if len(wanted) == 1:
        return wanted[0]
    return lambda path: all(one(path) for one in wanted)


def _places(request: Mapping[str, Any]) -> list[Place]:
    rows = _typed(request, "repositories", list, default=[])
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise malformed("repositories is not a list of objects, or empty", "/repositories")
    return [parse_place(row) for row in rows]


def _text(request: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value: str = _typed(request, name, str, default=default)
    return value


def optional_text(request: Mapping[str, Any], name: str) -> str | None:
    """Return a text of a request, None without one; raises as `parse_place`."""
    return None if request.get(name) is None else _text(request, name)


def _texts(request: Mapping[str, Any], name: str) -> list[str]:
    values: list[str] = _typed(request, name, list, default=[])
    if not all(isinstance(value, str) for value in values):
        raise malformed(f"{name} is not a list of strings", f"/{name}")
    return values


def _one_of(request: Mapping[str, Any], name: str, values: Sequence[str]) -> str:
    value = _text(request, name, values[0])
    if value not in values:
        raise malformed(f"{name} is none of {', '.join(values)}", f"/{name}")
    return value


def number_of(request: Mapping[str, Any], name: str, default: int, most: int) -> int:
    """Return a number of a request, 0 to *most*; raises as `parse_place`."""
    value: int = _typed(request, name, int, default=default)
    if isinstance(value, bool) or not 0 <= value <= most:
        raise malformed(f"{name} is not within 0 to {most}", f"/{name}")
    return value


def _typed(request: Mapping[str, Any], name: str, kind: type, *, default: Any) -> Any:  # noqa: ANN401 - JSON
    value = request.get(name, default)
    if not isinstance(value, kind):
        raise malformed(f"{name} is missing or no {kind.__name__}", f"/{name}")
    return value
