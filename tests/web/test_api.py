from __future__ import annotations

import json
import re
from typing import Any

import pytest
from api_client import Api
from sandbox import Checkout


async def test_every_route_but_the_open_ones_wants_a_token(api: Api) -> None:
    _, contract = await api.ask("GET", "/api/openapi.json", token="")
    for path, operations in contract["paths"].items():
        for method, operation in operations.items():
            is_open = operation.get("security") == []
            filled = re.sub(r"\{\w+\}", "x", path)
            status, _ = await api.ask(method.upper(), filled, token="")
            assert (status == 401) != is_open, (method, path, status)


async def test_an_expired_token_is_refused_and_refresh_gives_a_new_pair(api: Api) -> None:
    _, pair = await api.ask(
        "POST", "/api/auth/login", {"username": "bob", "password": "correct horse"}, token=""
    )
    api.clock.ahead_s = 16 * 60
    status, problem = await api.ask("GET", "/api/auth/me", token=pair["access_token"])
    assert (status, problem["code"]) == (401, "unauthenticated")
    body = {"refresh_token": pair["refresh_token"]}
    status, fresh = await api.ask("POST", "/api/auth/refresh", body, token="")
    assert status == 200
    assert fresh["refresh_token"] != pair["refresh_token"]
    status, me = await api.ask("GET", "/api/auth/me", token=fresh["access_token"])
    assert (status, me["name"]) == (200, "bob")


async def test_an_old_refresh_token_is_good_for_a_lost_answer_and_ends_the_session_later(
    api: Api,
) -> None:
    _, pair = await api.ask(
        "POST", "/api/auth/login", {"username": "bob", "password": "correct horse"}, token=""
    )
    body = {"refresh_token": pair["refresh_token"]}
    await api.ask("POST", "/api/auth/refresh", body, token="")
    status, fresh = await api.ask("POST", "/api/auth/refresh", body, token="")
    assert status == 200, "within the grace"
    api.clock.ahead_s = 60
    status, _ = await api.ask("POST", "/api/auth/refresh", body, token="")
    assert status == 401
    status, problem = await api.ask("GET", "/api/auth/me", token=fresh["access_token"])
    assert (status, problem["code"]) == (401, "unauthenticated")


async def test_logout_works_at_once(api: Api) -> None:
    token = await api.log_in("bob")
    assert (await api.ask("POST", "/api/auth/logout", token=token))[0] == 204
    assert (await api.ask("GET", "/api/auth/me", token=token))[0] == 401


async def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(api: Api) -> None:
    answers = []
    for name in ("ada", "nobody"):
        status, problem = await api.ask(
            "POST", "/api/auth/login", {"username": name, "password": "wrong"}, token=""
        )
        answers.append((status, problem["code"], problem["detail"], problem["hint"]))
    assert answers[0] == answers[1]
    assert answers[0][:2] == (401, "login-refused")


async def test_what_is_not_known_is_an_error_never_ignored(api: Api, demo: str) -> None:
    assert (await api.ask("GET", "/api/jobs?colour=red"))[0] == 400
    assert (await api.ask("GET", "/api/jobs?status=done"))[0] == 400
    assert (await api.ask("GET", "/api/jobs?limit=0"))[0] == 400
    assert (await api.ask("GET", "/api/jobs?limit=1&limit=2"))[0] == 400
    assert (await api.ask("GET", "/api/jobs?since=yesterday"))[0] == 400
    status, problem = await api.ask("POST", "/api/sync", {"repository": demo, "fast": True})
    assert (status, problem["pointer"]) == (422, "/fast")
    status, problem = await api.ask("POST", "/api/sync", {"repository": 7})
    assert (status, problem["pointer"]) == (422, "/repository")
    async with api.client.post(
        "/api/sync", data=b"{", headers={"Authorization": f"Bearer {api.token}"}
    ) as response:
        assert response.status == 400
        assert (await response.json(content_type=None))["code"] == "body-not-json"


async def test_an_unknown_route_and_a_wrong_method_are_problems_too(api: Api) -> None:
    status, problem = await api.ask("GET", "/api/nothing")
    assert (status, problem["code"]) == (404, "route-not-found")
    status, problem = await api.ask("PUT", "/api/sync")
    assert (status, problem["code"]) == (405, "method-not-allowed")


