"""
What git says about the folder the user stands in.

It asks the git program, and changes nothing but the two `cidx.*` settings of the
checkout's own configuration.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from cidx import settings
from cidx.errors import GitError

_SETTINGS = r"^(remote\..*\.url|branch\..*\.(remote|merge)|cidx\.(repository|server))$"
_SCP_LIKE = re.compile(r"^[^/]+:")  # git-clone(1): a colon before the first slash
_HEADS = "refs/heads/"
_TIMEOUT_S = 30


class Checkout(NamedTuple):
    """
    A work tree.

    Attributes:
        root: Its top folder, absolute.
        remote: Where it was cloned from (URL or absolute path); its own root without a remote.
        has_remote: Whether git knows a remote at all.
        branch: Name on the remote of the branch that the current one follows, or None.
        repository: The name that `cidx link` remembered, or an empty string.
        server: The server that `cidx link` remembered, or an empty string.
    """

    root: Path
    remote: str
    has_remote: bool
    branch: str | None
    repository: str
    server: str


def find(folder: Path) -> Checkout | None:
    """
    Return the checkout that *folder* is in.

    Returns:
        None outside a work tree (a bare repository is none).

    Raises:
        GitError: git is missing, or refuses to look (an owner it does not trust).
    """
    asked = _run(folder, "rev-parse", "--show-toplevel")
    if asked.returncode != 0:
        _reject_unless_absent(asked.stderr)
        return None
    root = Path(asked.stdout.rstrip("\n"))
    known = _known_settings(root)
    current = _run(root, "symbolic-ref", "-q", "--short", "HEAD").stdout.strip()
    remote = remote_of(known, current)
    return Checkout(
        root=root,
        remote=_address(root, remote) if remote else str(root),
        has_remote=bool(remote),
        branch=upstream_of(known, current) if remote else current or None,
        repository=known.get("cidx.repository", ""),
        server=known.get("cidx.server", ""),
    )


def bare(folder: Path) -> Checkout | None:
    """Return the bare repository at *folder* as its own remote, or None."""
    asked = _run(folder, "rev-parse", "--is-bare-repository", "--absolute-git-dir")
    answer, _, root = asked.stdout.rstrip("\n").partition("\n")
    if answer != "true":
        return None
    return Checkout(
        root=Path(root), remote=root, has_remote=False, branch=None, repository="", server=""
    )


def link(checkout: Checkout, *, repository: str, server: str) -> None:
    """Remember the registered name and its server in the checkout's own configuration."""
    for key, value in (("cidx.repository", repository), ("cidx.server", server)):
        done = _run(checkout.root, "config", "--local", key, value)
        if done.returncode != 0:
            raise GitError(f"git config {key} failed: {done.stderr.strip()}")


def commit_of(folder: Path, name: str) -> str | None:
    """Return the full id of the commit *name* (an id, a branch, HEAD), or None."""
    asked = _run(folder, "rev-parse", "-q", "--verify", "--end-of-options", f"{name}^{{commit}}")
    return asked.stdout.strip() or None


def commits_ahead(root: Path, indexed: str) -> int:
    """Return how many commits HEAD has that *indexed* has not; 0 if the checkout lacks it."""
    asked = _run(root, "rev-list", "--count", "--end-of-options", f"{indexed}..HEAD")
    return int(asked.stdout) if asked.returncode == 0 else 0


def remote_of(known: dict[str, str], branch: str) -> str:
    """
    Return the name of the remote that *branch* follows, else origin, else the only one.

    Args:
        known: git settings by key.
        branch: The current branch, empty when detached.
    """
    names = [key.removeprefix("remote.").removesuffix(".url") for key in known if _is_url(key)]
    followed = known.get(f"branch.{branch}.remote", "")
    for name in (followed, "origin"):
        if name in names:
            return name
    return names[0] if len(names) == 1 else ""


def upstream_of(known: dict[str, str], branch: str) -> str | None:
    """Return the name on the remote of the branch that *branch* follows, if it follows one."""
    merge = known.get(f"branch.{branch}.merge", "")
    is_local = known.get(f"branch.{branch}.remote") == "."
    return merge.removeprefix(_HEADS) if merge.startswith(_HEADS) and not is_local else None


def _is_url(key: str) -> bool:
    return key.startswith("remote.") and key.endswith(".url")


def _known_settings(root: Path) -> dict[str, str]:
    listed = _run(root, "config", "-z", "--get-regexp", _SETTINGS).stdout
    pairs = (entry.partition("\n") for entry in listed.split("\0") if entry)
    return {key: value for key, _, value in pairs}


def _address(root: Path, remote: str) -> str:
    # `git remote get-url` applies the user's url.*.insteadOf.
    url = _run(root, "remote", "get-url", "--", remote).stdout.strip()
    return absolute_address(root, url)


def absolute_address(root: Path, url: str) -> str:
    """Return *url* as one that means the same from everywhere: a relative path is resolved."""
    if url.startswith("file://"):
        return url.removeprefix("file://")
    if "://" in url or _SCP_LIKE.match(url):
        return url
    return str((root / url).resolve())


def _run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: TID251 - the client's one call of git
            ["git", *args],  # noqa: S607 - the user's own git
            cwd=folder,
            env=settings.git_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError as err:
        raise GitError("git was not found", hint="install git 2.39 or newer") from err
    except NotADirectoryError as err:
        raise GitError(f"not a folder: {folder}") from err
    except subprocess.TimeoutExpired as err:
        raise GitError(f"git did not answer within {_TIMEOUT_S} s in {folder}") from err


def _reject_unless_absent(stderr: str) -> None:
    if "not a git repository" in stderr or "must be run in a work tree" in stderr:
        return
    hint = "git config --global --add safe.directory PATH" if "dubious" in stderr else ""
    first = stderr.strip().partition("\n")[0].removeprefix("fatal: ")
    raise GitError(f"git refuses to look at this folder: {first}", hint=hint)
