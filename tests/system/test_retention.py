"""A daemon that starts removes what is too old, and goes on from there."""

from __future__ import annotations

from pathlib import Path

from house import Home, Server, curl, wait_until
from sandbox import Checkout


def test_jobs_that_are_too_old_are_gone_after_the_next_start_and_the_last_ones_are_whole(
    home: Home, origin: Checkout, tmp_path: Path
) -> None:
    rules = "[retention]\ncompleted_days = 1e-9\nkept_per_repository = 1\n"
    server = Server(home, tmp_path / "server", more=rules)
    server.start()
    try:
        server.sign_in(home)
        home.cidx("repo", "add", str(origin.folder), "--name", "demo")
        old, last = (server.ended(home.json("sync", "demo")["job_id"]) for _ in range(2))
        logs = server.folder / "data" / "logs"
        assert len(list(logs.rglob("*.log"))) == 2

        server.kill()
        server.start()
        wait_until("the pruning", lambda: "jobs_pruned" in server.log())

        assert curl(f"{server.url}/api/jobs/{old['job_id']}", server.token)[0] == 404
        assert [path.stem for path in logs.rglob("*.log")] == [last["job_id"]]
        followed = home.cidx("jobs", "follow", last["job_id"], "--json").splitlines()
        assert '"seq":1,' in followed[0].replace(" ", "")
        assert server.ended(home.json("sync", "demo")["job_id"])["status"] == "completed"
        assert home.cidx("query", "--repo", "demo", "NEEDLE")
    finally:
        server.stop()
