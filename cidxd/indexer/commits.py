"""The commits that a sync brought, with their subjects, read from the mirror."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from cidxd.errors import NotFoundError
from cidxd.indexer.query import malformed, number_of, optional_text
from cidxd.indexer.shelf import Shelf

MOST: Final = 500  # commits in one answer
_COMMIT: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?\Z")
_SUBJECT: Final = 300  # characters


def commits(_shelf: Shelf, request: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return `commits` that `until` reaches and `since` does not, the newest first, and `more`.

    Each has `commit`, `subject`, `author` and `authored_at` (RFC 3339, UTC).  `since` null
    means from the first on, and one that the mirror does not have any more means the same.

    Raises:
        NotFoundError: `commit-not-found`: the mirror does not have `until`.
    """
    import pygit2  # noqa: PLC0415 - most search children never need it, and it costs 50 ms

    since, until = _id(request, "since"), _id(request, "until")
    limit = number_of(request, "limit", 50, MOST)
    try:
        mirror = pygit2.Repository(
            optional_text(request, "mirror") or "", pygit2.enums.RepositoryOpenFlag.NO_SEARCH
        )
        walk = mirror.walk(until, pygit2.enums.SortMode.TOPOLOGICAL | pygit2.enums.SortMode.TIME)
    except (KeyError, OSError, ValueError, pygit2.GitError) as err:
        raise NotFoundError(
            f"the mirror does not have this commit: {until}",
            code="commit-not-found",
            hint="it was rewritten on the remote since",
        ) from err
    if since is not None and since in mirror:
        walk.hide(since)
    found = list(itertools.islice(walk, limit + 1))
    return {"commits": [_told(commit) for commit in found[:limit]], "more": len(found) > limit}


def _id(request: Mapping[str, Any], name: str) -> str | None:
    value = request.get(name)
    if value is None and name == "since":
        return None
    if not isinstance(value, str) or not _COMMIT.match(value):
        raise malformed(f"{name} is no whole commit id", f"/{name}")
    return value


def _told(commit: Any) -> dict[str, Any]:  # noqa: ANN401 - pygit2 has no types
    text = commit.raw_message.decode("utf-8", "replace").lstrip()
    author = commit.author
    return {
        "commit": str(commit.id),
        "subject": text.partition("\n")[0][:_SUBJECT],
        "author": author.raw_name.decode("utf-8", "replace"),
        "authored_at": _moment(author.time).isoformat().replace("+00:00", "Z"),
    }


def _moment(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):  # forged: whoever makes a commit writes its date
        return datetime.fromtimestamp(0, UTC)
