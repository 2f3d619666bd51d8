"""
The peers: found on PATH and used, or named as missing.

`cindex` and `csearch` may stand there twice, from a distribution and built by a newer
compiler; all of them are measured, and the fastest is the one that counts.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

import corpus
from children import resident

_PATIENCE_S: Final = 120
NEEDED: Final = (
    *("cindex", "csearch", "zoekt-git-index", "zoekt-webserver", "ctags", "rg", "git"),
)


def found(name: str) -> list[str]:
    """Return every program of this name on PATH, the first one first."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    paths = [shutil.which(name, path=folder) for folder in folders]
    return list(dict.fromkeys(os.path.realpath(path) for path in paths if path))


def missing() -> list[str]:
    return [name for name in NEEDED if not found(name)]


class Codesearch:
    """One build of google/codesearch, with an index of its own."""

    def __init__(self, cindex: str, index: Path) -> None:
        self.cindex = cindex
        self.csearch = str(Path(cindex).with_name("csearch"))
        self.index = index
        self._env = {**corpus.ENV, "CSEARCHINDEX": str(index)}

    def build(self, tree: Path) -> None:
        """Index a work tree from nothing."""
        self.index.unlink(missing_ok=True)
        self._run([self.cindex, str(tree)])

    def rerun(self) -> None:
        """Bring the index up to date as its user does: the known paths once more."""
        # The newest version can panic when it merges, its last step: what it took counts.
        subprocess.run([self.cindex], env=self._env, capture_output=True, check=False)

    def files(self, pattern: str) -> list[str]:
        """Return the files with a match of *pattern*, an expression of Go's syntax."""
        argv = [self.csearch, "-l", pattern]
        done = subprocess.run(argv, env=self._env, capture_output=True, check=False)
        return done.stdout.decode("utf-8", "replace").splitlines()

    def _run(self, argv: Sequence[str]) -> None:
        subprocess.run(argv, env=self._env, capture_output=True, check=True)


def zoekt_index(repository: Path, index: Path, *, symbols: bool, limit: int) -> None:
    """Index HEAD of *repository* from nothing, with or without the symbols of ctags."""
    shutil.rmtree(index, ignore_errors=True)
    kind = "-require_ctags" if symbols else "-disable_ctags"
    argv = ["zoekt-git-index", "-index", str(index), "-incremental=false", "-submodules=false"]
    argv += ["-parallelism", str(os.cpu_count()), f"-file_limit={limit}", kind]
    env = {**corpus.ENV, "CTAGS_COMMAND": (found("ctags") or [""])[0]}
    subprocess.run([*argv, str(repository)], env=env, capture_output=True, check=True)


class ZoektServer:
    """`zoekt-webserver` on one index, at a free port of this machine, and one connection."""

    def __init__(self, index: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        listen = f"127.0.0.1:{port}"
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self.process = subprocess.Popen(
            ["zoekt-webserver", "-index", str(index), "-listen", listen, "-rpc", "-html=false"],
            env=corpus.ENV,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

        self._wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self.process.terminate()
        self.process.wait()

    def memory(self, field: str) -> int:
        return resident(self.process.pid, field)

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", "/api/search", json.dumps(question), headers)
        answer = self._connection.getresponse()
        text = answer.read()
        assert answer.status == http.client.OK, text
        return dict(json.loads(text)["Result"])

    def _wait(self) -> None:
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            with contextlib.suppress(OSError, http.client.HTTPException, AssertionError):
                if self.ask({"Q": "type:repo .*"}):
                    return
            self._connection.close()
            time.sleep(0.1)
        raise TimeoutError("zoekt-webserver does not answer")

    @staticmethod
    def question(pattern: str, limit: int, *, is_regex: bool, stops_early: bool) -> dict[str, Any]:
        """Return what is asked for the first *limit* matching lines."""
        expression = pattern if is_regex else re.escape(pattern)
        quoted = expression.replace("\\", "\\\\").replace('"', '\\"')
        enough = {"ShardMaxMatchCount": limit, "TotalMaxMatchCount": limit} if stops_early else {}
        options = {"MaxMatchDisplayCount": limit, "MaxDocDisplayCount": limit, **enough}
        return {"Q": f'case:yes content:"{quoted}"', "Opts": options}


def first_lines(argv: Sequence[str], tree: Path, limit: int) -> int:
    """Start a search in *tree*, read *limit* lines as `head` would, end it; return their number."""
    with subprocess.Popen(
        argv, cwd=tree, env=corpus.ENV, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        count = sum(1 for _ in zip(range(limit), process.stdout, strict=False))
        process.kill()
    return count


def git_grep(pattern: str, *, is_regex: bool) -> list[str]:
    return ["git", "grep", "-n", "-I", "-P" if is_regex else "-F", "-e", pattern]


def ripgrep(pattern: str, *, is_regex: bool) -> list[str]:
    kind = [] if is_regex else ["-F"]
    # Without a path it would read standard input where that is no terminal.
    return ["rg", "--no-ignore-vcs", "-n", "--no-heading", *kind, "-e", pattern, "./"]


def fetch(mirror: Path, remote: Path, branch: str) -> None:
    """Bring *branch* of *remote* to *mirror* with git alone."""
    argv = ["git", f"--git-dir={mirror}", "fetch", "-q", "--no-tags", str(remote)]
    subprocess.run([*argv, f"+refs/heads/{branch}:refs/heads/{branch}"], env=corpus.ENV, check=True)
