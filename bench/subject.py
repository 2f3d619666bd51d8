"""A repository to measure on: a work tree to search, a bare mirror to index, commits to sync."""

from __future__ import annotations

import random
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import corpus
from corpus import git

COMMITS = 44  # that are there to be synced: 4 rounds of one and of ten
_CHANGED_FILES = 4  # of a scripted commit
_SAMPLE = 400  # files read for patterns


class Pattern(NamedTuple):
    """What is searched for, and what makes it a case of its own."""

    kind: str
    text: str
    is_regex: bool = False


class Subject:
    """
    A clone to work in.

    Attributes:
        name: Of the repository.
        tree: The work tree; its branch `main` is the remote.
        mirror: A bare clone with everything of it, as it was at first.
        limit: Larger files are not searched by content.
        commits: Ids to move `main` along, oldest first; the first one is where it starts.
        is_real: The commits are the repository's own; otherwise they were made here.
        text_bytes: Of the files whose content is indexed, at the first commit.
        files: How many those are.
    """

    def __init__(self, source: Path, folder: Path, limit: int) -> None:
        folder.mkdir()
        self.limit = limit
        self.name = re.sub(r"\.git$", "", source.resolve().name)
        self.tree = folder / "tree"
        # Not shared: a commit made here must not land beside somebody's own.
        git(folder, "clone", "-q", "--no-checkout", str(source.resolve()), str(self.tree))
        git(self.tree, "checkout", "-q", "-B", "main", "HEAD")
        git(self.tree, "config", "gc.auto", "0")
        real = git(self.tree, "rev-list", "--first-parent", f"-{COMMITS + 1}", "HEAD").split()
        self.is_real = len(real) > COMMITS
        ids = real[::-1] if self.is_real else self._scripted()
        self.commits = [commit.decode() for commit in ids]
        self.mirror = folder / "mirror.git"
        git(folder, "clone", "-q", "--bare", str(self.tree), str(self.mirror))
        self.move(0)
        self.text_bytes, self.files = self._text()

    def move(self, number: int) -> str:
        """Put `main` and the work tree at the commit of this number; return its id."""
        commit = self.commits[number]
        git(self.tree, "reset", "-q", "--hard", commit)
        return commit

    def patterns(self) -> list[Pattern]:
        """Return a pattern of each kind, chosen from what stands in the repository."""
        words = self._words()
        common = max(words, key=lambda word: (words[word], word))
        rare = min((w for w in words if len(w) > 11), key=lambda w: (words[w], w), default=common)  # noqa: PLR2004 - long words are rare enough
        middle = sorted((w for w in words if len(w) > 7), key=lambda w: (-words[w], w))[:1]  # noqa: PLR2004 - likewise
        name = (middle or [common])[0]
        return [
            Pattern("rare", rare),
            Pattern("common", common),
            Pattern("absent", "NotAnywhereAtAll"),
            Pattern("two characters", common[:2]),
            Pattern("phrase", self._phrase(name)),
            Pattern("regex", f"{name[:5]}[a-z_]*{name[-3:]}\\(", is_regex=True),
            Pattern("regex without trigrams", "[0-9][a-f][0-9]{2}[g-z]{2}", is_regex=True),
        ]

    def _texts(self) -> list[str]:
        dice = random.Random(20261124)  # noqa: S311 - the same sample in every run
        names = git(self.tree, "ls-files", "-z").split(b"\0")[:-1]
        paths = [self.tree / name.decode("utf-8", "surrogateescape") for name in names]
        chosen = dice.sample(paths, min(_SAMPLE, len(paths)))
        whole = (path.read_bytes() for path in chosen if path.is_file() and not path.is_symlink())
        return [text.decode("utf-8", "replace") for text in whole if b"\0" not in text[:8000]]

    def _words(self) -> Counter[str]:
        return Counter(
            w for t in self._texts() for w in re.findall(r"\b[A-Za-z_]\w{3,40}\b", t, re.ASCII)
        )

    def _phrase(self, word: str) -> str:
        around = re.compile(rf"[!-~]+ +{word}[ -~]{{0,6}}", re.ASCII)
        found = (around.search(text) for text in self._texts())
        return next((hit[0].strip() for hit in found if hit), word)

    def _text(self) -> tuple[int, int]:
        """Count what is text and not too large, as git grep -I and the limit see it."""
        sizes = self._sizes()
        argv = ["git", "grep", "-I", "-l", "-z", "-e", "", "HEAD"]
        done = subprocess.run(argv, cwd=self.tree, env=corpus.ENV, capture_output=True, check=False)
        texts = (name.removeprefix(b"HEAD:") for name in done.stdout.split(b"\0")[:-1])
        kept = [sizes[name] for name in texts if sizes.get(name, self.limit + 1) <= self.limit]
        return sum(kept), len(kept)

    def _sizes(self) -> dict[bytes, int]:
        """Return the bytes of each file of HEAD, links left out."""
        listed = git(self.tree, "ls-tree", "-r", "-l", "-z", "HEAD").split(b"\0")[:-1]
        rows = (line.split(b"\t", 1) for line in listed)
        return {path: int(head.split()[3]) for head, path in rows if head.startswith(b"100")}

    def _scripted(self) -> list[bytes]:
        """
        Commit small changes to some files each; return the ids, where it stood first.

        Before that the files over the limit go, so that everybody reads the same.
        """
        for name, size in self._sizes().items():
            if size > self.limit:
                (self.tree / name.decode("utf-8", "surrogateescape")).unlink()
        git(self.tree, "commit", "-q", "-a", "--allow-empty", "-m", "without large files")
        dice = random.Random(20261125)  # noqa: S311 - likewise
        names = git(self.tree, "ls-files", "-z", "*.c", "*.h", "*.py", "*.go", "*.md").split(b"\0")
        paths = [self.tree / name.decode("utf-8", "surrogateescape") for name in names if name]
        ids = [git(self.tree, "rev-parse", "HEAD").strip()]
        for number in range(COMMITS):
            for path in dice.sample(paths, _CHANGED_FILES):
                with path.open("ab") as file:
                    file.write(b"// change %d of this file\n" % number)
            git(self.tree, "commit", "-q", "-am", f"change {number}")
            ids.append(git(self.tree, "rev-parse", "HEAD").strip())
        return ids
