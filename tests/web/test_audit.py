"""Who changed what is written down with the change, and only administrators read it."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from api_client import Api
from sandbox import Checkout

from cidxd.admin import request
from cidxd.model import retention
from cidxd.model.audit import By
from cidxd.store import asker
from cidxd.web.listen import admin_socket

NEW = {"name": "eve", "password": "battery staple"}


async def entries(api: Api, token: str, **filters: str) -> list[dict[str, Any]]:
    status, page = await api.ask("GET", "/api/audit", token=token, params=filters)
    assert status == 200, page
    return list(page["entries"])


async def test_an_entry_tells_who_did_what_whence_and_in_which_request(api: Api) -> None:
    root = await api.log_in("root")
    async with api.client.post(
        "/api/users", json=NEW, headers={"Authorization": f"Bearer {root}"}
    ) as response:
        request_id = response.headers["X-Request-Id"]
    (entry,) = await entries(api, root, action="user.added", target="eve")
    assert entry.pop("at") > "20"
    assert entry.pop("id") > 0
    assert entry == {
        "actor": "root",
        "action": "user.added",
        "target": "eve",
        "address": "127.0.0.1",
        "request_id": request_id,
        "detail": {"role": "member"},
    }


async def test_a_change_has_what_was_before_and_after_and_no_secret(api: Api) -> None:
    root = await api.log_in("root")
    change = {"role": "admin", "password": "battery staple"}
    await api.ask("PATCH", "/api/users/bob", change, token=root)
    (entry,) = await entries(api, root, action="user.changed")
    assert entry["detail"] == {
        "role": {"before": "member", "after": "admin"},
        "password": "set",
    }
    everything = str(await entries(api, root))
    for secret in ("battery staple", "correct horse", "$argon2", root):
        assert secret not in everything


async def test_whom_a_repository_is_shown_to_is_told_from_the_beginning(
    api: Api, origin: Checkout
) -> None:
    root, users = await api.log_in("root"), [{"user": "bob", "level": "read"}]
    body = {"remote": str(origin.folder), "name": "plans"}
    shown = {"access": {"visibility": "restricted", "users": users}}
    assert (await api.ask("POST", "/api/repositories", body | shown))[0] == 201
    (entry,) = await entries(api, root, action="repository.shown")
    told = {"visibility": "restricted", "users": {"bob": "read"}}
    assert (entry["target"], entry["detail"]) == ("plans", told)


async def test_every_kind_of_change_is_written_down(api: Api, demo: str) -> None:
    root = await api.log_in("root")
    await api.ask("POST", "/api/queue/pause", {"reason": "upgrade"}, token=root)
    job = (await api.ask("POST", "/api/sync", {"repository": demo}))[1]
    await api.ask("POST", f"/api/jobs/{job['job_id']}/cancel", token=root)
    await api.ask("POST", f"/api/jobs/{job['job_id']}/retry", token=root)
    retried = (await api.ask("GET", f"/api/jobs/{job['job_id']}"))[1]["retried_by"]
    await api.ask("POST", f"/api/jobs/{retried}/cancel", token=root)
    await api.ask("POST", "/api/queue/resume", token=root)
    await api.ask("PATCH", f"/api/repositories/{demo}", {"name": "renamed"}, token=root)
    await api.ask("DELETE", "/api/repositories/renamed", token=root)
    await api.ask("POST", "/api/auth/logout")
    told = [(e["actor"], e["action"], e["target"]) for e in reversed(await entries(api, root))]
    assert told[-8:] == [
        ("root", "login", "root"),
        ("root", "queue.paused", ""),
        ("root", "job.cancelled", job["job_id"]),
        ("root", "job.retried", job["job_id"]),
        ("root", "queue.resumed", ""),
        ("root", "repository.changed", "demo"),
        ("root", "repository.removed", "renamed"),
        ("ada", "logout", "ada"),
    ]
    assert ("ada", "repository.added", "demo") in told
    assert [a for _, a, _ in told].count("job.cancelled") == 1, "not of one's own job"


async def test_only_what_differs_is_written_down(api: Api, demo: str) -> None:
    root = await api.log_in("root")
    before = await entries(api, root)
    path = f"/api/repositories/{demo}"
    assert (await api.ask("PATCH", path, {"branches": []}, token=root))[0] == 200
    assert await entries(api, root) == before
    shown = {"access": {"visibility": "restricted", "users": []}}
    assert (await api.ask("PATCH", path, shown, token=root))[0] == 200
    (entry,) = (await entries(api, root))[: -len(before)]
    assert entry["action"] == "repository.shown"
    cron = {"kind": "cron", "expression": "*/10 * * * *", "timezone": "UTC"}
    assert (await api.ask("PATCH", path, {"schedule": cron}, token=root))[0] == 200
    changed = (await entries(api, root))[0]["detail"]
    assert changed == {"schedule": {"before": None, "after": cron}}


async def test_a_refused_change_is_not_written_down(api: Api) -> None:
    root = await api.log_in("root")
    before = await entries(api, root)
    assert (await api.ask("PATCH", "/api/users/root", {"disabled": True}, token=root))[0] == 409
    assert await entries(api, root) == before


async def test_filters_and_pages(api: Api) -> None:
    root = await api.log_in("root")
    for name in ("one", "two", "three"):
        await api.ask("POST", "/api/users", {**NEW, "name": name}, token=root)
    seen, cursor = [], None
    while True:
        query = {"actor": "root", "action": "user.added", "limit": "2"}
        query |= {"cursor": cursor} if cursor else {}
        _, page = await api.ask("GET", "/api/audit", token=root, params=query)
        seen += [entry["target"] for entry in page["entries"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["three", "two", "one"]
    assert await entries(api, root, until="2020-01-01") == []
    assert len(await entries(api, root, since="2020-01-01", actor="root")) == 4
    assert await entries(api, root, actor="nobody") == []


@pytest.mark.parametrize("query", ["user=root", "actor=", "since=yesterday", "cursor=x", "limit=0"])
async def test_what_is_no_filter_is_refused(api: Api, query: str) -> None:
    root = await api.log_in("root")
    assert (await api.ask("GET", f"/api/audit?{query}", token=root))[0] == 400


async def test_for_a_member_there_is_no_audit_log(api: Api) -> None:
    _, nothing = await api.ask("GET", "/api/nothing")
    status, problem = await api.ask("GET", "/api/audit")
    assert status == 404
    assert {**problem, "request_id": ""} == {**nothing, "request_id": ""}


async def test_the_database_neither_changes_nor_removes_an_entry_before_its_time(
    api: Api,
) -> None:
    path = api.made.services.data.database
    with sqlite3.connect(path) as connection:
        for sql in ("UPDATE audit SET actor = 'x'", "DELETE FROM audit"):
            with pytest.raises(sqlite3.IntegrityError, match="audit log is"):
                connection.execute(sql)
    connection.close()


async def test_old_entries_go_and_young_ones_stay(api: Api) -> None:
    root = await api.log_in("root")
    api.clock.ahead_s = 10 * 86_400
    await api.log_in("bob")
    services = api.made.services
    before = services.clock() - 86_400
    assert await services.history.audits.has_before(before)
    await services.ledger.decide(retention.forget_entries, before)
    assert not await services.history.audits.has_before(before)
    api.clock.ahead_s = 0
    assert [entry["target"] for entry in await entries(api, root)] == ["bob"]


async def test_what_the_cidxd_command_does_is_written_down_for_the_user_of_the_machine(
    api: Api,
) -> None:
    services = api.made.services
    root = await api.log_in("root")
    async with admin_socket(services.data, services.ledger, services.identity, services.clock):
        await request(services.data, "POST", "/users", NEW)
        await request(services.data, "POST", "/keys", {})
    for entry in (await entries(api, root))[:2]:
        assert entry["action"] in {"user.added", "keys.rotated"}
        assert entry["actor"].startswith("operator:")
        assert entry["address"] == "unix"


async def test_what_the_daemon_does_of_itself_is_its_own(api: Api) -> None:
    assert asker.current() == By("daemon")
    root = await api.log_in("root")
    _, pair = await api.ask(
        "POST", "/api/auth/login", {"username": "bob", "password": "correct horse"}, token=""
    )
    body = {"refresh_token": pair["refresh_token"]}
    await api.ask("POST", "/api/auth/refresh", body, token="")
    api.clock.ahead_s = 31
    assert (await api.ask("POST", "/api/auth/refresh", body, token=""))[0] == 401
    (entry,) = await entries(api, root, action="session.ended")
    assert (entry["actor"], entry["target"]) == ("daemon", "bob")
