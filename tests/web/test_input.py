"""What the fuzz of the contract has found, one by one: input that was taken for something else."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api

from cidxd.model import repository


@pytest.mark.parametrize("value", [0, 1, "true", "yes"])
async def test_what_is_not_true_or_false_is_neither(api: Api, demo: str, value: object) -> None:
    body = {"repository": demo, "full": value}
    status, problem = await api.ask("POST", "/api/sync", body)
    assert (status, problem["code"], problem["pointer"]) == (422, "body-invalid", "/full")


async def test_a_log_has_no_byte_at_an_offset_beyond_what_files_can_have(
    api: Api, demo: str
) -> None:
    job = await api.synced(demo)
    status, problem = await api.ask("GET", job["links"]["log"] + f"?offset={(1 << 62) - 1}")
    assert (status, problem["code"]) == (416, "offset-beyond")


@pytest.mark.parametrize("size", [39, 41, 50, 63, 65])
async def test_commits_are_asked_for_by_whole_ids(api: Api, demo: str, size: int) -> None:
    path = f"/api/repositories/{demo}/commits?until={'a' * size}"
    status, problem = await api.ask("GET", path)
    assert (status, problem["code"], problem["pointer"]) == (400, "query-invalid", "?until")


@pytest.mark.parametrize("name", [".", "..", "discover"])
async def test_a_name_that_no_address_can_have_is_refused(api: Api, demo: str, name: str) -> None:
    status, problem = await api.ask("PATCH", f"/api/repositories/{demo}", {"name": name})
    assert (status, problem["code"], problem["pointer"]) == (422, "name-invalid", "/name")
    assert repository.name_for(f"https://git.example.org/team/{name}.git") == "repository"


async def test_the_methods_of_an_address_are_its_own_and_not_those_of_a_pattern(api: Api) -> None:
    for path, methods in (
        ("/api/repositories/discover", "GET"),
        ("/api/repositories/tools", "DELETE,GET,PATCH"),
        ("/api/users", "GET,POST"),
    ):
        headers = {"Authorization": f"Bearer {api.token}"}
        async with api.client.request("PUT", path, headers=headers) as response:
            assert response.status == 405
            assert response.headers["Allow"] == methods
            assert (await response.json())["code"] == "method-not-allowed"


async def test_a_key_that_is_not_ascii_is_refused(api: Api, demo: str) -> None:
    headers = {"Idempotency-Key": "schl\N{LATIN SMALL LETTER U WITH DIAERESIS}ssel"}
    status, problem = await api.ask("POST", "/api/sync", {"repository": demo}, headers=headers)
    assert (status, problem["code"]) == (400, "header-invalid")


async def test_the_contract_names_the_headers_of_requests_and_of_answers(api: Api) -> None:
    _, contract = await api.ask("GET", "/api/openapi.json", token="")
    paths: dict[str, Any] = contract["paths"]
    sync, one = paths["/api/sync"]["post"], paths["/api/jobs/{job_id}"]["get"]
    taken = {part["name"] for part in sync["parameters"] if part["in"] == "header"}
    assert taken == {"Idempotency-Key", "Prefer", "traceparent"}
    assert sync["responses"]["202"]["headers"]["Location"]["required"]
    assert one["responses"]["200"]["headers"]["ETag"]["required"]
    assert "content" not in one["responses"]["304"]
    assert "422" in paths["/api/jobs/{job_id}/retry"]["post"]["responses"]
    for methods in paths.values():
        for operation in methods.values():
            refused = operation["responses"].get("401")
            assert refused is None or refused["headers"]["WWW-Authenticate"]["required"]
