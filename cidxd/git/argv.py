"""
Golden argument lists: the only place where a git command line is written.

Every function is pure and returns a list for `execve`; no shell ever sees it.
What comes from outside (a URL, a ref) stands behind `--` or is checked before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

_NOT_IN_REFS: Final = re.compile(r"[\x00-\x20\x7f:?*\[\\^~]")  # git-check-ref-format(1)
_HEX: Final = re.compile(r"[0-9a-f]{4,64}")

# A bare repository's own configuration can name programs; these settings win over it.
_INERT: Final = (
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "core.quotePath=false",
    "-c", "diff.external=",
    "-c", "safe.bareRepository=explicit",
    "-c", "gc.auto=0",
)  # fmt: skip


def _in(mirror: Path) -> list[str]:
    return ["git", f"--git-dir={mirror}", *_INERT]


def cat_file(mirror: Path) -> list[str]:
    r"""Print objects asked for on stdin, one hex id a line: `<id> <type> <size>\n<bytes>\n`."""
    return [*_in(mirror), "cat-file", "--batch", "--buffer"]


def ls_tree(mirror: Path, tree: str) -> list[str]:
    r"""Print every entry below *tree* (hex id): `<mode> <type> <id>\t<path>\0`, paths as bytes."""
    return [*_in(mirror), "ls-tree", "-r", "-z", "--full-tree", tree]


def diff_tree(mirror: Path, old: str, new: str) -> list[str]:
    r"""Print changes from tree *old* to *new*: `:<m> <m> <id> <id> <X>\0<path>\0`, no renames."""
    return [*_in(mirror), "diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", old, new]


def rev_parse(mirror: Path, name: str) -> list[str]:
    """Print the object id that *name* (such as `<commit>^{tree}`) stands for, or exit 128."""
    return [*_in(mirror), "rev-parse", "--verify", "--quiet", "--end-of-options", name]


def rev_list_count(mirror: Path, new: list[str], old: list[str]) -> list[str]:
    """Print how many commits are reachable from *new* and not from *old* (hex ids)."""
    return [*_in(mirror), "rev-list", "--count", *new, "--not", *old, "--"]


def init_mirror(mirror: Path) -> list[str]:
    """Make an empty bare repository, without hooks; no repository around us has a say in it."""
    return [*_in(mirror), "init", "--bare", "--quiet", "--template="]


def is_bare(mirror: Path) -> list[str]:
    """Print `true` for a sound bare repository, or exit 128."""
    return [*_in(mirror), "rev-parse", "--is-bare-repository"]


def ls_remote(remote: str) -> list[str]:
    r"""
    Print `ref: <target>\tHEAD` and `<id>\t<ref>` of the remote's HEAD and branches.

    The git folder that cannot be keeps a repository around the daemon's working folder out
    of it, whose settings could name programs and rewrite addresses.
    """
    nowhere = ["git", "--git-dir=/dev/null", *_INERT]
    return [*nowhere, "ls-remote", "--symref", "--", _remote(remote), "HEAD", "refs/heads/*"]


def fetch(mirror: Path, remote: str, branches: Sequence[str]) -> list[str]:
    """Bring *branches*, forced, and nothing else; progress on stderr."""
    specs = [f"+refs/heads/{_branch(name)}:refs/heads/{name}" for name in branches]
    return [*_in(mirror), *_fetch(), "--atomic", "--", _remote(remote), *specs]


def seed(mirror: Path, checkout: Path) -> list[str]:
    """Bring what a checkout on this machine has to refs/seed, so that less is to be fetched."""
    specs = ["+refs/heads/*:refs/seed/heads/*", "+refs/remotes/*:refs/seed/remotes/*"]
    return [*_in(mirror), *_fetch(), "--", _remote(str(checkout)), *specs]


def refs(mirror: Path) -> list[str]:
    """Print `<id> <ref>` of every ref."""
    return [*_in(mirror), "for-each-ref", "--format=%(objectname) %(refname)"]


def update_refs(mirror: Path) -> list[str]:
    """Carry out, all or nothing, what is on stdin; see `deletions`."""
    return [*_in(mirror), "update-ref", "--stdin", "-z"]


def deletions(names: Iterable[str]) -> bytes:
    """Return what `update_refs` reads to delete the refs of these full *names*."""
    return b"".join(b"delete %s\0\0" % name.encode("utf-8", "surrogateescape") for name in names)


def is_ancestor(mirror: Path, commit: str, tip: str) -> list[str]:
    """Exit 0 if *commit* can be reached from *tip* (hex ids), 1 if not, 128 if one is unknown."""
    return [*_in(mirror), "merge-base", "--is-ancestor", _hex(commit), _hex(tip)]


def repack(mirror: Path) -> list[str]:
    """Put the smaller packs together, so that each is twice as large as the next."""
    return [*_in(mirror), "repack", "--geometric=2", "-d", "-q", "-n"]


def _fetch() -> list[str]:
    return [
        # git tells how many bytes came only of what it keeps as a pack.
        "-c", "fetch.unpackLimit=1",
        "-c", "transfer.unpackLimit=1",
        "-c", "fetch.writeCommitGraph=false",
        "-c", "fetch.prune=false",
        "-c", "advice.fetchShowForcedUpdates=false",
        "fetch",
        "--progress",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-auto-maintenance",
        "--no-recurse-submodules",
        "--no-show-forced-updates",
        "--update-shallow",  # a branch of a shallow remote would be left out without a fault
    ]  # fmt: skip


def _remote(remote: str) -> str:
    if remote.startswith("-") or not remote:
        raise ValueError(f"not a remote: {remote!r}")
    return remote


def _branch(name: str) -> str:
    """Return *name* unless it could mean more than one ref of itself in a refspec."""
    if not name or _NOT_IN_REFS.search(name):
        raise ValueError(f"not a branch: {name!r}")
    return name


def _hex(commit: str) -> str:
    if not _HEX.fullmatch(commit):
        raise ValueError(f"not a commit id: {commit!r}")
    return commit
