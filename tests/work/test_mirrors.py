from __future__ import annotations

from pathlib import Path

from cidxd.work import leftovers, mirrors


def test_a_new_mirror_takes_the_place_of_a_condemned_one_and_nothing_is_left(
    tmp_path: Path,
) -> None:
    mirror = tmp_path / "mirror.git"
    (mirror / "objects").mkdir(parents=True)
    (tmp_path / "mirror.git.0.old").mkdir()
    mirrors.condemn(mirror)
    assert mirrors.is_condemned(mirror)
    assert mirror.exists()
    (leftovers.draft_of(mirror) / "new").mkdir(parents=True)

    mirrors.replace(mirror)

    assert not mirrors.is_condemned(mirror)
    assert [path.name for path in tmp_path.iterdir()] == ["mirror.git"]
    assert (mirror / "new").exists()


def test_the_first_mirror_takes_the_place_of_none(tmp_path: Path) -> None:
    mirror = tmp_path / "mirror.git"
    leftovers.draft_of(mirror).mkdir()
    mirrors.replace(mirror)
    assert [path.name for path in tmp_path.iterdir()] == ["mirror.git"]
