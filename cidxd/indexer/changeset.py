"""
The diff phase: what has to change in the catalogue so that it says what the new tips say.

It reads the mirror and the catalogue, and writes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cidxd.errors import FaultError
from cidxd.indexer import change, git_pipe
from cidxd.indexer.catalog import Branch
from cidxd.indexer.catalog_writer import CatalogWriter
from cidxd.indexer.change import Change, Tally, Tree
from cidxd.indexer.languages import grammar_of
from cidxd.indexer.target import Target


class Wanted(NamedTuple):
    """A branch of the request."""

    name: str
    commit: str
    is_default: bool


class Tip(NamedTuple):
    """What a commit object says that the index needs."""

    tree: str
    committed_at: str


class BranchPlan(NamedTuple):
    """
    What one branch needs.

    Attributes:
        wanted: The branch as asked for.
        tip: Its new commit.
        before: The commit indexed so far, or None.
        changes: What to write into the target's entries of this branch.
        tally: How that counts against what was indexed so far.
        entries: How many entries it has afterwards, submodules included.
        files: How many of them are files and symlinks.
        base: The branch of the same plan whose new entries it begins with; None = with its own.
    """

    wanted: Wanted
    tip: Tip
    before: str | None
    changes: list[Change]
    tally: Tally
    entries: int
    files: int
    base: str | None = None


class Plan(NamedTuple):
    """
    What the whole build has to do.

    Attributes:
        branches: One plan for each branch asked for, in that order.
        new_blobs: Blobs to read, by the first path they appear at.
        unread: Objects to register without reading, by reason.
        reused: How many distinct blobs of changed entries the catalogue has already.
        old_commits: Commits indexed so far that the mirror still has.
        grammars: What the new blobs are parsed as, of those that have such a path.
    """

    branches: list[BranchPlan]
    new_blobs: list[bytes]
    unread: dict[str, list[bytes]]
    reused: int
    old_commits: list[str]
    grammars: dict[bytes, str]

    @property
    def tally(self) -> Tally:
        """All branches' changes together."""
        total = Tally()
        for branch in self.branches:
            total = total.plus(branch.tally)
        return total


def make_plan(mirror: Path, target: Target, wanted: Sequence[Wanted]) -> Plan:
    """
    Compare the new tips with the catalogue.

    Raises:
        FaultError: `git-failed`, `mirror-damaged`, or `index-damaged`.
    """
    known = (target.previous or target.catalog).branches()
    before = {branch.name: branch for branch in known}
    asked = [*(b.commit for b in known), *(b.tree for b in known)]
    found = {o.name: o for o in git_pipe.objects(mirror, [*asked, *(w.commit for w in wanted)])}
    present = {name for name, o in found.items() if o.kind != "missing"}
    trees = _Trees(mirror, present)
    branches: list[BranchPlan] = []
    for branch in wanted:
        tip, known_as = read_tip(found[branch.commit]), before.get(branch.name)
        if known_as is None and branches:
            branches.append(_plan_beside(branch, tip, branches[0], trees))
        else:
            branches.append(_plan_branch(branch, tip, known_as, target, trees))
    new, unread, reused = _sort_out(branches, target.catalog)
    grammars = _grammars(branches, set(new))
    old = [branch.commit for branch in known if branch.commit in present]
    return Plan(branches, new, unread, reused, old, grammars)


def read_tip(found: git_pipe.Object) -> Tip:
    """
    Return the tree and the committer's date of a commit object.

    Raises:
        FaultError: `mirror-damaged`: it is missing, or no commit.
    """
    if found.kind != "commit" or found.content is None:
        raise FaultError("mirror-damaged", f"the tip is no commit but {found.kind}: {found.name}")
    fields: dict[bytes, bytes] = {}
    for line in found.content.split(b"\n\n", 1)[0].split(b"\n"):
        name, _, value = line.partition(b" ")
        fields.setdefault(name, value)
    seconds = fields[b"committer"].rsplit(b" ", 2)[1]
    return Tip(fields[b"tree"].decode("ascii"), _instant(int(seconds)))


def _instant(seconds: int) -> str:
    try:
        at = dt.datetime.fromtimestamp(seconds, dt.UTC)
    except (OverflowError, ValueError, OSError):
        at = dt.datetime.fromtimestamp(0, dt.UTC)  # a forged date is no reason not to index
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


