from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest
from api_client import Api
from prometheus_client.parser import text_string_to_metric_families as parsed
from sandbox import Checkout

from cidxd.config import Config
from cidxd.web.listen import admin_socket
from cidxd.web.scrape import Scrape

Samples = dict[tuple[str, ...], float]


async def scraped(api: Api, token: str | None = None) -> Samples:
    """Return every sample by its name and the values of its labels, which come by name."""
    used = token if token is not None else await api.log_in("root")
    headers = {"Authorization": f"Bearer {used}"} if used else {}
    async with api.client.get("/metrics", headers=headers) as response:
        text = await response.text()
        assert response.status == 200, text
        assert response.content_type == "text/plain"
    return samples(text)


def samples(text: str) -> Samples:
    families = list(parsed(text))
    assert {family.name.partition("_")[0] for family in families} == {"cidxd"}
    return {
        (sample.name.removeprefix("cidxd_"), *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


async def test_a_sync_is_counted_and_measured(api: Api, demo: str) -> None:
    before = await scraped(api)
    assert before["jobs_ended_total", "updated", "completed"] == 0
    job = await api.synced(demo)
    now = await scraped(api)
    assert now["jobs_ended_total", "updated", "completed"] == 1
    assert now["sync_requests_total", "enqueued"] == 1
    assert (now["jobs", "queued"], now["jobs", "running"]) == (0, 0)
    assert now["queue_wait_seconds_count",] == 1
    for phase in job["phases"]:
        name = phase["name"]
        assert now["phase_seconds_count", name] == 1
        assert now["phase_seconds_sum", name] == pytest.approx(phase["duration_seconds"])
    assert now["job_seconds_count", "completed"] == 1
    assert now["git_received_bytes_total",] == job["summary"]["bytes_received"]
    assert now["indexed_bytes_total",] == job["summary"]["bytes_indexed"] > 0
    assert now["commit_seconds_count",] == now["commit_decisions_count",] > 5
    assert now["commit_decisions_sum",] >= now["commit_decisions_count",]
    assert now["process_resident_memory_bytes",] > 1 << 20


async def test_a_fault_is_counted_by_code_and_phase(
    api: Api, demo: str, origin: Checkout, tmp_path: Path
) -> None:
    origin.folder.rename(tmp_path / "gone")
    headers = {"Prefer": "wait=60"}
    status, job = await api.ask("POST", "/api/sync", {"repository": demo}, headers=headers)
    assert (status, job["status"]) == (202, "failed")
    now = await scraped(api)
    assert now["faults_total", job["error"]["code"], "fetch"] == 1
    assert now["jobs_ended_total", "", "failed"] == 1
    assert now["job_seconds_count", "failed"] == 1


async def test_freshness_is_the_age_of_the_last_sync_and_goes_with_the_repository(
    api: Api, demo: str
) -> None:
    await api.synced(demo)
    api.clock.ahead_s = 600.0
    now = await scraped(api)
    assert now["repository_age_seconds", demo] == pytest.approx(600, abs=30)
    assert now["repository_age_max_seconds",] == now["repository_age_seconds", demo]
    assert now["repositories",] == 1
    assert (await api.ask("DELETE", f"/api/repositories/{demo}"))[0] == 204
    now = await scraped(api)
    assert ("repository_age_seconds", demo) not in now
    assert (now["repositories",], now["repository_age_max_seconds",]) == (0, 0)


async def test_searches_are_measured_by_mode_and_outcome(api: Api, demo: str) -> None:
    await api.synced(demo)
    assert (await api.ask("GET", "/api/search?q=NEEDLE"))[0] == 200
    assert (await api.ask("GET", "/api/search?q=(&mode=regex"))[0] == 422
    now = await scraped(api)
    assert now["search_seconds_count", "literal", "answered"] == 1
    assert now["search_seconds_count", "regex", "refused"] == 1


async def test_the_state_of_the_daemon_is_told(api: Api, demo: str) -> None:
    root = await api.log_in("root")
    await api.ask("POST", "/api/queue/pause", token=root)
    await api.ask("POST", "/api/sync", {"repository": demo})
    stream = await api.client.ws_connect(
        "/api/stream", headers={"Authorization": f"Bearer {api.token}"}
    )
    await stream.send_json({"subscribe": {"all": True}})
    await stream.receive()
    connection = api.made.services.ledger._writer._connection
    await connection.execute("PRAGMA query_only = ON")
    assert (await api.ask("POST", "/api/queue/pause", {"reason": "x"}, token=root))[0] == 503
    now = await scraped(api, root)
    assert (now["jobs", "queued"], now["queue_paused",], now["followers",]) == (1, 1, 1)
    assert (now["ready",], now["store_fault",]) == (0, 1)
    await connection.execute("PRAGMA query_only = OFF")
    await stream.close()


async def test_metrics_are_for_administrators(api: Api) -> None:
    assert (await api.ask("GET", "/metrics", token=""))[0] == 401
    status, problem = await api.ask("GET", "/metrics")
    assert (status, problem["code"]) == (403, "forbidden")


class TestOpen:
    @pytest.fixture
    def config(self, config: Config) -> Config:
        return config.model_copy(update={"metrics": type(config.metrics)(open=True)})

    async def test_nobody_needs_a_token_where_they_are_open(self, api: Api) -> None:
        assert (await scraped(api, ""))["ready",] == 1


async def test_the_admin_socket_has_them_without_a_token(api: Api) -> None:
    services = api.made.services
    more = Scrape(services).routes()
    path = str(services.data.admin_socket)
    async with admin_socket(
        services.data, services.ledger, services.identity, services.clock, more
    ):
        connector = aiohttp.UnixConnector(path)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get("http://admin/metrics") as response,
        ):
            assert samples(await response.text())["ready",] == 1
