"""What a page shows of a repository: last jobs, size on disk, commits with their subjects."""

from __future__ import annotations

from api_client import Api
from sandbox import Checkout


async def test_recent_jobs_are_told_in_a_few_words(api: Api, demo: str) -> None:
    first, second = await api.synced(demo), await api.synced(demo)
    _, told = await api.ask("GET", f"/api/repositories/{demo}/recent")
    assert [job["job_id"] for job in told["jobs"]] == [second["job_id"], first["job_id"]]
    newest, oldest = told["jobs"]
    assert (newest["outcome"], oldest["outcome"]) == ("unchanged", "updated")
    assert set(oldest["phases"]) == {"fetch", "diff", "index", "validate", "publish"}
    assert "diff" not in newest["phases"]
    assert oldest["elapsed_seconds"] == first["elapsed_seconds"]


async def test_recent_jobs_are_as_many_as_were_asked_for(api: Api, demo: str) -> None:
    for _ in range(3):
        await api.synced(demo)
    _, told = await api.ask("GET", f"/api/repositories/{demo}/recent?limit=2")
    assert len(told["jobs"]) == 2


async def test_storage_is_in_bytes_and_nothing_before_the_first_sync(api: Api, demo: str) -> None:
    _, before = await api.ask("GET", f"/api/repositories/{demo}/storage")
    assert before == {"index_bytes": 0, "mirror_bytes": 0}
    await api.synced(demo)
    _, after = await api.ask("GET", f"/api/repositories/{demo}/storage")
    assert after["index_bytes"] > 1000
    assert after["mirror_bytes"] > 1000


async def test_commits_of_a_job_come_with_their_subjects(
    api: Api, demo: str, origin: Checkout
) -> None:
    first = (await api.synced(demo))["commits"][0]["indexed"]
    origin.commit({"ä.txt": "one\n"}, message="Grüße from a subject\n\nand a body")
    origin.commit({"b.txt": "two\n"}, message="Second")
    second = (await api.synced(demo))["commits"][0]
    path = f"/api/repositories/{demo}/commits"
    _, told = await api.ask("GET", f"{path}?since={first}&until={second['indexed']}")
    assert [one["subject"] for one in told["commits"]] == ["Second", "Grüße from a subject"]
    assert told["more"] is False
    _, told = await api.ask("GET", f"{path}?until={second['indexed']}&limit=2")
    assert (len(told["commits"]), told["more"]) == (2, True)


async def test_commits_that_the_mirror_does_not_have_are_not_found(api: Api, demo: str) -> None:
    path = f"/api/repositories/{demo}/commits?until={'0' * 40}"
    assert (await api.ask("GET", path))[1]["code"] == "not-indexed"
    await api.synced(demo)
    status, problem = await api.ask("GET", path)
    assert (status, problem["code"]) == (404, "commit-not-found")
    assert (await api.ask("GET", f"/api/repositories/{demo}/commits?until=HEAD"))[0] == 400


async def test_a_commit_of_a_year_that_no_calendar_has_is_listed_all_the_same(
    api: Api, demo: str, origin: Checkout
) -> None:
    who = "A <a@b> 99999999999999 +0000"
    tree, parent = origin.git("rev-parse", "HEAD^{tree}"), origin.head()
    raw = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\nforged\n"
    file = origin.folder.with_name("forged")
    file.write_text(raw)
    forged = origin.git("hash-object", "-t", "commit", "-w", "--literally", str(file))
    origin.git("update-ref", "refs/heads/main", forged)
    await api.synced(demo)
    _, listed = await api.ask("GET", f"/api/repositories/{demo}/commits?until={forged}")
    assert listed["commits"][0]["subject"] == "forged"
    assert listed["commits"][0]["authored_at"] == "1970-01-01T00:00:00Z"
