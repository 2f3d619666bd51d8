from __future__ import annotations

from pathlib import Path

import pytest
from sandbox import Checkout

from cidx import checkout as checkouts
from cidx.errors import GitError


@pytest.fixture
def origin(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "origin")
    made.commit({"a": "1"})
    return made


@pytest.fixture
def clone(tmp_path: Path, origin: Checkout) -> Checkout:
    origin.git("clone", "-q", str(origin.folder), str(tmp_path / "clone"))
    return Checkout(tmp_path / "clone")


def test_a_clone_knows_its_remote_and_the_branch_it_follows(
    clone: Checkout, origin: Checkout
) -> None:
    (clone.folder / "sub").mkdir()
    found = checkouts.find(clone.folder / "sub")
    assert found == checkouts.Checkout(
        root=clone.folder,
        remote=str(origin.folder),
        has_remote=True,
        branch="main",
        repository="",
        server="",
    )


def test_a_local_branch_name_may_differ_from_the_one_it_follows(clone: Checkout) -> None:
    clone.git("checkout", "-q", "-b", "mine/topic", "--track", "origin/main")
    found = checkouts.find(clone.folder)
    assert found is not None
    assert found.branch == "main"


def test_a_branch_that_follows_none_and_a_detached_head_have_no_upstream(clone: Checkout) -> None:
    clone.git("checkout", "-q", "-b", "loose")
    loose = checkouts.find(clone.folder)
    clone.git("checkout", "-q", "--detach")
    detached = checkouts.find(clone.folder)
    assert loose is not None
    assert detached is not None
    assert (loose.branch, detached.branch) == (None, None)
    assert detached.remote == loose.remote


def test_without_a_remote_the_checkout_is_its_own(tmp_path: Path) -> None:
    lonely = Checkout(tmp_path / "lonely", branch="trunk")
    found = checkouts.find(lonely.folder)
    assert found is not None
    assert (found.remote, found.has_remote, found.branch) == (str(lonely.folder), False, "trunk")


def test_outside_a_checkout_there_is_none(tmp_path: Path) -> None:
    assert checkouts.find(tmp_path) is None


def test_a_bare_repository_is_its_own_remote(tmp_path: Path, origin: Checkout) -> None:
    bare = origin.mirror(tmp_path / "bare.git")
    assert checkouts.find(bare) is None
    found = checkouts.bare(bare)
    assert found is not None
    assert found.remote == str(bare)
    assert checkouts.bare(tmp_path) is None


def test_the_remote_of_the_upstream_goes_before_origin(clone: Checkout) -> None:
    clone.git("remote", "add", "fork", "git@example.org:me/fork.git")
    clone.git("config", "branch.main.remote", "fork")
    found = checkouts.find(clone.folder)
    assert found is not None
    assert found.remote == "git@example.org:me/fork.git"


def test_the_users_abbreviations_of_addresses_are_spelled_out(clone: Checkout) -> None:
    clone.git("config", "url.https://example.org/.insteadOf", "ex:")
    clone.git("remote", "set-url", "origin", "ex:thing")
    found = checkouts.find(clone.folder)
    assert found is not None
    assert found.remote == "https://example.org/thing"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://example.org/a.git", "https://example.org/a.git"),
        ("git@example.org:a.git", "git@example.org:a.git"),
        ("file:///srv/a.git", "/srv/a.git"),
        ("/srv/a.git", "/srv/a.git"),
        ("../a.git", "/srv/a.git"),
    ],
)
def test_an_address_means_the_same_from_everywhere(url: str, address: str) -> None:
    assert checkouts.absolute_address(Path("/srv/w"), url) == address


def test_a_link_is_written_to_the_checkout_and_read_again(clone: Checkout) -> None:
    found = checkouts.find(clone.folder)
    assert found is not None
    checkouts.link(found, repository="thing", server="https://example.org")
    again = checkouts.find(clone.folder)
    assert again is not None
    assert (again.repository, again.server) == ("thing", "https://example.org")


def test_commits_are_named_in_full_and_counted_from_the_indexed_one(clone: Checkout) -> None:
    indexed = clone.head()
    clone.commit({"b": "2"})
    clone.commit({"c": "3"})
    assert checkouts.commit_of(clone.folder, indexed[:9]) == indexed
    assert checkouts.commit_of(clone.folder, "--all") is None
    assert checkouts.commits_ahead(clone.folder, indexed) == 2
    assert checkouts.commits_ahead(clone.folder, "f" * 40) == 0


def test_without_git_the_hint_is_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitError, match="git was not found"):
        checkouts.find(tmp_path)
