"""A restore leaves the old or the new, wherever it is cut off."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from cidxd.errors import CidxdError
from cidxd.work import folders, swap

OLD = {"cidxd.db", "cidxd.db-wal", "logs/aa/old.log", "repositories/1/mirror.git/HEAD"}
NEW = {"cidxd.db", "logs/bb/new.log"}


class PowerLossError(BaseException):
    """The machine goes off."""


def written(folder: Path, names: set[str], content: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "daemon.lock"
    }


def cut_off(root: Path, renames: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Decide a restore, with the power gone at a rename; return whether it came that far."""
    count = itertools.count()
    rename = Path.rename

    def counted(path: Path, target: Any) -> Path:
        if next(count) == renames:
            raise PowerLossError
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", counted)
        try:
            swap.decide(root, "then")
        except PowerLossError:
            return True
    return False


@pytest.mark.parametrize("renames", range(9))
def test_whoever_takes_the_lock_next_finishes_a_restore_that_was_decided(
    tmp_path: Path, renames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, OLD, "old")
    written(swap.drafted(tmp_path), NEW, "new")
    is_cut = cut_off(tmp_path, renames, monkeypatch)
    assert is_cut == (renames < 8)
    with folders.claimed(folders.prepared(tmp_path)):
        pass
    found = files(tmp_path)
    if renames == 0:  # not decided yet; the next restore sweeps the draft
        assert {name: found[name] for name in OLD} == dict.fromkeys(OLD, "old")
        swap.drafted(tmp_path)
        assert files(tmp_path).keys() == OLD
    else:
        aside = {f"replaced-then/{name}": "old" for name in OLD}
        assert found == {**dict.fromkeys(NEW, "new"), **aside}


def test_two_restores_of_one_second_move_to_two_folders(tmp_path: Path) -> None:
    for content in ("first", "second", "third"):
        written(swap.drafted(tmp_path), {"cidxd.db"}, content)
        swap.decide(tmp_path, "then")
    assert files(tmp_path) == {
        "cidxd.db": "third",
        "replaced-then/cidxd.db": "first",
        "replaced-then-2/cidxd.db": "second",
    }


def test_what_cannot_be_moved_is_named_and_moved_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, OLD, "old")
    written(swap.drafted(tmp_path), NEW, "new")
    assert cut_off(tmp_path, 1, monkeypatch)
    (tmp_path / "replaced-then" / "cidxd.db").mkdir()
    data = folders.prepared(tmp_path)
    with pytest.raises(CidxdError, match="cannot be finished") as caught, folders.claimed(data):
        pass
    assert caught.value.code == "restore-unfinished"
    (tmp_path / "replaced-then" / "cidxd.db").rmdir()
    with folders.claimed(data):
        assert (tmp_path / "cidxd.db").read_text() == "new"