async def test_an_unknown_repository_is_answered_with_the_nearest_name(api: Api, demo: str) -> None:
    status, problem = await api.ask("POST", "/api/sync", {"repository": "demoo"})
    assert (status, problem["code"]) == (404, "repository-not-found")
    assert demo in problem["hint"]


async def test_a_remote_is_registered_once_whatever_its_form(
    api: Api, demo: str, origin: Checkout
) -> None:
    body = {"remote": str(origin.folder) + "/"}
    status, problem = await api.ask("POST", "/api/repositories", body)
    assert (status, problem["code"], problem["name"]) == (409, "remote-known", demo)


@pytest.mark.parametrize(
    ("remote", "code"),
    [
        ("ext::sh -c true", "remote-invalid"),
        ("--upload-pack=touch x", "remote-invalid"),
        ("ftp://example.org/x", "protocol-refused"),
        ("file:///etc", "protocol-refused"),
        ("https://user:secret@example.org/x.git", "remote-invalid"),
        ("no address", "remote-invalid"),
        ("/nowhere/at/all", "remote-not-found"),
    ],
)
async def test_a_remote_that_cannot_be_used_is_refused_with_its_fault(
    api: Api, remote: str, code: str
) -> None:
    status, problem = await api.ask("POST", "/api/repositories", {"remote": remote})
    assert (status, problem["code"]) == (422, code)
    assert "secret" not in json.dumps(problem)


async def test_a_branch_that_the_remote_lacks_cannot_be_tracked(api: Api, demo: str) -> None:
    status, problem = await api.ask("PATCH", f"/api/repositories/{demo}", {"branches": ["nope"]})
    assert (status, problem["code"]) == (422, "branch-not-found")
    assert "main" in problem["hint"]


async def test_a_sync_to_its_end_in_one_request_and_its_job_afterwards(
    api: Api, demo: str, origin: Checkout
) -> None:
    job = await api.synced(demo)
    assert job["outcome"] == "updated"
    assert job["summary"]["files_total"] == 11
    status, again = await api.ask("GET", f"/api/jobs/{job['job_id'][-8:]}")
    job.pop("joined")
    assert (status, again) == (200, job)
    status, row = await api.ask("GET", "/api/repositories/demo")
    assert row["branches"][0]["commit"] == origin.head()
    assert row["last_job"]["job_id"] == job["job_id"]
    assert row["default_branch"] == "main"


async def test_unchanged_refs_end_the_job_without_a_fetch(api: Api, demo: str) -> None:
    await api.synced(demo)
    (mirror,) = api.made.services.data.root.glob("repositories/*/mirror.git")
    mirror.rename(mirror.with_name("elsewhere"))
    job = await api.synced(demo)
    assert job["outcome"] == "unchanged"
    assert not mirror.exists(), "a fetch would have made it anew"


async def test_passwords_are_kept_as_argon2id(api: Api) -> None:
    identity = api.made.services.identity
    assert (await identity.hashed("correct horse", "ada", pointer="")).startswith("$argon2id$")


async def test_a_job_that_did_not_change_is_not_sent_again(api: Api, demo: str) -> None:
    job = await api.synced(demo)
    path = f"/api/jobs/{job['job_id']}"
    bearer = {"Authorization": f"Bearer {api.token}"}
    async with api.client.get(path, headers=bearer) as response:
        tag = response.headers["ETag"]
    async with api.client.get(path, headers={**bearer, "If-None-Match": tag}) as response:
        assert response.status == 304
        assert await response.read() == b""


async def test_a_branch_that_is_not_tracked_is_refused(api: Api, demo: str) -> None:
    await api.synced(demo)
    status, problem = await api.ask("POST", "/api/sync", {"repository": demo, "branch": "other"})
    assert (status, problem["code"], problem["pointer"]) == (422, "branch-not-tracked", "/branch")


