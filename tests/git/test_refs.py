from __future__ import annotations

from cidxd.git import refs

A, B = "a" * 40, "b" * 40


def _printed(*lines: str) -> bytes:
    return "".join(line + "\n" for line in lines).encode()


def test_default_branch_is_what_head_stands_for() -> None:
    printed = _printed(
        "ref: refs/heads/trunk\tHEAD",
        f"{A}\tHEAD",
        f"{A}\trefs/heads/main",
        f"{A}\trefs/heads/trunk",
    )

    assert refs.remote_tips(printed) == ("trunk", {"main": A, "trunk": A})


def test_a_remote_without_commits_has_no_branches() -> None:
    assert refs.remote_tips(b"") == (None, {})


def test_an_unborn_head_is_no_default() -> None:
    printed = _printed("ref: refs/heads/gone\tHEAD", f"{A}\trefs/heads/main")

    assert refs.remote_tips(printed) == (None, {"main": A})


def test_an_old_server_that_names_no_head_means_main_then_master_then_any_alike() -> None:
    def default(*branches: str) -> str | None:
        lines = [f"{A}\trefs/heads/{name}" for name in branches]
        return refs.remote_tips(_printed(f"{A}\tHEAD", f"{B}\trefs/heads/b", *lines))[0]

    assert default("also", "main", "master") == "main"
    assert default("also", "master") == "master"
    assert default("also") == "also"
    assert default() is None


def test_names_that_are_not_utf8_are_left_out() -> None:
    printed = A.encode() + b"\trefs/heads/\xff\n" + A.encode() + b"\trefs/heads/m\xc3\xbcll\n"

    assert refs.remote_tips(printed)[1] == {"müll": A}


def test_refs_of_a_mirror_are_read_by_full_name() -> None:
    assert refs.local_refs(_printed(f"{A} refs/heads/main")) == {"refs/heads/main": A}


def test_refs_of_no_branch_are_unwanted() -> None:
    present = ["refs/heads/main", "refs/heads/old", "refs/seed/heads/main"]

    assert refs.unwanted(present, ["main"]) == ["refs/heads/old", "refs/seed/heads/main"]


def test_a_folder_and_a_branch_of_one_name_are_in_each_others_way() -> None:
    present = ["refs/heads/a", "refs/heads/c/d", "refs/heads/e", "refs/heads/new"]

    assert refs.in_the_way(present, ["a/b", "c", "new"]) == ["refs/heads/a", "refs/heads/c/d"]
