"""Symptoms of other systems that only a whole daemon could show; each fails to happen here."""

from __future__ import annotations

import json
from pathlib import Path

from house import Home, Server, Trap, curl, hosted
from sandbox import Checkout


def test_a_second_process_on_the_same_database_fails_no_live_job(
    home: Home, trap: Trap, origin: Checkout, tmp_path: Path
) -> None:
    daemon = Server(home, tmp_path / "server")
    daemon.start()
    daemon.sign_in(home)
    home.cidx("repo", "add", str(origin.folder), "--name", "demo")
    trap.arm("subprocess.Popen", "cat-file")
    job_id = home.json("sync", "demo")["job_id"]
    trap.caught()
    refused = home.run("cidxd", "serve", "--config", str(daemon.config), code=1)
    assert "another cidxd uses this data folder" in refused.stderr
    assert daemon.job(job_id)["status"] == "running"
    trap.release()
    job = daemon.ended(job_id)
    assert (job["status"], [a["interrupted"] for a in job["attempts"]]) == ("completed", [False])
    assert daemon.stop() == 0


def test_a_deleted_file_with_a_quoted_non_ascii_path_leaves_the_index(
    origin: Checkout, tmp_path: Path
) -> None:
    odd = 'Straße "ünï".txt'
    with hosted(tmp_path) as (home, _server):
        origin.commit({odd: "OLDNEEDLE\n", "tab\there.txt": "OLDNEEDLE\n"})
        home.cidx("repo", "add", str(origin.folder), "--name", "demo")
        home.cidx("sync", "demo", "--timeout", "60")
        found = home.cidx("query", "OLDNEEDLE", "--repo", "demo")
        assert len(found.splitlines()) == 2
        origin.commit({odd: None, "tab\there.txt": None})
        job = home.json("sync", "demo", "--timeout", "60")
        assert job["summary"]["files_deleted"] == 2
        assert home.cidx("query", "OLDNEEDLE", "--repo", "demo") == ""


def test_no_token_and_no_session_is_lost_with_a_restart(tmp_path: Path) -> None:
    with hosted(tmp_path) as (_home, server):
        posted = ("-H", "Content-Type: application/json", "-d")
        sent = json.dumps({"username": "ada", "password": "correct horse"})
        _, pair = curl(f"{server.url}/api/auth/login", "", *posted, sent)
        server.kill()
        server.start()
        assert curl(f"{server.url}/api/auth/me", pair["access_token"])[0] == 200
        sent = json.dumps({"refresh_token": pair["refresh_token"]})
        status, renewed = curl(f"{server.url}/api/auth/refresh", "", *posted, sent)
        assert (status, bool(renewed["refresh_token"])) == (200, True)
