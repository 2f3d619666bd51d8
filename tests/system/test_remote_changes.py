"""What happens to branches upstream is what the index answers with after the next sync."""

from __future__ import annotations

import json
from typing import Any

import pytest
from house import Home, Server
from sandbox import Checkout


@pytest.fixture
def work(home: Home, server: Server, origin: Checkout) -> Checkout:
    """The remote of the repository `work`, synced with its branches main and dev."""
    server.log_in(home)
    origin.git("checkout", "-q", "-b", "dev")
    origin.commit({"dev.py": "def only_dev(): pass\n"})
    origin.git("checkout", "-q", "main")
    home.cidx("repo", "add", str(origin.folder), "--name", "work", "--branch", "dev")
    synced(home)
    return origin


def synced(home: Home) -> dict[str, Any]:
    job: dict[str, Any] = json.loads(home.cidx("sync", "work", "--timeout", "60", "--json"))
    assert job["status"] == "completed"
    return job


def found(home: Home, q: str, *more: str) -> list[str]:
    out = home.cidx("query", q, "--repo", "work", "--limit", "0", "--json", *more)
    return [f"{m['branch']}:{m['path']}" for m in map(json.loads, out.splitlines())]


def test_a_renamed_default_branch_is_followed(home: Home, work: Checkout) -> None:
    work.git("branch", "-m", "main", "trunk")
    work.commit({"trunk.py": "NEEDLE = 'third'\n"})
    job = synced(home)
    assert {c["branch"]: c["before"] for c in job["commits"]}["trunk"] is None
    assert job["summary"]["blobs_new"] == 1
    assert found(home, "NEEDLE") == ["trunk:src/needle.py", "trunk:trunk.py"]
    assert "not indexed: branch main" in home.error(
        "query", "NEEDLE", "--repo", "work", "--branch", "main", code=1
    )


def test_a_branch_that_is_deleted_upstream_leaves_the_index(home: Home, work: Checkout) -> None:
    assert found(home, "only_dev", "--branch", "dev") == ["dev:dev.py"]
    work.git("branch", "-D", "dev")
    synced(home)
    shown = home.json("repo", "show", "work")
    assert [branch["name"] for branch in shown["branches"]] == ["main"]
    assert "not indexed: branch dev" in home.error(
        "query", "only_dev", "--repo", "work", "--branch", "dev", code=1
    )


def test_a_forced_push_whose_old_commit_is_gone_is_indexed(home: Home, work: Checkout) -> None:
    work.commit({"secret.txt": "never again\n"})
    synced(home)
    assert found(home, "never again") == ["main:secret.txt"]
    work.git("reset", "-q", "--hard", "HEAD~1")
    work.commit({"clean.txt": "instead\n"})
    work.git("reflog", "expire", "--expire=now", "--all")
    work.git("gc", "-q", "--prune=now")
    job = synced(home)
    assert (job["summary"]["files_added"], job["summary"]["files_deleted"]) == (1, 1)
    assert found(home, "never again") == []
    assert found(home, "instead") == ["main:clean.txt"]


def test_a_commit_without_a_change_moves_the_pointer_only(home: Home, work: Checkout) -> None:
    tip = work.commit({})
    job = synced(home)
    assert job["outcome"] == "updated"
    assert {c["branch"]: c["indexed"] for c in job["commits"]}["main"] == tip
    assert job["summary"]["blobs_new"] == job["summary"]["files_modified"] == 0
    assert {m["commit"] for m in map(json.loads, home.cidx(
        "query", "NEEDLE", "--repo", "work", "--json"
    ).splitlines())} == {tip}  # fmt: skip


def test_a_rename_a_copy_and_a_revert_read_no_content(home: Home, work: Checkout) -> None:
    needle = "NEEDLE = 'first'\n"
    work.commit({"src/needle.py": None, "moved.py": needle})
    job = synced(home)
    assert (job["summary"]["files_renamed"], job["summary"]["blobs_new"]) == (1, 0)
    work.commit({"copy.py": needle})
    assert synced(home)["summary"]["blobs_new"] == 0
    assert found(home, "NEEDLE") == ["main:copy.py", "main:moved.py"]
    work.git("revert", "--no-edit", "HEAD~1", "HEAD")
    assert synced(home)["summary"]["blobs_new"] == 0
    assert found(home, "NEEDLE") == ["main:src/needle.py"]
