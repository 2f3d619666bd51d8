"""`make demo`: sync a real repository through the embedded daemon, search it, say how to go on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CIDX = [sys.executable, "-m", "cidx"]


def main() -> int:
    repository = sys.argv[1] if sys.argv[1:] else str(ROOT)
    if Path(repository).is_dir():
        repository = str(Path(repository).resolve())
    name = registered(repository)
    show("sync", name, "--follow")
    show("query", "the", "--repo", name, "--limit", "5")
    show("query", "--symbol", "main", "--repo", name, "--limit", "3")
    cidx = (ROOT / ".venv/bin/cidx").relative_to(ROOT)
    print(
        f"\nGo on with:\n"
        f"  {cidx} query PATTERN --repo {name}     search it; --regex, --symbol, --files\n"
        f"  {cidx} sync {name} --follow            sync it again\n"
        f"  {cidx} jobs list                       what was synced, and how it ended\n"
        f"  {cidx} status                          what is running\n"
        f"  {cidx} down                            stop the embedded daemon"
    )
    return 0


def registered(repository: str) -> str:
    """Register *repository*, a path or an address, and return the name it has."""
    done = subprocess.run(
        [*CIDX, "repo", "add", repository, "--json"], capture_output=True, text=True, check=False
    )
    print(f"$ cidx repo add {repository}")
    known = re.search(r"registered already: (\S+)", done.stderr)
    if known:
        return known[1]
    if done.returncode:
        print(done.stderr, end="", file=sys.stderr)
        sys.exit(done.returncode)
    return str(json.loads(done.stdout)["name"])


def show(*argv: str) -> None:
    print(f"\n$ cidx {' '.join(argv)}", flush=True)
    code = subprocess.run([*CIDX, *argv], check=False).returncode
    if code:
        sys.exit(code)


if __name__ == "__main__":
    sys.exit(main())
