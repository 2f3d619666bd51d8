"""What a remote may hold that is unusual; see `drill` for what a scenario is."""

from __future__ import annotations

from collections.abc import Generator

from drill import NEEDLE, Row, Stage
from remote import RemoteThread
from sandbox import git

WORKS = "completed, updated"


def shallow(stage: Stage) -> Generator[str | None]:
    stage.change({"more.txt": "more\n"})
    folder = stage.folder / "shallow"
    git(stage.folder, "clone", "-q", "--depth=1", f"file://{stage.origin.folder}", str(folder))
    with RemoteThread(folder) as remote:
        yield remote.url
        stage.change()
        git(folder, "fetch", "-q", "--depth=1")
        git(folder, "reset", "-q", "--hard", "FETCH_HEAD")
        yield None


def empty(stage: Stage) -> Generator[str | None]:
    with RemoteThread(stage.origin.folder) as remote:
        yield remote.url
        tip = stage.origin.head()
        stage.origin.git("update-ref", "-d", "refs/heads/main")
        yield None
        stage.origin.git("update-ref", "refs/heads/main", tip)
        stage.change()
        yield None


def branch_deleted(stage: Stage) -> Generator[str | None]:
    stage.origin.git("branch", "dev")
    stage.registered_with["branches"] = ["dev"]
    with RemoteThread(stage.origin.folder) as remote:
        yield remote.url
        stage.origin.git("branch", "-D", "dev")
        yield None


def last_branch_deleted(stage: Stage) -> Generator[str | None]:
    with RemoteThread(stage.origin.folder) as remote:
        yield remote.url
        stage.origin.git("branch", "other")
        stage.origin.git("checkout", "-q", "--detach")
        stage.origin.git("commit", "-q", "--allow-empty", "-m", "on no branch")
        stage.origin.git("branch", "-D", "main")
        yield None


def default_renamed(stage: Stage) -> Generator[str | None]:
    with RemoteThread(stage.origin.folder) as remote:
        yield remote.url
        stage.origin.git("branch", "-m", "main", "trunk")
        stage.change()
        yield None


def force_push(stage: Stage) -> Generator[str | None]:
    with RemoteThread(stage.origin.folder) as remote:
        yield remote.url
        stage.origin.git("commit", "-q", "--amend", "-m", "history is what we make it")
        yield None


def force_push_and_gc(stage: Stage) -> Generator[str | None]:
    with RemoteThread(stage.origin.folder) as remote:
        yield remote.url
        stage.origin.git("commit", "-q", "--amend", "-m", "history is what we make it")
        stage.origin.git("reflog", "expire", "--expire=now", "--all")
        stage.origin.git("gc", "-q", "--prune=now")
        yield None


def tag_moved(stage: Stage) -> Generator[str | None]:
    stage.origin.git("tag", "v1")
    with RemoteThread(stage.origin.folder) as remote:
        yield remote.url
        tip = stage.origin.head()
        stage.change({"later.txt": "later\n"})
        stage.origin.git("tag", "-f", "v1")
        stage.origin.git("reset", "-q", "--hard", tip)
        yield None


def many_refs(stage: Stage) -> Generator[str | None]:
    with RemoteThread(stage.origin.folder) as remote:
        yield remote.url
        tip = stage.change()
        lines = [f"{tip} refs/heads/many/{number:05}\n" for number in range(50_000)]
        header = "# pack-refs with: peeled fully-peeled sorted \n"
        (stage.origin.folder / ".git" / "packed-refs").write_text(header + "".join(lines))
        yield None


def lfs_pointers(stage: Stage) -> Generator[str | None]:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 9\n"
    with RemoteThread(stage.origin.folder) as remote:
        yield remote.url
        stage.change(
            {".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "big.bin": pointer}
        )
        yield None
        git_asks_for = ("/info/refs", "/git-upload-pack")
        assert all(request.endswith(git_asks_for) for request in remote.requests)


def submodules(stage: Stage) -> Generator[str | None]:
    with RemoteThread(stage.origin.folder) as remote, RemoteThread(stage.origin.folder) as other:
        yield remote.url
        tip = stage.origin.head()
        stage.origin.git("update-index", "--add", "--cacheinfo", f"160000,{tip},sub")
        stage.change({".gitmodules": f'[submodule "sub"]\n\tpath = sub\n\turl = {other.url}\n'})
        yield None
        assert other.requests == []


def alternates(stage: Stage) -> Generator[str | None]:
    borrower = stage.folder / "borrower"
    git(stage.folder, "clone", "-q", "--shared", str(stage.origin.folder), str(borrower))
    stage.registered_with["seed"] = str(borrower)
    yield str(borrower)
    (borrower / "needle.py").write_text(f"{NEEDLE} = 'second'\n")
    git(borrower, "commit", "-q", "-a", "-m", "change")
    yield None
    assert not (stage.mirror / "objects" / "info" / "alternates").exists()
    assert git(stage.mirror, "fsck", "--full", "--connectivity-only") == ""


ROWS = [
    Row("the remote is a shallow clone", shallow, ends=WORKS),
    Row("the remote has no commits any more", empty, "remote-empty", log="no commits"),
    Row("a tracked branch is deleted", branch_deleted, ends=WORKS),
    Row(
        "every tracked branch is deleted",
        last_branch_deleted,
        "branch-not-found",
        log="not on the remote: HEAD; it has: other",
    ),
    Row("the default branch is renamed", default_renamed, ends=WORKS),
    Row("force-push", force_push, ends=WORKS),
    Row("force-push, and gc on the remote", force_push_and_gc, ends=WORKS),
    Row("a tag is moved", tag_moved, ends="completed, unchanged"),
    Row("50,000 refs", many_refs, ends=WORKS),
    Row("LFS pointers", lfs_pointers, ends=WORKS),
    Row("submodules", submodules, ends=WORKS),
    Row("alternates in the remote and the seed", alternates, ends=WORKS),
]
