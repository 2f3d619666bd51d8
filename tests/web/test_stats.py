from __future__ import annotations

from api_client import Api

from cidxd.model.estimate import LEAST_JUDGED_S

NO_JOBS = {"updated": 0, "unchanged": 0, "failed": 0, "cancelled": 0}


async def test_figures_tell_what_became_of_the_jobs(api: Api, demo: str) -> None:
    first, second = await api.synced(demo), await api.synced(demo)

    status, stats = await api.ask("GET", "/api/stats")

    assert status == 200
    (row,), (day,) = stats["repositories"], stats["days"]
    assert row.pop("repository") == demo
    assert day.pop("day") == second["finished_at"][:10]
    assert row == day
    assert row["jobs"] == NO_JOBS | {"updated": 1, "unchanged": 1}
    assert row["files_indexed"] == first["summary"]["files_indexed"] > 0
    assert row["bytes_indexed"] == first["summary"]["bytes_indexed"] > 0
    times = sorted([first["elapsed_seconds"], second["elapsed_seconds"]])
    assert [row["duration_seconds"]["median"], row["duration_seconds"]["p90"]] == times
    assert 0 <= row["wait_seconds"]["median"] <= row["wait_seconds"]["p90"]
    judged = row["estimate_error"]
    assert judged["count"] == (first["elapsed_seconds"] >= LEAST_JUDGED_S)
    assert (judged["median_percent"] is None) == (judged["count"] == 0)


async def test_figures_are_of_the_last_thirty_days_or_since_when_one_asks(
    api: Api, demo: str
) -> None:
    job = await api.synced(demo)
    api.clock.ahead_s = 31 * 86_400.0
    token = await api.log_in("bob")
    _, stats = await api.ask("GET", "/api/stats", token=token)
    assert (stats["repositories"], stats["days"]) == ([], [])
    path = f"/api/stats?since={job['created_at']}&repository={demo}"
    _, stats = await api.ask("GET", path, token=token)
    assert stats["since"] == job["created_at"]
    assert stats["repositories"][0]["jobs"]["updated"] == 1


async def test_figures_of_an_unknown_repository_or_time_are_refused(api: Api) -> None:
    status, problem = await api.ask("GET", "/api/stats?repository=unknown")
    assert (status, problem["code"]) == (404, "repository-not-found")
    status, problem = await api.ask("GET", "/api/stats?since=yesterday")
    assert (status, problem["code"], problem["pointer"]) == (400, "query-invalid", "?since")
    status, _ = await api.ask("GET", "/api/stats", token="x")
    assert status == 401
