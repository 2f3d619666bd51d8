"""The acceptance story of the product, word for word, and its scenarios."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from house import Home, Server, curl, wait_until
from sandbox import Checkout, git

FINAL = {"completed", "failed", "cancelled"}
PHASES = ["fetch", "diff", "index", "validate", "publish"]


def checkout_of(origin: Checkout, folder: Path) -> Path:
    git(folder.parent, "clone", "-q", str(origin.folder), str(folder))
    return folder


def linked(home: Home, server: Server, origin: Checkout, folder: Path) -> tuple[Path, str]:
    """Return a checkout linked to the server's repository, and a token for curl."""
    token = server.log_in(home)
    work = checkout_of(origin, folder)
    home.cidx("repo", "add", str(origin.folder), "--name", "demo")
    home.cidx("link", "demo", cwd=work)
    return work, token


def ended(server: Server, token: str, job_id: str) -> dict:  # type: ignore[type-arg]
    def final() -> dict | None:  # type: ignore[type-arg]
        _, job = curl(f"{server.url}/api/jobs/{job_id}", token)
        return job if job["status"] in FINAL else None

    found: dict = wait_until(f"the end of {job_id}", final)  # type: ignore[type-arg]
    return found


def test_the_acceptance_story(home: Home, server: Server, origin: Checkout, tmp_path: Path) -> None:
    work, token = linked(home, server, origin, tmp_path / "work")

    # 1. The command prints the job's id and status at once, and execution begins.
    syncing = home.start("cidx", "sync", "--timeout", "600", cwd=work)
    assert syncing.stdout is not None
    first = syncing.stdout.readline()
    job_id = next(word.strip(":") for word in first.split() if len(word.strip(":")) == 36)
    assert any(status in first for status in ("queued", "running", "completed"))

    # 2. and 3. curl, every moment: phases in order, a percentage that never goes back.
    seen: list[dict] = []  # type: ignore[type-arg]

    def over() -> bool:
        status, job = curl(f"{server.url}/api/jobs/{job_id}", token)
        assert status == 200
        seen.append(job)
        return job["status"] in FINAL

    wait_until("the job's end", over)
    percentages = [job["progress_percentage"] for job in seen]
    assert percentages == sorted(percentages)
    order = [PHASES.index(job["phase"]) for job in seen if job["phase"]]
    assert order == sorted(order)
    for job in seen[:-1]:
        assert (job["progress_percentage"] == 100) == (job["status"] == "completed")
        assert job["estimated_completion"] is not None

    # jq reads it as people do.
    line = subprocess.run(
        ["jq", "-c", "[.status, .progress_percentage]"],
        input=json.dumps(seen[-1]),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert json.loads(line) == ["completed", 100]

    # 4. Afterwards the same URL tells what was done, what it cost, and is kept.
    syncing.communicate(timeout=60)
    assert syncing.returncode == 0
    job = seen[-1]
    assert (job["status"], job["outcome"], job["error"]) == ("completed", "updated", None)
    assert job["elapsed_seconds"] > 0
    assert job["resources"]["cpu_seconds"] > 0
    assert job["resources"]["peak_rss_bytes"] > 1 << 20
    assert job["summary"]["files_total"] == 42
    assert job["summary"]["files_added"] == 42
    assert job["summary"]["files_indexed"] == 42
    assert [phase["name"] for phase in job["phases"]] == PHASES
    assert {phase["status"] for phase in job["phases"]} == {"completed"}
    assert [entry["phase"] for entry in job["history"]] == [None, None, *PHASES, None]
    head = origin.head()
    assert job["commits"] == [{"branch": "main", "before": None, "fetched": head, "indexed": head}]
    _, told = curl(f"{server.url}/api/jobs/{job_id}/events?limit=5000", token)
    steps = [event["type"] for event in told["events"] if event["type"] != "progressed"]
    assert steps == [
        "enqueued",
        "claimed",
        *["phase_started", "phase_completed"] * 4,
        "publish_started",
        "phase_started",
        "phase_completed",
        "completed",
    ]
    found = home.cidx("query", "NEEDLE", cwd=work)
    assert "src/needle.py:1:NEEDLE = 'first'" in found

    # Kept: after a restart as well.
    server.stop()
    server.start()
    _, kept = curl(f"{server.url}/api/jobs/{job_id}", token)
    assert kept == job


def test_one_file_changed_then_nothing(
    home: Home, server: Server, origin: Checkout, tmp_path: Path
) -> None:
    work, _ = linked(home, server, origin, tmp_path / "work")
    home.cidx("sync", "--timeout", "60", cwd=work)
    before = origin.head()
    after = origin.commit({"src/needle.py": "NEEDLE = 'second'\n"})
    job = home.json("sync", "--timeout", "60", cwd=work)
    assert (job["outcome"], job["summary"]["blobs_new"]) == ("updated", 1)
    assert job["summary"]["files_modified"] == 1
    assert job["summary"]["commits_received"] == 1
    assert job["commits"] == [
        {"branch": "main", "before": before, "fetched": after, "indexed": after}
    ]
    assert "'second'" in home.cidx("query", "NEEDLE", cwd=work)
    again = home.json("sync", "--timeout", "60", cwd=work)
    assert again["outcome"] == "unchanged"
    assert [phase["status"] for phase in again["phases"]] == ["completed", *["skipped"] * 4]
    assert again["progress_percentage"] == 100


def test_a_remote_that_is_gone_fails_the_job_and_search_goes_on(
    home: Home, server: Server, origin: Checkout, tmp_path: Path
) -> None:
    work, _ = linked(home, server, origin, tmp_path / "work")
    home.cidx("sync", "--timeout", "60", cwd=work)
    origin.folder.rename(tmp_path / "elsewhere")
    done = home.run("cidx", "sync", "--timeout", "60", cwd=work, code=5)
    assert "remote repository does not exist" in done.stderr + done.stdout
    assert "hint:" in done.stderr + done.stdout
    job = home.json("jobs", "list")["jobs"][0]
    assert job["status"] == "failed"
    assert job["error"]["code"] == "remote-not-found"
    assert job["error"]["phase"] == "fetch"
    assert len(job["attempts"]) == 1, "a permanent fault is not tried again"
    assert "'first'" in home.cidx("query", "NEEDLE", cwd=work)


def test_five_repositories_at_once_are_tracked_independently(
    home: Home, server: Server, tmp_path: Path
) -> None:
    token = server.log_in(home)
    job_ids = {}
    for number in range(5):
        origin = Checkout(tmp_path / f"origin-{number}")
        origin.commit({f"file_{n}.txt": f"word{number} {n}\n" for n in range(number + 1)})
        home.cidx("repo", "add", str(origin.folder), "--name", f"demo-{number}")
    for number in range(5):
        job_ids[number] = home.json("sync", f"demo-{number}")["job_id"]
    assert len(set(job_ids.values())) == 5
    for number, job_id in job_ids.items():
        job = ended(server, token, job_id)
        assert job["status"] == "completed"
        assert job["repository"] == f"demo-{number}"
        assert job["summary"]["files_total"] == number + 1
        _, answer = curl(f"{server.url}/api/jobs/{job_id}/events?after=0&limit=5000", token)
        assert [event["seq"] for event in answer["events"]] == list(
            range(1, len(answer["events"]) + 1)
        )
        assert {event["job_id"] for event in answer["events"]} == {job_id}
    matches = [
        json.loads(line)
        for line in home.cidx("query", "word", "--all", "--limit", "0", "--json").splitlines()
    ]
    assert len(matches) == 1 + 2 + 3 + 4 + 5
