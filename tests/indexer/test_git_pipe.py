from __future__ import annotations

import random
from pathlib import Path

import pytest
from sandbox import Checkout, git

from cidxd.errors import FaultError
from cidxd.indexer import change, children, git_pipe


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    checkout = Checkout(tmp_path / "work")
    checkout.commit({"a": "one", "b": b"\0" * 5000, "d/c": ""})
    return checkout.mirror(tmp_path / "mirror.git")


@pytest.mark.parametrize("seed", range(3))
def test_the_shortcut_of_git_equals_the_comparison_of_listings(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - repeatable trees
    checkout = Checkout(tmp_path / "work")
    checkout.commit({"anchor": ""})
    mirror = tmp_path / "mirror.git"
    trees = []
    for _ in range(6):
        # A path can be a file now and a folder then, executable, a symlink, a submodule.
        checkout.git("rm", "-rqf", "--cached", "--ignore-unmatch", "p")
        for name in dice.sample(["p", "p/x", "p/x/y", "q\n", "-r"], 3):
            mode = dice.choice(["100644", "100755", "120000", "160000"])
            oid = git(checkout.folder, "hash-object", "-w", "--stdin", stdin=dice.randbytes(1))
            checkout.git(
                "update-index", "--add", "--replace", "--cacheinfo", f"{mode},{oid},{name}"
            )
        checkout.git("commit", "-q", "--allow-empty", "-m", "step")
        trees.append(checkout.head("HEAD^{tree}"))
    checkout.mirror(mirror)

    listings = {tree: git_pipe.listing(mirror, tree) for tree in trees}
    for old in set(trees):
        for new in set(trees) - {old}:
            shortcut = git_pipe.difference(mirror, old, new)
            assert sorted(shortcut) == change.compare(listings[old], listings[new])


def test_objects_come_in_the_order_asked_and_large_ones_without_content(mirror: Path) -> None:
    names = [git(mirror, "rev-parse", f"main:{path}") for path in ("d/c", "b", "a")]
    names.insert(1, "12" * 20)

    found = list(git_pipe.objects(mirror, names, limit_bytes=100))

    assert [o.name for o in found] == names
    assert [(o.kind, o.size, o.content) for o in found] == [
        ("blob", 0, b""),
        ("missing", 0, None),
        ("blob", 5000, None),
        ("blob", 3, b"one"),
    ]
    assert list(git_pipe.objects(mirror, [])) == []


def test_each_part_of_a_large_object_that_is_thrown_away_is_told_of(mirror: Path) -> None:
    told: list[int] = []
    names = [git(mirror, "rev-parse", f"main:{path}") for path in ("a", "b")]
    list(git_pipe.objects(mirror, names, limit_bytes=100, on_skip=lambda: told.append(1)))
    assert told == [1]


def test_more_objects_than_a_pipe_holds_are_asked_for_without_blocking(mirror: Path) -> None:
    name = git(mirror, "rev-parse", "main:b")

    assert sum(o.size for o in git_pipe.objects(mirror, [name] * 20_000)) == 20_000 * 5000
    assert children.take_peak_bytes() > 0


def test_a_tree_that_is_not_there_is_a_damaged_mirror_and_no_empty_listing(mirror: Path) -> None:
    with pytest.raises(FaultError) as raised:
        git_pipe.listing(mirror, "12" * 20)
    assert raised.value.code in {"mirror-damaged", "git-failed"}
    with pytest.raises(FaultError):
        git_pipe.difference(mirror, git(mirror, "rev-parse", "main^{tree}"), "12" * 20)


def test_a_mirror_that_is_gone_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(FaultError) as raised:
        list(git_pipe.objects(tmp_path / "nowhere", ["12" * 20]))
    assert raised.value.code == "mirror-damaged"


def test_no_git_process_is_left_when_the_reader_loses_interest(mirror: Path) -> None:
    name = git(mirror, "rev-parse", "main:b")
    found = git_pipe.objects(mirror, [name] * 1000)
    next(found)

    found.close()  # type: ignore[attr-defined]  # a generator, promised as an iterator only

    assert children.are_gone()


def test_new_commits_are_counted_in_the_background(tmp_path: Path, mirror: Path) -> None:
    checkout = Checkout(tmp_path / "work")
    old = checkout.head()
    checkout.commit({"a": "two"})
    new = checkout.commit({"a": "three"})
    checkout.mirror(mirror)

    assert git_pipe.CommitCount(mirror, [new], [old]).number() == 2
    assert git_pipe.CommitCount(mirror, [new], []).number() == 3


def test_packed_objects_are_counted_by_the_indexes_of_the_packs(
    tmp_path: Path,
) -> None:
    checkout = Checkout(tmp_path / "work")
    for number in range(5):
        checkout.commit({f"f{number}": f"{number}\n"})
    mirror = checkout.mirror(tmp_path / "packed.git")
    git(mirror, "repack", "-adq")

    told = dict(line.split(": ") for line in git(mirror, "count-objects", "-v").splitlines())

    assert git_pipe.packed_objects(mirror) == int(told["in-pack"]) == 15
    assert git_pipe.packed_objects(tmp_path / "nowhere") == 0
