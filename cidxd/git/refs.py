"""What git prints about refs, read; and which refs of a mirror have to go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

_HEADS: Final = "refs/heads/"
_LIKELY_DEFAULTS: Final = ("main", "master")


def remote_tips(printed: bytes) -> tuple[str | None, dict[str, str]]:
    """
    Return the default branch and the commit of every branch, as `argv.ls_remote` prints them.

    The default is None where HEAD names no branch that exists.  A remote that does not
    tell what HEAD stands for is taken to mean a branch with the same commit.  Branches
    whose names are not UTF-8 are left out.
    """
    named = head = ""
    branches: dict[str, str] = {}
    for line in printed.decode("utf-8", "surrogateescape").split("\n"):
        what, _, name = line.partition("\t")
        if what.startswith("ref: ") and name == "HEAD":
            named = what.removeprefix("ref: ").removeprefix(_HEADS)
        elif name == "HEAD":
            head = what
        elif name.startswith(_HEADS) and name.isprintable():
            branches[name.removeprefix(_HEADS)] = what
    default = named or _like_head(head, branches)
    return (default if default in branches else None), branches


def local_refs(printed: bytes) -> dict[str, str]:
    """Return the object id of each full ref name, as `argv.refs` prints them."""
    lines = printed.decode("utf-8", "surrogateescape").splitlines()
    return {name: oid for oid, _, name in (line.partition(" ") for line in lines)}


def commits(refs: Mapping[str, str], branches: Iterable[str]) -> dict[str, str]:
    """Return the commit of each of *branches* that is in *refs*."""
    named = ((branch, refs.get(_HEADS + branch)) for branch in branches)
    return {branch: commit for branch, commit in named if commit is not None}


def unwanted(refs: Iterable[str], branches: Iterable[str]) -> list[str]:
    """Return the full names of refs that are of none of *branches*, in order."""
    wanted = {_HEADS + branch for branch in branches}
    return sorted(set(refs) - wanted)


def in_the_way(refs: Iterable[str], branches: Iterable[str]) -> list[str]:
    """
    Return the full names of refs that leave no room for one of *branches*, in order.

    git keeps refs like files, so `a` and `a/b` cannot both be (git-update-ref(1)).
    """
    names = set(branches)
    wanted = {_HEADS + branch for branch in names}
    folders = {folder for name in wanted for folder in _folders(name)}
    others = unwanted(refs, names)
    return [name for name in others if name in folders or not wanted.isdisjoint(_folders(name))]


def _folders(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


def _like_head(head: str, branches: Mapping[str, str]) -> str | None:
    alike = [name for name, commit in branches.items() if head and commit == head]
    likely = [name for name in _LIKELY_DEFAULTS if name in alike]
    return next(iter([*likely, *alike]), None)
