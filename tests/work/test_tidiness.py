"""A mirror whose own files would have git obey somebody else."""

from __future__ import annotations

from pathlib import Path

import pytest
from sandbox import Checkout, git

from cidxd.errors import FaultError
from cidxd.git import belongings
from cidxd.work import tidiness

HOSTILE = """
[core]
	bare = true
	sshCommand = touch ran; false
	fsmonitor = touch ran
	hooksPath = evil
	gitProxy = touch ran
	alternateRefsCommand = touch ran
[extensions]
	partialClone = origin
	worktreeConfig = true
[remote "origin"]
	url = ext::touch ran
	promisor = true
	uploadpack = touch ran
[url "ext::touch ran "]
	insteadOf = https://
[http]
	proxy = http://127.0.0.1:1
[credential]
	helper = !touch ran
[include]
	path = /elsewhere
"""


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    made = Checkout(tmp_path / "checkout")
    made.commit({"a.txt": "one\n"})
    made.mirror(tmp_path / "mirror.git")
    tidiness.restore(tmp_path / "mirror.git")
    return tmp_path / "mirror.git"


def test_a_mirror_of_ours_is_left_as_it_is(mirror: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in mirror.rglob("*")}

    assert tidiness.restore(mirror) == []
    assert {path: path.stat().st_mtime_ns for path in mirror.rglob("*")} == before


def test_hostile_settings_are_replaced(mirror: Path) -> None:
    (mirror / "config").write_text(HOSTILE)

    assert tidiness.restore(mirror) == ["config"]
    assert (mirror / "config").read_bytes() == belongings.CONFIG


@pytest.mark.parametrize("name", belongings.FOREIGN)
@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_git_would_obey_is_removed_and_nothing_behind_a_link(
    mirror: Path, tmp_path: Path, name: str, kind: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    path = mirror / name
    path.parent.mkdir(exist_ok=True)
    if kind == "folder":
        (path / "in").mkdir(parents=True)
    elif kind == "link":
        path.symlink_to(outside)
    else:
        path.write_text(f"{outside}\n")

    assert tidiness.restore(mirror) == [name]
    assert not path.is_symlink()
    assert not path.exists()
    assert (outside / "kept").exists()
    assert git(mirror, "rev-parse", "main")


def test_settings_behind_a_link_are_not_written(mirror: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text(HOSTILE)
    (mirror / "config").unlink()
    (mirror / "config").symlink_to(tmp_path / "theirs")

    assert tidiness.restore(mirror) == ["config"]
    assert (tmp_path / "theirs").read_text() == HOSTILE


def test_a_mirror_that_is_not_there_stays_so(tmp_path: Path) -> None:
    assert tidiness.restore(tmp_path / "none") == []
    assert not (tmp_path / "none").exists()


def test_what_is_in_the_way_of_the_settings_is_removed(mirror: Path) -> None:
    (mirror / "config").unlink()
    for name in ("config", "config.new"):
        (mirror / name / "in").mkdir(parents=True)

    assert tidiness.restore(mirror) == ["config"]
    assert (mirror / "config").read_bytes() == belongings.CONFIG


def test_a_folder_that_cannot_be_written_is_a_fault_of_the_disk() -> None:
    with pytest.raises(FaultError) as caught:
        tidiness.restore(Path("/proc/self"))

    assert caught.value.code.startswith("disk-")
