from __future__ import annotations

from typing import Any

import pytest
from api_client import Api
from sandbox import Checkout

from cidxd.model import schedule
from cidxd.model.polling import Terms

ONE = "/api/repositories/demo"


async def set_to(api: Api, wanted: Any) -> tuple[int, dict[str, Any]]:
    return await api.ask("PATCH", ONE, {"schedule": wanted})


async def test_a_repository_goes_by_the_servers_schedule_until_it_has_its_own(
    api: Api, demo: str
) -> None:
    row = (await api.ask("GET", f"/api/repositories/{demo}"))[1]
    assert row["schedule"] == {"kind": "adaptive", "min_seconds": 300, "max_seconds": 21600}
    assert row["schedule_from"] == "server"
    assert row["next_sync"] is not None
    cron = {"kind": "cron", "expression": "*/15 * * * *"}
    status, row = await set_to(api, cron)
    assert (status, row["schedule"]) == (200, {**cron, "timezone": "UTC"})
    assert row["schedule_from"] == "repository"
    assert row["next_sync"][14:16] in {"00", "15", "30", "45"}
    for off in (None, {"kind": "off"}):
        status, row = await set_to(api, off)
        assert (status, row["schedule"], row["next_sync"]) == (200, None, None)
        assert row["schedule_from"] == "repository"
    status, row = await set_to(api, {"kind": "default"})
    assert (status, row["schedule_from"]) == (200, "server")
    assert (await api.ask("PATCH", ONE, {"branches": []}))[1]["schedule_from"] == "server"


async def test_a_schedule_can_come_with_the_repository(api: Api, origin: Checkout) -> None:
    body = {"remote": str(origin.folder), "name": "x"}
    adaptive = {"kind": "adaptive", "min_seconds": 60, "max_seconds": 120}
    status, row = await api.ask("POST", "/api/repositories", {**body, "schedule": adaptive})
    assert (status, row["schedule"]) == (201, adaptive)
    assert row["schedule_from"] == "repository"
    assert (await api.ask("GET", "/api/repositories"))[1]["repositories"] == [row]


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({"kind": "cron"}, "/schedule/expression"),
        ({"kind": "cron", "expression": "every day"}, "/schedule/expression"),
        ({"kind": "cron", "expression": "0 3 * * *", "timezone": "Moon"}, "/schedule/timezone"),
        ({"kind": "cron", "expression": "0 3 * * *", "min_seconds": 60}, "/schedule/min_seconds"),
        ({"kind": "off", "expression": "0 3 * * *"}, "/schedule/expression"),
        ({"kind": "adaptive", "min_seconds": 1}, "/schedule/min_seconds"),
        ({"kind": "adaptive", "min_seconds": 600, "max_seconds": 60}, "/schedule/max_seconds"),
        ({"kind": "sometimes"}, "/schedule/kind"),
        ({"kind": "off", "at": 1}, "/schedule/at"),
        ("off", "/schedule"),
    ],
)
async def test_a_schedule_that_is_none_is_refused_and_changes_nothing(
    api: Api, demo: str, sent: Any, pointer: str
) -> None:
    before = (await api.ask("GET", f"/api/repositories/{demo}"))[1]["schedule"]
    status, problem = await set_to(api, sent)
    assert (status, problem["pointer"]) == (422, pointer)
    assert (await api.ask("GET", ONE))[1]["schedule"] == before


async def test_a_scheduled_sync_is_found_in_the_history_of_schedule(api: Api, demo: str) -> None:
    await api.synced(demo)
    api.clock.ahead_s += 86_400
    api.token = await api.log_in("ada")
    (job,) = await api.made.services.ledger.poll([api.made.services.new_id()])
    status, done = await api.ask("GET", f"/api/jobs/{job.job_id}", headers={"Prefer": "wait=60"})
    assert (status, done["outcome"], done["requested_by"]) == (200, "unchanged", "schedule")
    found = (await api.ask("GET", "/api/jobs?user=schedule"))[1]["jobs"]
    assert [one["job_id"] for one in found] == [job.job_id]
    row = (await api.ask("GET", ONE))[1]
    assert row["next_sync"] > row["last_job"]["finished_at"]


async def test_the_age_of_the_last_commit_decides_and_not_when_it_was_indexed(
    api: Api, origin: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2020-01-01T00:00:00Z")
    origin.commit({"old.py": "OLD = 1\n"})
    body = {"remote": str(origin.folder), "name": "demo"}
    await api.ask("POST", "/api/repositories", body)
    await api.synced("demo")
    api.made.services.ledger.polling = Terms(default=schedule.adaptive(300, 20_000))
    services = api.made.services
    row = services.state.repository_named("demo")
    assert row is not None
    (tip,) = row.branches
    assert tip.committed_at == 1_577_836_800.0
    at = schedule.next_at(row, services.ledger.polling.default, now=services.clock())
    assert at is not None
    assert at - services.clock() > 17_000
