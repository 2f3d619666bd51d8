"""
What changed between two trees, and how a change counts.

Pure: it reads git's output as bytes and compares listings, and starts nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

SYMLINK: Final = 0o120000
SUBMODULE: Final = 0o160000
_KIND: Final = 0o170000
_REGULAR: Final = 0o100000

Leaf = tuple[int, bytes]  # mode and binary object id of a path
Tree = dict[bytes, Leaf]


class Change(NamedTuple):
    """One path that differs: None stands for not there."""

    path: bytes
    old: Leaf | None
    new: Leaf | None


class Tally(NamedTuple):
    """How many files and symlinks changed; disjoint: renamed is one deleted with one added."""

    added: int = 0
    modified: int = 0
    deleted: int = 0
    renamed: int = 0

    def plus(self, other: Tally) -> Tally:
        """Return both together."""
        return Tally(*(a + b for a, b in zip(self, other, strict=True)))


def is_regular(mode: int) -> bool:
    """Whether entries of this mode have content to index."""
    return mode & _KIND == _REGULAR


def unread_reason(mode: int) -> str | None:
    """Return why an entry of this mode has no content to index, or None if it has."""
    return {SYMLINK: "symlink", SUBMODULE: "submodule"}.get(mode & _KIND)


def is_counted(leaf: Leaf | None) -> bool:
    """Whether the path is a file or a symlink, and not a submodule or nothing."""
    return leaf is not None and leaf[0] & _KIND != SUBMODULE


def parse_listing(output: bytes) -> Tree:
    """
    Return the paths of `git ls-tree -r -z`.

    Raises:
        ValueError: That is no listing.
    """
    tree: Tree = {}
    for record in _records(output):
        head, path = record.split(b"\t", 1)
        mode, _, oid = head.split(b" ")
        tree[path] = (int(mode, 8), bytes.fromhex(oid.decode("ascii")))
    return tree


def parse_difference(output: bytes) -> list[Change]:
    """
    Return the changes of `git diff-tree -r -z --raw --no-renames`.

    Raises:
        ValueError: That is no difference.
    """
    fields = list(_records(output))
    changes = []
    for head, path in zip(fields[::2], fields[1::2], strict=True):
        if not head.startswith(b":"):
            raise ValueError(f"not a difference: {head[:80]!r}")
        old_mode, new_mode, old, new, _ = head[1:].split(b" ")
        changes.append(Change(path, _leaf(old_mode, old), _leaf(new_mode, new)))
    return changes


def compare(old: Mapping[bytes, Leaf], new: Mapping[bytes, Leaf]) -> list[Change]:
    """Return what differs between two listings, by path: the general rule."""
    gone = [Change(path, leaf, None) for path, leaf in old.items() if path not in new]
    here = [
        Change(path, old.get(path), leaf) for path, leaf in new.items() if old.get(path) != leaf
    ]
    return sorted(gone + here)


def tally(changes: Iterable[Change]) -> Tally:
    """Count changes; submodules do not count, so a path that becomes one counts as deleted."""
    added: Counter[bytes] = Counter()
    deleted: Counter[bytes] = Counter()
    modified = 0
    for change in changes:
        before = change.old if is_counted(change.old) else None
        after = change.new if is_counted(change.new) else None
        if before is None and after is not None:
            added[after[1]] += 1
        elif before is not None and after is None:
            deleted[before[1]] += 1
        elif before is not None:
            modified += 1
    renamed = (added & deleted).total()
    return Tally(added.total() - renamed, modified, deleted.total() - renamed, renamed)


def _records(output: bytes) -> Iterator[bytes]:
    if not output:
        return iter(())
    if not output.endswith(b"\0"):
        raise ValueError("git's output is cut short")
    return iter(output[:-1].split(b"\0"))


def _leaf(mode: bytes, oid: bytes) -> Leaf | None:
    number = int(mode, 8)
    return (number, bytes.fromhex(oid.decode("ascii"))) if number else None
