"""
Jobs, beside the least that could do the same: `jobs.py [part…]`, all parts without one.

Parts: `ledger`, `http`, `get`, `followers`, `history`.  The last one makes a database of a
million jobs first (8 GB, ten minutes); with `--keep FOLDER` it is made once and used again.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import asking
import broadcasting
import million
import submitting
from rates import Rate, number, shown
from tables import table


def _ledger(_folder: Path, _options: argparse.Namespace) -> None:
    print(shown(submitting.measured(rounds=9, jobs=1280)))


def _http(folder: Path, _options: argparse.Namespace) -> None:
    called = submitting.over_http(folder, jobs=3000)
    print(
        f"Over HTTP, {submitting.CALLERS} connections: {called.rate:,.0f} jobs/s,"
        f" p50 {called.p50 * 1e3:.1f} ms, p99 {called.p99 * 1e3:.1f} ms."
    )


def _get(folder: Path, _options: argparse.Namespace) -> None:
    rates, note = asking.measured(folder, rounds=7, connections=32, requests=10_000)
    print(shown(rates), f"\n{note}")


def _followers(folder: Path, _options: argparse.Namespace) -> None:
    found = broadcasting.measured(folder, rounds=3, followers=1000, events=100)
    print(shown(found.rates))
    print(
        f"\nNone was lost.  {found.per_follower / 1024:.0f} KiB of the daemon for each follower;"
        f" the followers' process was busy {found.busy:.0%} of the time at most."
    )


def _history(folder: Path, options: argparse.Namespace) -> None:
    root = options.keep or folder
    counts = {"none": 0, f"{million.SHORT:,}": million.SHORT, f"{options.jobs:,}": options.jobs}
    folders = {n: million.prepared(root / str(jobs), jobs) for n, jobs in counts.items()}
    _, short, long = folders.values()
    weights = million.weighed(folders)
    empty = weights["none"]
    print(
        table(
            ("stored jobs", "until READY", "of none", "memory (Pss)", "of none"),
            [
                (
                    name,
                    number(one.ready_s, "s"),
                    f"{one.ready_s / empty.ready_s:.2f} (≤ 1.3)",
                    number(one.pss / 1e6, "MB"),
                    f"{one.pss / empty.pss:.2f} (≤ 1.3)",
                )
                for name, one in weights.items()
            ],
        )
    )
    rates: list[Rate] = million.paged(short, long, rounds=9)
    print(f"\n{shown(rates)}\n")
    strain = million.stats_strain(long)
    pruned, before, after = million.retention_strain(long, days=27)
    head = ("meanwhile", "seconds", "GET p50", "GET worst", "submit p50", "submit worst")
    named = {"GET /api/stats": strain, f"retention, {before - after:,} jobs removed": pruned}
    print(
        table(
            head,
            [
                (name, f"{one.seconds:.1f}", *(number(s * 1e3, "ms") for s in one[1:]))
                for name, one in named.items()
            ],
        )
    )


_PARTS: Final[dict[str, Callable[[Path, argparse.Namespace], None]]] = {
    "ledger": _ledger,
    "http": _http,
    "get": _get,
    "followers": _followers,
    "history": _history,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*_PARTS, []], default=[])
    parser.add_argument("--jobs", type=int, default=1_000_000, help="stored ones")
    parser.add_argument("--keep", type=Path, help="where to keep the stored ones")
    options = parser.parse_args()
    for part in options.parts or _PARTS:
        print(f"\n### {part}\n", flush=True)
        with tempfile.TemporaryDirectory(prefix="cidx-bench-") as folder:
            _PARTS[part](Path(folder), options)


if __name__ == "__main__":
    main()
