"""What a load balancer, a service manager and a person with curl read: no token is needed."""

from __future__ import annotations

import sqlite3

from api_client import Api

from cidxd.__about__ import VERSION, WIRE


async def test_liveness_is_json_with_the_versions(api: Api) -> None:
    async with api.client.get("/healthz") as response:
        assert (response.status, response.content_type) == (200, "application/json")
        document = await response.json()
    kernel = document.pop("index_kernel")
    assert kernel in {None, "native", "numpy"}
    assert document == {
        "status": "ok",
        "version": VERSION,
        "wire": WIRE,
        "sqlite_version": sqlite3.sqlite_version,
    }


async def test_readiness_has_reasons_while_the_process_lives_all_the_same(api: Api) -> None:
    root = await api.log_in("root")
    ready = {"ready": True, "reasons": [], "notices": []}
    assert await api.ask("GET", "/readyz", token="") == (200, ready)
    connection = api.made.services.ledger._writer._connection
    await connection.execute("PRAGMA query_only = ON")
    assert (await api.ask("POST", "/api/queue/pause", {"reason": "x"}, token=root))[0] == 503
    status, document = await api.ask("GET", "/readyz", token="")
    assert (status, document["ready"]) == (503, False)
    [reason] = document["reasons"]
    assert reason.startswith("the database refuses: ")
    assert (await api.ask("GET", "/healthz", token=""))[0] == 200
    await connection.execute("PRAGMA query_only = OFF")
