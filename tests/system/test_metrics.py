"""What a scraper sees of a real daemon."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from house import Server, hosted, wait_until
from sandbox import Checkout


def scraped(server: Server, *how: str) -> dict[str, float]:
    done = subprocess.run(["curl", "-sSf", *how], capture_output=True, text=True, check=True)
    found = re.findall(r"^(cidxd_\S+) (\S+)$", done.stdout, re.MULTILINE)
    assert found, server.log()
    return {name: float(value) for name, value in found}


def test_counters_begin_anew_with_a_restart_and_the_loop_is_watched(
    origin: Checkout, tmp_path: Path
) -> None:
    with hosted(tmp_path, more="[metrics]\nopen = true\n") as (home, server):
        home.cidx("repo", "add", str(origin.folder), "--name", "demo")
        home.cidx("sync", "demo", "--timeout", "60")
        ended = 'cidxd_jobs_ended_total{outcome="updated",status="completed"}'
        assert scraped(server, f"{server.url}/metrics")[ended] == 1
        server.kill()
        server.start()
        socket = ("--unix-socket", str(server.folder / "data" / "admin.sock"))
        now = scraped(server, *socket, "http://admin/metrics")
        assert now[ended] == 0
        assert 0 < now['cidxd_repository_age_seconds{repository="demo"}'] < 60
        looked = "cidxd_event_loop_lag_seconds_count"
        wait_until("a look at the loop", lambda: scraped(server, f"{server.url}/metrics")[looked])