async def test_only_requesters_and_admins_may_cancel_or_retry(api: Api, demo: str) -> None:
    job = await api.synced(demo)
    other = await api.log_in("bob")
    for verb in ("cancel", "retry"):
        status, _ = await api.ask("POST", f"/api/jobs/{job['job_id']}/{verb}", {}, token=other)
        assert status == 404
    admin = await api.log_in("root")
    status, same = await api.ask("POST", f"/api/jobs/{job['job_id']}/cancel", {}, token=admin)
    assert (status, same["status"]) == (200, "completed")
    status, retried = await api.ask("POST", f"/api/jobs/{job['job_id']}/retry")
    assert (status, retried["retry_of"]) == (202, job["job_id"])
    _, old = await api.ask("GET", f"/api/jobs/{job['job_id']}")
    assert old["retried_by"] == retried["job_id"]


async def test_the_same_idempotency_key_replays_its_job(api: Api, demo: str) -> None:
    headers = {"Idempotency-Key": "k1"}
    _, first = await api.ask("POST", "/api/sync", {"repository": demo}, headers=headers)
    _, second = await api.ask("POST", "/api/sync", {"repository": demo}, headers=headers)
    assert first["job_id"] == second["job_id"]
    status, problem = await api.ask(
        "POST", "/api/sync", {"repository": demo, "full": True}, headers=headers
    )
    assert (status, problem["code"]) == (422, "idempotency-mismatch")


async def test_search_before_the_first_sync_and_after_it(api: Api, demo: str) -> None:
    status, problem = await api.ask("GET", "/api/search?q=NEEDLE&repository=demo")
    assert (status, problem["code"]) == (404, "not-indexed")
    await api.synced(demo)
    status, found = await api.ask("GET", "/api/search?q=NEEDLE&repository=demo")
    assert status == 200
    assert [(m["path"], m["line"]) for m in found["matches"]] == [("needle.py", 1)]
    status, posted = await api.ask("POST", "/api/search", {"q": "NEEDLE", "path": ["*.txt"]})
    assert (status, posted["matches"]) == (200, [])
    assert (await api.ask("GET", "/api/search?q="))[0] == 422


async def test_a_file_at_an_indexed_commit(api: Api, demo: str, origin: Checkout) -> None:
    await api.synced(demo)
    path = f"/api/repositories/demo/file?path=needle.py&commit={origin.head()}"
    status, file = await api.ask("GET", path)
    assert (status, file["text"]) == (200, "NEEDLE = 1\n")
    assert (await api.ask("GET", "/api/repositories/demo/file?path=none.py"))[0] == 404


async def test_a_removed_repository_leaves_its_jobs(api: Api, demo: str) -> None:
    job = await api.synced(demo)
    assert (await api.ask("DELETE", "/api/repositories/demo"))[0] == 204
    assert (await api.ask("GET", "/api/repositories/demo"))[0] == 404
    assert (await api.ask("GET", f"/api/jobs/{job['job_id']}"))[0] == 200


async def test_the_page_is_open_and_asks_nobody_else_for_anything(api: Api) -> None:
    async with api.client.get("/") as response:
        assert response.status == 200
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        text = await response.text()
        assert re.findall(r'(?:src|href)="(?!/static/|#)', text) == []
    async with api.client.get("/docs/faults.md") as response:
        assert (response.status, response.content_type) == (200, "text/html")
        assert 'id="stalled"' in await response.text()
    async with api.client.get("/static/css/base.css") as response:
        assert response.content_type == "text/css"
        known = {"If-None-Match": response.headers["ETag"]}
    async with api.client.get("/static/css/base.css", headers=known) as response:
        assert response.status == 304
    assert (await api.ask("GET", "/static/../identity.py"))[0] == 404


async def test_the_contract_describes_what_is_answered(api: Api, demo: str) -> None:
    _, contract = await api.ask("GET", "/api/openapi.json")
    assert contract["openapi"].startswith("3.1")
    described: dict[str, Any] = contract["components"]["schemas"]["JobDocument"]
    job = await api.synced(demo)
    assert set(job) == set(described["properties"])
    for name in described["required"]:
        assert name in job


@pytest.mark.parametrize("cursor", ["rubbish", "-1", "' OR 1", "01a2140c-85ff"])
@pytest.mark.parametrize("path", ["/api/jobs", "/api/jobs?status=failed"])
async def test_what_is_no_cursor_of_a_list_of_jobs_is_refused(
    api: Api, path: str, cursor: str
) -> None:
    status, problem = await api.ask("GET", path, params={"cursor": cursor})
    assert (status, problem["code"], problem["pointer"]) == (400, "cursor-invalid", "?cursor")
