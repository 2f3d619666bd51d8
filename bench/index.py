"""
Every row of the target table, cidx beside its peers in one run on the same repositories.

`python bench/index.py [--rounds N] REPO…` or `make bench-index REPOS="…"`.  Each REPO is
cloned first and never written to.  Peers that are not on PATH are named as missing.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import building
import peers
import searching
import syncing
from children import MAX_FILE_BYTES
from daemon import Daemon
from subject import Subject
from tables import targets


def main() -> int:
    arguments = _arguments()
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {arguments.rounds} rounds; "
          f"missing peers: {', '.join(peers.missing()) or 'none'}.")  # fmt: skip
    for repository in arguments.repositories:
        with tempfile.TemporaryDirectory() as temporary:
            measure(Path(repository), Path(temporary), arguments)
    return 0


def measure(repository: Path, folder: Path, arguments: argparse.Namespace) -> None:
    subject = Subject(repository, folder / "subject", arguments.limit)
    origin = "its own" if subject.is_real else "made here"
    print(f"\n## {subject.name}\n\n{subject.text_bytes / 1e6:.1f} MB of text in "
          f"{subject.files:,} files of at most {subject.limit / 1e6:.1f} MB; "
          f"the commits to sync are {origin}.\n", flush=True)  # fmt: skip
    built = building.measure(subject, folder, arguments.rounds)
    print(f"{targets(built.rows)}\n\n{built.text}\n", flush=True)
    with Daemon(folder / "daemon", max_file_bytes=arguments.limit) as daemon:
        home = daemon.register(subject.tree, subject.name)
        waited = daemon.wait_for_symbols(subject.name)
        print(f"All definitions were there {waited:.1f} s after the first sync.\n", flush=True)
        searched = searching.measure(subject, daemon, built, max(arguments.rounds, 5))
        print(f"{targets(searched.rows)}\n\n{searched.text}\n", flush=True)
        rows = syncing.nothing_new(subject, daemon, home)
        codesearches, rounds = built.codesearches, min(4, arguments.rounds)
        rows += syncing.some_commits(subject, daemon, codesearches, rounds)
        print(targets(rows), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip())
    parser.add_argument("repositories", nargs="+", metavar="REPO")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=int, default=MAX_FILE_BYTES, help="bytes of a file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
