from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cidx import repositories
from cidx.errors import NoCheckoutError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("django", "name"),
        ("django.git", "name"),
        ("./django", "path"),
        (".", "path"),
        ("~/src/django", "path"),
        ("/srv/git/django.git", "path"),
        ("https://example.org/django.git", "address"),
        ("ssh://git@example.org/django", "address"),
        ("git@example.org:django/django", "address"),
    ],
)
def test_an_argument_is_a_name_a_path_or_an_address(text: str, kind: str) -> None:
    found = {"address": repositories.is_address(text), "path": repositories.is_path(text)}
    assert [name for name, is_it in found.items() if is_it] == ([] if kind == "name" else [kind])


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("django", "django"),
        ("my project (new)", "my-project-new"),
        (".dotfiles", "dotfiles"),
        ("日本", "repository"),
        ("", "repository"),
        ("x" * 200, "x" * 100),
    ],
)
def test_a_folders_name_becomes_a_repositorys(folder: str, name: str) -> None:
    assert repositories.suggested_name(folder) == name


def test_a_path_that_is_no_checkout_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NoCheckoutError, match="no such folder"):
        repositories.checkout_for(str(tmp_path / "missing"))
    with pytest.raises(NoCheckoutError, match="not a git checkout"):
        repositories.checkout_for(str(tmp_path))


def test_tracked_branches_include_the_default_one() -> None:
    assert repositories.tracked({"default_branch": "main", "tracked": ["a"]}) == {"a", "main"}
    assert repositories.tracked({"default_branch": None, "tracked": []}) == set()


def test_only_branches_with_a_commit_can_be_searched() -> None:
    branches = [{"name": "main", "commit": "1"}, {"name": "new", "commit": None}]
    assert repositories.indexed({"branches": branches}) == {"main"}
