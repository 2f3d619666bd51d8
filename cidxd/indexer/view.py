"""What the daemon asks beside searches: what is indexed, and a file at an indexed commit."""

from __future__ import annotations

import base64
import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cidxd.errors import FaultError, InvalidError, NotFoundError
from cidxd.indexer import cursor
from cidxd.indexer.catalog import SYMLINK, Branch, Entry
from cidxd.indexer.catalog_definitions import definitions_of
from cidxd.indexer.epoch import current_epoch, is_marked_damaged
from cidxd.indexer.excerpt import named_path
from cidxd.indexer.query import (
    Place,
    malformed,
    number_of,
    optional_text,
    parse_place,
    path_of,
)
from cidxd.indexer.shelf import OpenIndex, Shelf
from cidxd.indexer.source import IndexFaultError, blamed, chosen_branch, taken

MAX_SKIPPED: Final = 10_000  # files in one answer
FILE_BYTES: Final = 4 << 20  # of a file that are answered
_COMMIT: Final = re.compile(r"[0-9a-f]{4,64}")
_NOTHING: Final[dict[str, Any]] = {
    "epoch": None, "damaged": False, "settings": {}, "generation": 0, "branches": []
}  # fmt: skip


def tips(shelf: Shelf, request: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return what is indexed; damage is an answer here, not an error.

    Raises:
        IndexFaultError: It cannot be read for another reason.
    """
    place = parse_place(request)
    epoch: Path | None = None
    try:
        epoch = current_epoch(place.index)
        if epoch is None:
            return _NOTHING
        if is_marked_damaged(epoch):
            return _NOTHING | {"epoch": epoch.name, "damaged": True}
        index = shelf.take(place.index)
        return _NOTHING if index is None else _told(index)
    except FaultError as err:
        shelf.drop(place.index)
        if err.code not in {"index-damaged", "index-outdated"}:
            raise IndexFaultError(place, epoch, err) from err
        return _NOTHING | {"epoch": epoch and epoch.name, "damaged": True}


def file(shelf: Shelf, request: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return a file: `path`, `commit`, `size`, `symbols`, and `text` or `base64` up to `FILE_BYTES`.

    Raises:
        NotFoundError: `not-indexed`, `branch-not-indexed`, `commit-not-indexed`, `file-not-found`.
        IndexFaultError: The index is damaged or cannot be read.
    """
    place = parse_place(request)
    path = path_of(request)
    index = taken(shelf, place)
    with blamed(place, index.epoch), index.catalog:
        branch = _branch(place, index.catalog.branches(), request.get("commit"))
        entry = index.catalog.entry_at(branch.branch_id, path)
        if entry is None:
            raise _missing(path, branch)
        content = _indexed(index, entry)
        symbols = [] if content is None else definitions_of(index.catalog, entry.blob_id)
    if content is None:
        content = _stored(request, branch, entry)
    return {
        **named_path(path),
        "commit": branch.commit,
        "size": len(content),
        "symbols": [
            {"name": one.name, "kind": one.kind, "scope": one.scope, "line": one.line}
            for one in symbols
        ],
        **_shown(content),
    }


def skipped(shelf: Shelf, request: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the `files` whose content is not searched, each with its `reason`, and `next_cursor`.

    Raises:
        NotFoundError: `not-indexed`, `branch-not-indexed`.
        InvalidError: `cursor-invalid`.
        IndexFaultError: The index is damaged or cannot be read.
    """
    place = parse_place(request)
    reason, limit = optional_text(request, "reason"), number_of(request, "limit", 1000, MAX_SKIPPED)
    given = optional_text(request, "cursor")
    after = cursor.decode_place(given) if given else None
    index = taken(shelf, place)
    with blamed(place, index.epoch), index.catalog:
        branch = chosen_branch(place, index.catalog.branches())
        every = index.catalog.skipped_in_order(branch.branch_id, after)
        found = (one for one in every if reason in {None, one[0].skip})
        files = list(itertools.islice(found, limit + 1))
    last = files[limit - 1][0] if len(files) > limit else None
    return {
        "commit": branch.commit,
        "branch": branch.name,
        "files": [
            {**named_path(entry.path), "reason": entry.skip, "size": size}
            for entry, size in files[:limit]
        ],
        "next_cursor": cursor.encode_place(last[:2]) if last is not None else None,
    }


def _told(index: OpenIndex) -> dict[str, Any]:
    with index.catalog as catalog:
        index.check_files(catalog.segments())
        return {
            "epoch": index.epoch.name,
            "damaged": False,
            "settings": catalog.settings(),
            "generation": catalog.generation(),
            "branches": [_branch_told(branch) for branch in catalog.branches()],
        }


def _branch_told(branch: Branch) -> dict[str, Any]:
    fields = ("name", "commit", "tree", "generation", "job_id", "committed_at", "files")
    told = {name: getattr(branch, name) for name in fields}
    return told | {"default": branch.is_default}


def _branch(place: Place, branches: list[Branch], commit: object) -> Branch:
    """Return the branch whose tip *commit* is (its beginning is enough); the named one first."""
    if commit is None:
        return chosen_branch(place, branches)
    if not isinstance(commit, str) or not _COMMIT.fullmatch(commit.lower()):
        raise InvalidError(
            "not a commit id", code="commit-invalid", hint="4 to 64 hex digits", pointer="/commit"
        )
    wanted = [b for b in branches if place.branch in {None, b.name}]
    found = [branch for branch in wanted if branch.commit.startswith(commit.lower())]
    if len({branch.commit for branch in found}) != 1:
        tips_known = ", ".join(f"{branch.name} {branch.commit[:12]}" for branch in branches)
        raise NotFoundError(
            f"no indexed tip, or more than one: {commit}",
            code="commit-not-indexed",
            hint=f"indexed are: {tips_known}",
        )
    return found[0]


def _indexed(index: OpenIndex, entry: Entry) -> bytes | None:
    if entry.segment_number is None or entry.document is None:
        return None
    for row in index.catalog.segments():
        if row.number == entry.segment_number:
            index.check_files([row])
            return index.segment(row).content(entry.document)
    raise FaultError("index-damaged", f"the catalogue has no segment {entry.segment_number}")


def _stored(request: Mapping[str, Any], branch: Branch, entry: Entry) -> bytes:
    """Return content that is not in the index, because it is binary, large or a symlink."""
    if entry.mode & 0o170000 not in {0o100000, SYMLINK}:
        raise _missing(entry.path, branch)
    mirror = request.get("mirror")
    if not isinstance(mirror, str):
        raise malformed("mirror is missing or no str", "/mirror")
    import pygit2  # noqa: PLC0415 - most search children never need it, and it costs 50 ms

    try:
        here = pygit2.Repository(mirror, pygit2.enums.RepositoryOpenFlag.NO_SEARCH)
        node: Any = here[branch.commit].peel(pygit2.Tree)
        for name in entry.path.split(b"/"):
            node = next(child for child in node if child.raw_name == name)
    except (KeyError, ValueError, StopIteration, TypeError, pygit2.GitError) as err:
        raise NotFoundError(
            f"the mirror does not have it any more: {entry.path.decode('utf-8', 'replace')}",
            code="file-not-found",
            hint="sync again",
        ) from err
    return bytes(node.data)


def _shown(content: bytes) -> dict[str, Any]:
    shown = content[:FILE_BYTES]
    cut = {"truncated": True} if len(content) > FILE_BYTES else {}
    try:
        return {"text": _whole_characters(shown).decode() if cut else shown.decode(), **cut}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(shown).decode("ascii"), **cut}


def _whole_characters(text: bytes) -> bytes:
    """Return *text* without the beginning of a character at its end."""
    lead = next((at for at in range(1, min(4, len(text)) + 1) if text[-at] & 0xC0 != 0x80), 0)  # noqa: PLR2004 - UTF-8
    needs = (0xC0, 0xE0, 0xF0)
    whole = lead == 0 or text[-lead] < 0x80 or sum(text[-lead] >= n for n in needs) + 1 <= lead  # noqa: PLR2004 - UTF-8
    return text if whole else text[:-lead]


def _missing(path: bytes, branch: Branch) -> NotFoundError:
    return NotFoundError(
        f"no such file at {branch.commit[:12]} of {branch.name}: {path.decode('utf-8', 'replace')}",
        code="file-not-found",
        hint="look for its name with cidx query --path",
    )
