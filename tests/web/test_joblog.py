from __future__ import annotations

import dataclasses

from api_client import Api


async def asked(api: Api, path: str) -> tuple[int, str, str, bytes]:
    """Return status, type, Content-Range and body."""
    headers = {"Authorization": f"Bearer {api.token}"}
    async with api.client.request("GET", path, headers=headers) as response:
        which = response.headers.get("Content-Range", "")
        return response.status, response.headers["Content-Type"], which, await response.read()


async def test_a_jobs_log_tells_its_course_and_is_read_from_any_byte(api: Api, demo: str) -> None:
    job = await api.synced(demo)
    path = job["links"]["log"]
    assert path == f"/api/jobs/{job['job_id']}/log"

    status, kind, which, whole = await asked(api, path)
    size = len(whole)
    assert (status, kind) == (200, "text/plain; charset=utf-8")
    assert which == f"bytes 0-{size - 1}/{size}"
    told = [line.split(" ", 1)[1] for line in whole.decode().splitlines()]
    own = [line for line in told if not line.startswith(("git: ", "indexer: "))]
    assert own[:2] == ["attempt 1 started", "fetch started"]
    assert own[2].startswith("fetch completed in ")
    assert own[-1] == "completed, updated"
    assert any(line.startswith("git: From ") for line in told)

    at = whole.index(b"\n") + 1
    answer = await asked(api, f"{path}?offset={at}")
    assert answer[2:] == (f"bytes {at}-{size - 1}/{size}", whole[at:])
    assert await asked(api, f"{path}?offset={size}") == (200, kind, f"bytes */{size}", b"")


async def test_an_offset_beyond_the_log_says_where_to_begin_again(api: Api, demo: str) -> None:
    job = await api.synced(demo)
    status, problem = await api.ask("GET", f"{job['links']['log']}?offset=100000")
    assert (status, problem["code"], problem["pointer"]) == (416, "offset-beyond", "?offset")
    for wrong in ("-1", "x", "9999999999999999999999"):
        status, problem = await api.ask("GET", f"{job['links']['log']}?offset={wrong}")
        assert (status, problem["code"]) == (400, "query-invalid")


async def test_a_job_from_before_there_were_logs_has_an_empty_one(api: Api, demo: str) -> None:
    job = await api.synced(demo)
    file = next(api.made.services.data.logs.rglob(f"{job['job_id']}.log"))
    file.unlink()
    assert (await asked(api, job["links"]["log"]))[2:] == ("bytes */0", b"")


async def test_a_job_whose_log_cannot_be_written_completes_without_it(api: Api, demo: str) -> None:
    api.made.services.data.logs.write_text("not a folder")
    job = await api.synced(demo)
    assert job["outcome"] == "updated"
    assert (await asked(api, job["links"]["log"]))[2:] == ("bytes */0", b"")


async def test_a_job_that_nobody_knows_has_no_log(api: Api) -> None:
    status, problem = await api.ask("GET", "/api/jobs/ffffffff/log")
    assert (status, problem["code"]) == (404, "job-not-found")


async def test_a_cancel_while_queued_is_told_with_who_and_why(api: Api, demo: str) -> None:
    ledger = api.made.services.ledger
    ledger.limits = dataclasses.replace(ledger.limits, running=0)
    _, job = await api.ask("POST", "/api/sync", {"repository": demo})
    await api.ask("POST", f"/api/jobs/{job['job_id']}/cancel", {"reason": "not now"})
    body = (await asked(api, job["links"]["log"]))[3]
    assert body.decode().split(" ", 1)[1] == "cancelled by ada: not now\n"


async def test_the_log_of_a_job_outlives_its_repository(api: Api, demo: str) -> None:
    job = await api.synced(demo)
    before = await asked(api, job["links"]["log"])
    status, _ = await api.ask("DELETE", f"/api/repositories/{demo}")
    assert status == 204
    assert await asked(api, job["links"]["log"]) == before


async def test_the_contract_says_that_a_log_is_text(api: Api) -> None:
    _, contract = await api.ask("GET", "/api/openapi.json")
    responses = contract["paths"]["/api/jobs/{job_id}/log"]["get"]["responses"]
    assert responses["200"]["content"] == {"text/plain": {"schema": {"type": "string"}}}
    assert "416" in responses
