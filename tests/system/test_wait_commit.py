"""`cidx sync --wait-commit`: its exit code, and its word when the commit does not come."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import HeldRemote, Home, Server, hosted, wait_until
from sandbox import Checkout


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Server]]:
    with hosted(tmp_path_factory.mktemp("commit")) as made:
        yield made


@pytest.fixture
def user(house: tuple[Home, Server]) -> Home:
    return house[0]


@pytest.fixture
def name(user: Home, origin: Checkout, tmp_path: Path) -> str:
    user.cidx("repo", "add", str(origin.folder), "--name", tmp_path.name)
    return tmp_path.name


def test_it_returns_when_the_commit_can_be_searched(
    user: Home, name: str, origin: Checkout
) -> None:
    job = user.json("sync", name, "--wait-commit", origin.head())
    assert job["status"] == "completed"
    late = origin.commit({"late.txt": "LATE\n"})
    user.cidx("sync", name, "--wait-commit", late[:8])
    assert "late.txt" in user.cidx("query", "LATE", "--repo", name)


def test_a_commit_on_a_branch_that_is_not_tracked_is_told_with_the_way_out(
    user: Home, name: str, origin: Checkout
) -> None:
    late = origin.git("commit-tree", "-p", "HEAD", "-m", "late", "HEAD^{tree}")
    origin.git("branch", "topic", late)
    said = user.error("sync", name, "--wait-commit", late, "--timeout", "2", code=124)
    assert said.endswith(
        f"error: the commit is still not indexed after 2 s: {late}: "
        "the commit is on topic, which is not tracked\n"
        f"hint: track it: cidx repo set {name} --branch topic\n"
    )


def test_a_commit_that_the_remote_has_not_is_told(user: Home, name: str) -> None:
    wanted = ("--wait-commit", "0123456789", "--timeout", "2")
    said = user.error("sync", name, *wanted, code=124)
    assert "no branch that is synced has the commit, and no other of the remote ends in it" in said
    assert said.endswith("hint: check the commit's id, and that it was pushed\n")


def test_a_job_that_fails_ends_the_wait(user: Home, name: str, origin: Checkout) -> None:
    commit = origin.head()
    shutil.rmtree(origin.folder)
    said = user.error("sync", name, "--wait-commit", commit, code=5)
    assert "error: the remote repository does not exist" in said


def test_a_job_that_is_cancelled_ends_the_wait(
    user: Home, house: tuple[Home, Server], origin: Checkout, tmp_path: Path
) -> None:
    with HeldRemote(origin.folder) as remote:
        user.cidx("repo", "add", remote.url, "--name", tmp_path.name)
        remote.hold()
        waiting = user.start("cidx", "sync", tmp_path.name, "--wait-commit", origin.head())
        assert waiting.stdout is not None
        job_id = waiting.stdout.readline().split()[1].strip(":")
        wait_until("the transfer", remote.is_holding)
        user.cidx("jobs", "cancel", job_id)
        waiting.communicate(timeout=60)
        assert waiting.returncode == 6
        remote.release()
    assert house[1].job(job_id)["status"] == "cancelled"
