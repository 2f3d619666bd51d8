"""A daemon that has nothing else to do keeps its indexes small."""

from __future__ import annotations

import shutil
from pathlib import Path

from house import Home, Server, wait_until
from sandbox import Checkout

SYNCS = 8  # so many small segments become one


def segments(server: Server) -> list[Path]:
    return list((server.folder / "data" / "repositories").glob("*/index/epoch-*/segments/*"))


def synced(home: Home, origin: Checkout, times: int) -> str:
    """Sync one more file so many times, and return what a search finds."""
    home.cidx("repo", "add", str(origin.folder), "--name", "demo")
    for number in range(times):
        origin.commit({f"src/more_{number}.py": f"NEEDLE = {number}\n"})
        home.cidx("sync", "demo", "--timeout", "60")
    return home.cidx("query", "NEEDLE", "--repo", "demo")


def test_small_syncs_leave_one_segment_and_the_same_answers(
    home: Home, server: Server, origin: Checkout
) -> None:
    server.log_in(home)
    before = synced(home, origin, SYNCS)
    wait_until("the merge", lambda: len(segments(server)) == 1)
    assert home.cidx("query", "NEEDLE", "--repo", "demo") == before
    origin.commit({"src/last.py": "NEEDLE = 'last'\n"})
    home.cidx("sync", "demo", "--timeout", "60")
    assert "src/last.py:1:" in home.cidx("query", "NEEDLE", "--repo", "demo")
    assert "upkeep_done" in server.log()


def test_what_was_not_finished_is_done_after_the_next_start(
    home: Home, server: Server, origin: Checkout
) -> None:
    server.log_in(home)
    before = synced(home, origin, SYNCS - 1)
    [index] = (server.folder / "data" / "repositories").glob("*/index")
    assert server.stop() == 0
    # What is left of a merge that was interrupted just before its commit.
    orphan = shutil.copy(segments(server)[0], next(index.glob("epoch-*/segments")) / "0123.seg")
    server.start()
    wait_until("the sweep", lambda: not Path(orphan).exists())
    assert len(segments(server)) == SYNCS - 1
    assert home.cidx("query", "NEEDLE", "--repo", "demo") == before
