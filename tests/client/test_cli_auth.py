from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from aiohttp import web

from cidx import __main__ as program
from cidx import settings
from cidx.__about__ import WIRE
from cidx.credentials import Credentials

Told = pytest.CaptureFixture[str]
USER = {"name": "ada", "role": "admin"}


class Server:
    """A server that knows ada and her password."""

    def __init__(self) -> None:
        self.url = ""
        self.logins = 0
        self.logouts: list[str | None] = []
        self.wire = WIRE

    async def health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "version": "9.9", "wire": self.wire})

    async def login(self, request: web.Request) -> web.Response:
        if await request.json() != {"username": "ada", "password": "s3cret"}:
            told = {"code": "credentials-wrong", "detail": "wrong name or password", "hint": ""}
            return web.json_response(told, status=401)
        self.logins += 1
        tokens = {"access_token": f"access-{self.logins}", "refresh_token": "refresh"}
        return web.json_response({**tokens, "expires_in": 900, "user": USER})

    async def logout(self, request: web.Request) -> web.Response:
        self.logouts.append(request.headers.get("Authorization"))
        return web.Response(status=204)

    async def me(self, _: web.Request) -> web.Response:
        return web.json_response({**USER, "kind": "session"})


@pytest.fixture
async def server(aiohttp_server: Any) -> Server:
    made = Server()
    app = web.Application()
    app.router.add_get("/healthz", made.health)
    app.router.add_post("/api/auth/login", made.login)
    app.router.add_post("/api/auth/logout", made.logout)
    app.router.add_get("/api/auth/me", made.me)
    made.url = str((await aiohttp_server(app)).make_url("")).rstrip("/")
    return made


@pytest.fixture
def cidx(monkeypatch: pytest.MonkeyPatch) -> Any:
    async def run(*arguments: str, stdin: str = "") -> int:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        return await asyncio.to_thread(program.main, arguments)

    return run


async def test_login_auth_token_status_and_logout(server: Server, cidx: Any, capsys: Told) -> None:
    given = ("login", f"{server.url}/", "--username", "ada", "--password-stdin")
    assert await cidx(*given, stdin="s3cret\n") == 0
    assert capsys.readouterr() == ("", f"logged in to {server.url} as ada (admin)\n")
    assert await cidx("auth", "token") == 0
    assert capsys.readouterr() == ("access-1\n", "")
    assert await cidx("status") == 0
    assert f"server      {server.url}\n" in capsys.readouterr().out
    assert await cidx("logout") == 0
    assert capsys.readouterr().err == f"logged out of {server.url}\n"
    assert server.logouts == ["Bearer access-1"]
    assert Credentials(settings.config_folder()).session(server.url) is None


async def test_a_wrong_password_exits_4_and_keeps_nothing(
    server: Server, cidx: Any, capsys: Told
) -> None:
    given = ("login", server.url, "--username", "ada", "--password-stdin")
    assert await cidx(*given, stdin="wrong\n") == 4
    assert capsys.readouterr().err.startswith("error: wrong name or password\n")
    assert not Credentials(settings.config_folder()).path.exists()


async def test_a_server_of_another_wire_gets_no_password(
    server: Server, cidx: Any, capsys: Told
) -> None:
    server.wire = 999
    given = ("login", server.url, "--username", "ada", "--password-stdin")
    assert await cidx(*given, stdin="s3cret\n") == 1
    assert "do not understand each other" in capsys.readouterr().err
    assert server.logins == 0


async def test_where_nobody_can_be_asked_the_options_are_named(
    server: Server, cidx: Any, capsys: Told
) -> None:
    assert await cidx("login", server.url) == 2
    assert "give --username and --password-stdin" in capsys.readouterr().err


async def test_login_without_a_known_server_is_wrong_usage(cidx: Any, capsys: Told) -> None:
    assert await cidx("login") == 2
    assert "which server? give its URL: cidx login URL" in capsys.readouterr().err


async def test_logout_of_nobody_exits_4(cidx: Any, capsys: Told) -> None:
    assert await cidx("logout") == 4
    assert "nobody is logged in" in capsys.readouterr().err