class _Trees:
    """Listings and differences, each asked for once; branches often share a tree."""

    def __init__(self, mirror: Path, present: set[str]) -> None:
        self._mirror = mirror
        self._present = present
        self._listings: dict[str, Tree] = {}

    def listing(self, tree: str) -> Tree:
        if tree not in self._listings:
            self._listings[tree] = git_pipe.listing(self._mirror, tree)
        return self._listings[tree]

    def difference(self, old: str, new: str) -> list[Change]:
        """Return what differs between two trees that are surely there."""
        return [] if old == new else git_pipe.difference(self._mirror, old, new)

    def shortcut(self, old: str, new: str) -> list[Change] | None:
        """Return what git says differs, or None if the old tree is not there any more."""
        if old not in self._present:
            return None
        try:
            return git_pipe.difference(self._mirror, old, new)
        except FaultError:
            # After a force-push and gc a tree can be there without what it names; the
            # general rule needs the new tree only, and fails the job if that is broken.
            return None


def _plan_branch(
    wanted: Wanted, tip: Tip, before: Branch | None, target: Target, trees: _Trees
) -> BranchPlan:
    if target.is_new:
        listing = trees.listing(tip.tree)
        changes = change.compare({}, listing)
        tally = change.tally(changes)
        if before is not None and target.previous is not None:
            old = target.previous.leaves(before.branch_id)
            tally = change.tally(change.compare(old, listing))
        commit = before.commit if before is not None else None
        return BranchPlan(wanted, tip, commit, changes, tally, len(listing), _files(listing))
    if before is None:
        listing = trees.listing(tip.tree)
        changes = change.compare({}, listing)
        tally = change.tally(changes)
        return BranchPlan(wanted, tip, None, changes, tally, len(listing), _files(listing))
    return _plan_known(wanted, tip, before, target.catalog, trees)


def _plan_beside(wanted: Wanted, tip: Tip, base: BranchPlan, trees: _Trees) -> BranchPlan:
    """Plan a new branch by what differs from another one's new tip, which costs only that."""
    changes = trees.difference(base.tip.tree, tip.tree)
    entries = base.entries + sum((c.old is None) - (c.new is None) for c in changes)
    files = base.files + sum(change.is_counted(c.new) - change.is_counted(c.old) for c in changes)
    tally = Tally(added=files)
    return BranchPlan(wanted, tip, None, changes, tally, entries, files, base.wanted.name)


def _plan_known(
    wanted: Wanted, tip: Tip, before: Branch, catalog: CatalogWriter, trees: _Trees
) -> BranchPlan:
    changes: list[Change] | None = []
    if before.tree != tip.tree:
        changes = trees.shortcut(before.tree, tip.tree)
    if changes is None:
        listing = trees.listing(tip.tree)
        changes = change.compare(catalog.leaves(before.branch_id), listing)
        entries, tally = len(listing), change.tally(changes)
    else:
        more = sum((c.old is None) - (c.new is None) for c in changes)
        entries, tally = catalog.count_entries(before.branch_id) + more, change.tally(changes)
    files = before.files + tally.added - tally.deleted
    return BranchPlan(wanted, tip, before.commit, changes, tally, entries, files)


def _files(listing: Tree) -> int:
    return sum(map(change.is_counted, listing.values()))


def _sort_out(
    branches: Iterable[BranchPlan], catalog: CatalogWriter
) -> tuple[list[bytes], dict[str, list[bytes]], int]:
    """Return the blobs to read, the objects to register unread, and how many are known."""
    wanted: dict[bytes, int] = {}
    news = sorted((c.path, c.new) for plan in branches for c in plan.changes if c.new is not None)
    for _, (mode, oid) in news:
        # The same blob can be a file here and a symlink there: then it is read as a file.
        if oid not in wanted or change.is_regular(mode):
            wanted.setdefault(oid, mode)
            wanted[oid] = mode if change.is_regular(mode) else wanted[oid]
    known: dict[bytes, Any] = catalog.blob_rows(list(wanted))
    read: list[bytes] = []
    unread: dict[str, list[bytes]] = {"symlink": [], "submodule": []}
    reused = 0
    for oid, mode in wanted.items():
        reason = change.unread_reason(mode)
        if oid in known and (reason is not None or known[oid][1] not in unread):
            reused += reason != "submodule"
        elif reason is None:
            read.append(oid)
        else:
            unread[reason].append(oid)
    return read, unread, reused


def _grammars(branches: Iterable[BranchPlan], new: set[bytes]) -> dict[bytes, str]:
    """Return the grammar of each new blob, by the first of its paths that tells one."""
    found: dict[bytes, str] = {}
    named = sorted((c.path, c.new[1]) for plan in branches for c in plan.changes if c.new)
    for path, oid in named:
        if oid in new and oid not in found and (grammar := grammar_of(path)):
            found[oid] = grammar
    return found
