from __future__ import annotations

import json
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from cidx.access import LoginAccess
from cidx.credentials import Credentials, Session, session_of
from cidx.errors import ClientError, NotLoggedInError

if TYPE_CHECKING:
    from pathlib import Path

URL = "https://cidx.example.org"
USER = {"name": "ada", "role": "user"}


def session(number: int) -> Session:
    return Session(f"access-{number}", f"refresh-{number}", 1000.0 + number, USER)


def test_a_login_is_kept_in_a_private_file_and_becomes_the_current_server(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path / "cidx")
    credentials.remember(URL, session(1))
    assert credentials.session(URL) == session(1)
    assert credentials.current() == URL
    assert stat.S_IMODE(credentials.path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "cidx").stat().st_mode) == 0o700
    assert {file.name for file in (tmp_path / "cidx").iterdir()} == {
        "credentials.json",
        "credentials.lock",
    }


def test_after_a_logout_another_login_is_current(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path)
    credentials.remember("https://other.example.org", session(2))
    credentials.remember(URL, session(1))
    credentials.forget(URL)
    assert credentials.session(URL) is None
    assert credentials.current() == "https://other.example.org"
    credentials.forget(URL)


def test_who_comes_second_takes_the_session_that_the_first_renewed(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path)
    credentials.remember(URL, session(2))

    def refuse(_: Session) -> Session:
        raise AssertionError("the refresh token must be used once")

    assert credentials.renew(URL, "access-1", refuse) == session(2)


def test_a_file_that_is_no_json_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_text("{")
    with pytest.raises(ClientError, match="cannot be read") as caught:
        Credentials(tmp_path).current()
    assert "log in again" in caught.value.hint


def test_an_answer_without_tokens_is_refused() -> None:
    with pytest.raises(ClientError, match="makes no sense"):
        session_of({"access_token": "a"}, now=0)


_RENEW = """
import sys
from pathlib import Path
from cidx.access import LoginAccess
from cidx.credentials import Credentials
access = LoginAccess(sys.argv[2], Credentials(Path(sys.argv[1])))
print("ready", flush=True)
sys.stdin.readline()
access.renew("access-0")
print(access.token())
"""


async def test_two_processes_renew_one_session_with_one_refresh(
    tmp_path: Path, aiohttp_server: object
) -> None:
    used: list[str] = []

    async def refresh(request: web.Request) -> web.Response:
        used.append((await request.json())["refresh_token"])
        number = len(used)
        tokens = {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}"}
        return web.json_response({**tokens, "expires_in": 900, "user": USER})

    app = web.Application()
    app.router.add_post("/api/auth/refresh", refresh)
    server = await aiohttp_server(app)  # type: ignore[operator]
    url = str(server.make_url("")).rstrip("/")
    Credentials(tmp_path).remember(url, session(0))
    found = await _renewed_at_once(tmp_path, url, processes=3)
    assert found == ["access-1"] * 3
    assert used == ["refresh-0"]


async def _renewed_at_once(folder: Path, url: str, *, processes: int) -> list[str]:
    import asyncio  # noqa: PLC0415 - only here

    children = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _RENEW, str(folder), url),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(processes)
    ]
    for child in children:
        assert child.stdout is not None
        assert await child.stdout.readline() == b"ready\n"
    answers = await asyncio.gather(*(child.communicate(b"\n") for child in children))
    return [out.decode().strip() for out, _ in answers]


async def test_a_refused_refresh_ends_the_session_with_a_hint(
    tmp_path: Path, aiohttp_server: object
) -> None:
    import asyncio  # noqa: PLC0415 - only here

    async def refuse(_: web.Request) -> web.Response:
        return web.json_response({"code": "session-ended"}, status=401)

    app = web.Application()
    app.router.add_post("/api/auth/refresh", refuse)
    server = await aiohttp_server(app)  # type: ignore[operator]
    url = str(server.make_url("")).rstrip("/")
    Credentials(tmp_path).remember(url, session(0))
    access = LoginAccess(url, Credentials(tmp_path))
    with pytest.raises(NotLoggedInError, match="the session ended") as caught:
        await asyncio.to_thread(access.renew, "access-0")
    assert caught.value.hint == f"cidx login {url}"


def test_the_file_has_the_documented_shape(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path)
    credentials.remember(URL, session(1))
    assert json.loads(credentials.path.read_text()) == {
        "servers": {URL: session(1)._asdict()},
        "current": URL,
    }
