from __future__ import annotations

from pathlib import Path

import pytest

from cidxd.git import argv

MIRROR = Path("/m.git")
OID = "a" * 40
INERT = [
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.quotePath=false"),
    *("-c", "diff.external="),
    *("-c", "safe.bareRepository=explicit"),
    *("-c", "gc.auto=0"),
]
FETCH = [
    *("-c", "fetch.unpackLimit=1"),
    *("-c", "transfer.unpackLimit=1"),
    *("-c", "fetch.writeCommitGraph=false"),
    *("-c", "fetch.prune=false"),
    *("-c", "advice.fetchShowForcedUpdates=false"),
    "fetch",
    "--progress",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-auto-maintenance",
    "--no-recurse-submodules",
    "--no-show-forced-updates",
    "--update-shallow",
]

GOLDEN = [
    (
        argv.ls_remote("https://h/r.git"),
        ["ls-remote", "--symref", "--", "https://h/r.git", "HEAD", "refs/heads/*"],
    ),
    (
        argv.fetch(MIRROR, "https://h/r.git", ["main", "a/b"]),
        [
            *FETCH,
            *("--atomic", "--", "https://h/r.git"),
            "+refs/heads/main:refs/heads/main",
            "+refs/heads/a/b:refs/heads/a/b",
        ],
    ),
    (
        argv.seed(MIRROR, Path("/home/ada/r")),
        [
            *FETCH,
            *("--", "/home/ada/r"),
            "+refs/heads/*:refs/seed/heads/*",
            "+refs/remotes/*:refs/seed/remotes/*",
        ],
    ),
    (argv.is_bare(MIRROR), ["rev-parse", "--is-bare-repository"]),
    (argv.refs(MIRROR), ["for-each-ref", "--format=%(objectname) %(refname)"]),
    (argv.update_refs(MIRROR), ["update-ref", "--stdin", "-z"]),
    (argv.repack(MIRROR), ["repack", "--geometric=2", "-d", "-q", "-n"]),
    (argv.is_ancestor(MIRROR, "beef", OID), ["merge-base", "--is-ancestor", "beef", OID]),
    (
        argv.rev_parse(MIRROR, "main"),
        ["rev-parse", "--verify", "--quiet", "--end-of-options", "main"],
    ),
    (argv.cat_file(MIRROR), ["cat-file", "--batch", "--buffer"]),
    (argv.ls_tree(MIRROR, OID), ["ls-tree", "-r", "-z", "--full-tree", OID]),
    (
        argv.diff_tree(MIRROR, OID, OID),
        ["diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", OID, OID],
    ),
    (
        argv.rev_list_count(MIRROR, [OID], ["b" * 40]),
        ["rev-list", "--count", OID, "--not", "b" * 40, "--"],
    ),
]


@pytest.mark.parametrize(("made", "words"), GOLDEN)
def test_command_lines_are_exactly_these(made: list[str], words: list[str]) -> None:
    folder = "/dev/null" if "ls-remote" in words else "/m.git"

    assert made == ["git", f"--git-dir={folder}", *INERT, *words]


def test_a_new_mirror_has_no_hooks_and_no_repository_around_it_has_a_say() -> None:
    words = ["init", "--bare", "--quiet", "--template="]

    assert argv.init_mirror(MIRROR) == ["git", "--git-dir=/m.git", *INERT, *words]


@pytest.mark.parametrize("remote", ["", "--upload-pack=touch x;", "-x"])
def test_no_remote_is_taken_for_an_option(remote: str) -> None:
    with pytest.raises(ValueError, match="not a remote"):
        argv.ls_remote(remote)


@pytest.mark.parametrize("branch", ["", "a:refs/heads/b", "*", "a b", "a\n", "a^", "a~1", "x\x00"])
def test_a_branch_stands_for_itself_only(branch: str) -> None:
    with pytest.raises(ValueError, match="not a branch"):
        argv.fetch(MIRROR, "https://h/r.git", [branch])


@pytest.mark.parametrize("commit", ["", "abc", "--help", "HEAD", "A" * 40])
def test_only_ids_are_compared(commit: str) -> None:
    with pytest.raises(ValueError, match="not a commit id"):
        argv.is_ancestor(MIRROR, commit, OID)


def test_deletions_are_read_as_nul_terminated_commands() -> None:
    assert argv.deletions(["refs/heads/a"]) == b"delete refs/heads/a\0\0"
