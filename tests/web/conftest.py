"""The whole daemon in the test's own loop: real store, real git, real children."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import argon2
import pytest
from aiohttp.test_utils import TestClient, TestServer
from api_client import Api, Clock
from sandbox import Checkout

from cidxd import app
from cidxd.config import Config, parse
from cidxd.model.account import Role, User
from cidxd.web import passwords, table
from cidxd.web.server import application
from cidxd.work import folders

# As strong as nothing: the suite logs in a hundred times.
WEAK = argon2.Parameters(argon2.Type.ID, 19, 16, 32, time_cost=1, memory_cost=64, parallelism=1)
HASHED = argon2.PasswordHasher.from_parameters(WEAK).hash("correct horse")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    server = {"listen": "127.0.0.1:0", "data": str(tmp_path / "data")}
    return parse({"server": server, "remotes": {"allow_local": True}}, "the test")


@pytest.fixture
async def api(config: Config, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    clock = Clock()
    real = app.clock
    monkeypatch.setattr(app, "clock", lambda: real() + clock.ahead_s)
    monkeypatch.setattr(passwords, "PARAMETERS", WEAK)
    data = folders.prepared(config.server.data)
    async with app.daemon(config, data, None, asyncio.Event()) as made:
        identity = made.services.identity
        for name, role in (("ada", Role.MEMBER), ("bob", Role.MEMBER), ("root", Role.ADMIN)):
            user = User(name=name, password_hash=HASHED, role=role, created_at=1.0)
            await made.services.ledger.add_user(user)
        claiming = asyncio.create_task(made.scheduler.run())
        routes = table.routes(made.services, made.live)
        server = TestServer(application(routes, identity, lambda: None))
        async with TestClient(server, timeout=aiohttp.ClientTimeout(60)) as client:
            api = Api(client, made, clock)
            api.token = await api.log_in("ada")
            yield api
            await made.live.close()
        claiming.cancel()
        await asyncio.wait([claiming])
        made.runner.stop_all()
        await made.scheduler.drain(10)


@pytest.fixture
async def demo(api: Api, origin: Checkout) -> str:
    """A registered repository's name."""
    status, row = await api.ask(
        "POST", "/api/repositories", {"remote": str(origin.folder), "name": "demo"}
    )
    assert status == 201, row
    return "demo"


@pytest.fixture
def origin(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "origin")
    made.commit({f"file_{n}.py": f"value = {n}\n" for n in range(10)})
    made.commit({"needle.py": "NEEDLE = 1\n"})
    return made
