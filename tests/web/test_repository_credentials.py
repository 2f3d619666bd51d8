"""Credentials of remotes over the API: what is taken, what is shown, what a sync does with them."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from api_client import Api
from remote import Lie, Remote
from sandbox import Checkout
from sshd import Sshd, keypair, needs_sshd

SECRET = "s3cret-of-the-forge/+%ü"
TOKEN = {"kind": "token", "token": SECRET}


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Forge(Remote):
    """A host that can refuse everybody, and repeat what it was sent."""

    def __init__(self, folder: Path, *, user: str = "", password: str = "") -> None:
        super().__init__(folder, user=user, password=password)
        self.is_parrot = False
        self.heard: list[str] = []

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        sent = request.headers.get("Authorization", "nothing")
        self.heard.append(sent)
        if not self.is_parrot:
            return await super()._answer(request)
        known = base64.b64decode(sent.removeprefix("Basic ")).decode() if "Basic" in sent else ""
        return web.Response(status=403, text=f"{sent}\n{known}\n{known.partition(':')[2]}\n")


@pytest.fixture
async def forge(origin: Checkout) -> AsyncIterator[Forge]:
    """A host that wants the token."""
    async with Forge(origin.folder, user="x-access-token", password=SECRET) as made:
        yield made


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Sshd]:
    with Sshd(tmp_path / "sshd") as made:
        yield made


def key_of(host: Sshd, path: Path) -> dict[str, str]:
    known = host.known_hosts.read_text()
    return {"kind": "ssh-key", "private_key": path.read_text(), "known_hosts": known}


async def add(api: Api, remote: str, credentials: Any, **more: Any) -> tuple[int, Any]:
    body = {"remote": remote, "name": "demo", "credentials": credentials, **more}
    return await api.ask("POST", "/api/repositories", body)


async def change(api: Api, **body: Any) -> tuple[int, Any]:
    return await api.ask("PATCH", "/api/repositories/demo", body)


async def sync(api: Api) -> Any:
    body = {"repository": "demo"}
    return (await api.ask("POST", "/api/sync", body, headers={"Prefer": "wait=60"}))[1]


async def test_a_token_is_given_once_and_only_kind_time_and_giver_are_shown(
    api: Api, forge: Forge
) -> None:
    status, row = await add(api, forge.url, TOKEN)
    assert status == 201, row
    shown = row["credentials"]
    assert shown.keys() == {"kind", "set_at", "set_by", "fingerprint"}
    assert (shown["kind"], shown["set_by"], shown["fingerprint"]) == ("token", "ada", None)
    for path in ("/api/repositories", "/api/repositories/demo"):
        _, document = await api.ask("GET", path)
        assert SECRET not in str(document)
    assert (await api.synced("demo"))["outcome"] == "updated"


async def test_a_password_goes_with_its_user_and_a_user_in_the_address_does_no_harm(
    api: Api, origin: Checkout
) -> None:
    async with Remote(origin.folder, user="ada", password=SECRET) as forge:
        remote = forge.url.replace("http://", "http://somebody@")
        password = {"kind": "password", "username": "ada", "password": SECRET}
        status, row = await add(api, remote, password)
        assert status == 201, row
        assert (await api.synced("demo"))["outcome"] == "updated"


async def test_adding_with_a_wrong_token_is_refused_at_once_and_points_to_it(
    api: Api, forge: Forge
) -> None:
    status, problem = await add(api, forge.url, {**TOKEN, "token": "wrong-one"})
    assert (status, problem["code"], problem["pointer"]) == (422, "auth-failed", "/credentials")
    assert "wrong-one" not in str(problem)
    status, problem = await add(api, forge.url, None)
    assert (status, problem["code"], problem["pointer"]) == (422, "auth-required", "/remote")


async def test_a_token_that_expired_fails_the_next_sync_and_a_new_one_mends_it(
    api: Api, forge: Forge, origin: Checkout
) -> None:
    await add(api, forge.url, TOKEN)
    await api.synced("demo")
    forge._expected = basic("x-access-token", "the-next-one")
    job = await sync(api)
    assert (job["status"], job["error"]["code"]) == ("failed", "auth-failed")
    assert "cidx repo set" in job["error"]["hint"]
    assert len(job["attempts"]) == 1

    status, _ = await change(api, credentials={**TOKEN, "token": "also wrong"})
    assert status == 422
    status, row = await change(api, credentials={**TOKEN, "token": "the-next-one"})
    assert status == 200, row
    origin.commit({"later.py": "LATER = 1\n"})
    assert (await api.synced("demo"))["outcome"] == "updated"


async def test_a_token_that_is_given_between_two_attempts_is_used_by_the_second(
    api: Api, forge: Forge
) -> None:
    await add(api, forge.url, TOKEN)
    forge.lie = Lie(status=503)
    _, job = await api.ask("POST", "/api/sync", {"repository": "demo"})
    waited: Any = {}
    while not waited.get("attempts") or waited["attempts"][0]["error"] is None:
        _, waited = await api.ask("GET", f"/api/jobs/{job['job_id']}")
    forge.lie = None
    forge._expected = basic("x-access-token", "the-next-one")
    status, _ = await change(api, credentials={**TOKEN, "token": "the-next-one"})
    assert status == 200
    api.clock.ahead_s += 60
    api.made.scheduler.look_again()
    path = f"/api/jobs/{job['job_id']}"
    _, ended = await api.ask("GET", path, headers={"Prefer": "wait=60"})
    assert (ended["status"], len(ended["attempts"])) == ("completed", 2), ended["error"]


async def test_null_takes_the_credentials_away(api: Api, forge: Forge) -> None:
    await add(api, forge.url, TOKEN)
    status, row = await change(api, name="renamed")
    assert (status, row["credentials"]["kind"]) == (200, "token")
    status, row = await api.ask("PATCH", "/api/repositories/renamed", {"credentials": None})
    assert (status, row["credentials"]) == (200, None)
    await api.ask("PATCH", "/api/repositories/renamed", {"name": "demo"})
    job = await sync(api)
    assert job["error"]["code"] == "auth-required"


async def test_credentials_never_follow_the_remote_to_another_host(
    api: Api, forge: Forge, origin: Checkout
) -> None:
    await add(api, forge.url, TOKEN)
    async with Forge(origin.folder) as other:
        status, row = await change(api, remote=other.url)
        assert (status, row["credentials"]) == (200, None)
        assert (await api.synced("demo"))["outcome"] == "updated"
        assert set(other.heard) == {"nothing"}
    status, row = await change(api, remote=forge.url)
    assert (status, row["code"]) == (422, "auth-required")
    status, row = await change(api, remote=forge.url, credentials=TOKEN)
    assert (status, row["credentials"]["kind"]) == (200, "token")


async def test_credentials_stay_when_the_remote_moves_on_the_same_host(
    api: Api, forge: Forge
) -> None:
    await add(api, forge.url, TOKEN)
    status, row = await change(api, remote=forge.url_of("moved"))
    assert (status, row["credentials"]["kind"]) == (200, "token")
    assert (await api.synced("demo"))["outcome"] == "updated"


WRITERS = {"visibility": "all", "users": [{"user": "bob", "level": "write"}]}


async def test_who_may_write_does_not_read_with_anothers_token_what_else_it_opens(
    api: Api, forge: Forge
) -> None:
    await add(api, forge.url, TOKEN, access=WRITERS)
    bob = await api.log_in("bob")
    forge.heard.clear()
    secret = {"remote": forge.url_of("secrets")}
    status, problem = await api.ask("PATCH", "/api/repositories/demo", secret, token=bob)
    assert (status, problem["code"], problem["pointer"]) == (422, "auth-required", "/remote")
    assert set(forge.heard) == {"nothing"}
    forge.takes("")
    status, row = await api.ask("PATCH", "/api/repositories/demo", secret, token=bob)
    assert (status, row["credentials"]) == (200, None)


@pytest.mark.parametrize(
    ("loss", "path", "body", "status"),
    [
        ("the grant", "/api/repositories/demo", {"access": {"visibility": "restricted"}}, 404),
        ("the level", "/api/repositories/demo", {"access": {"visibility": "all"}}, 403),
        ("the account", "/api/users/bob", {"disabled": True}, 401),
    ],
)
async def test_what_is_taken_away_while_the_remote_is_asked_is_gone_when_it_has_answered(
    api: Api, forge: Forge, *, loss: str, path: str, body: object, status: int
) -> None:
    await add(api, forge.url, TOKEN, access=WRITERS)
    bob, root = await api.log_in("bob"), await api.log_in("root")
    forge.takes("")
    forge.lie = Lie(hang=True)
    forge.arrived.clear()
    wanted = {"remote": forge.url_of("moved")}
    changing = asyncio.create_task(
        api.ask("PATCH", "/api/repositories/demo", wanted, token=bob), name=f"without {loss}"
    )
    await forge.arrived.wait()
    assert (await api.ask("PATCH", path, body, token=root))[0] == 200
    forge.lie = None
    forge._released.set()
    assert (await changing)[0] == status
    assert (await api.ask("GET", "/api/repositories/demo"))[1]["remote"] == forge.url


async def test_a_redirect_takes_no_credentials_with_it(
    api: Api, forge: Forge, origin: Checkout
) -> None:
    async with Remote(origin.folder) as thief:
        await add(api, forge.url, TOKEN)
        forge.lie = Lie(status=302, headers={"Location": f"{thief.url}/info/refs"})
        job = await sync(api)
        assert job["error"]["code"] == "remote-redirected"
        assert thief.requests == []


async def test_a_remote_that_repeats_what_it_was_sent_gets_it_into_no_log_and_no_answer(
    api: Api, forge: Forge
) -> None:
    await add(api, forge.url, TOKEN)
    forge.is_parrot = True
    job = await sync(api)
    assert forge.heard[-1] == basic("x-access-token", SECRET)
    assert job["error"]["code"] == "access-forbidden"
    async with api.client.get(
        f"/api/jobs/{job['job_id']}/log", headers={"Authorization": f"Bearer {api.token}"}
    ) as response:
        log = await response.text()
    assert "[redacted]" in log
    for text in (log, str(job)):
        assert SECRET not in text
        assert basic("x-access-token", SECRET).removeprefix("Basic ") not in text


@pytest.mark.parametrize(
    ("credentials", "code", "pointer"),
    [
        ({"kind": "token"}, "credential-invalid", "/credentials/token"),
        ({"kind": "token", "token": ""}, "body-invalid", "/credentials/token"),
        ({"kind": "token", "token": "  "}, "credential-invalid", "/credentials/token"),
        ({"kind": "token", "token": "a\n"}, "credential-invalid", "/credentials/token"),
        ({"kind": "token", "token": "a\r\nX: y"}, "credential-invalid", "/credentials/token"),
        ({"kind": "token", "token": "abc", "username": "a:b"}, "credential-invalid",
         "/credentials/username"),
        ({"kind": "token", "token": "abc", "username": "a\0"}, "credential-invalid",
         "/credentials/username"),
        ({"kind": "token", "token": "abc", "password": "abc"}, "credential-invalid",
         "/credentials/password"),
        ({"kind": "password", "password": "abc"}, "credential-invalid", "/credentials/username"),
        ({"kind": "password", "username": "a"}, "credential-invalid", "/credentials/password"),
        ({"kind": "cookie"}, "body-invalid", "/credentials/kind"),
        ({"token": "abc"}, "body-invalid", "/credentials/kind"),
        ({"kind": "token", "token": "abc", "secret": "abc"}, "body-invalid",
         "/credentials/secret"),
        ({"kind": "ssh-key", "private_key": "a", "known_hosts": "b"}, "credential-misfit",
         "/credentials/kind"),
        ("abc", "body-invalid", "/credentials"),
    ],
)  # fmt: skip
async def test_what_is_no_credential_is_refused_with_a_pointer(
    api: Api, forge: Forge, credentials: Any, code: str, pointer: str
) -> None:
    status, problem = await add(api, forge.url, credentials)
    assert (status, problem["code"], problem["pointer"]) == (422, code, pointer)
    assert problem["hint"]
    assert forge.requests == []


async def test_a_path_takes_no_credentials_and_ssh_no_token(api: Api, origin: Checkout) -> None:
    for remote in (str(origin.folder), "git@example.org:a/b.git", "ssh://example.org/a"):
        status, problem = await add(api, remote, TOKEN)
        assert (status, problem["code"]) == (422, "credential-misfit")
        assert problem["pointer"] == "/credentials/kind"


async def test_a_sealed_credential_opens_for_its_own_repository_only(
    api: Api, forge: Forge
) -> None:
    await add(api, forge.url, TOKEN)
    await api.ask("POST", "/api/repositories", {"remote": forge.url_of("b"), "credentials": TOKEN})
    rows = api.made.services.state.credentials
    first, second = rows.values()
    rows.put(1, dataclasses.replace(second, repository_id=first.repository_id))
    job = await sync(api)
    assert job["error"]["code"] == "credential-unreadable"
    rows.put(1, dataclasses.replace(first, authority="http://127.0.0.1:1"))
    assert (await sync(api))["error"]["code"] == "auth-required"


async def test_a_removed_repository_leaves_no_credentials(
    api: Api, forge: Forge, tmp_path: Path
) -> None:
    await add(api, forge.url, TOKEN)
    status, _ = await api.ask("DELETE", "/api/repositories/demo")
    assert status == 204
    assert list(api.made.services.state.credentials.values()) == []
    database = sqlite3.connect(tmp_path / "data" / "cidxd.db")
    assert database.execute("SELECT count(*) FROM credential").fetchone() == (0,)
    database.close()


async def test_without_the_key_nothing_is_sealed_anew_and_the_rest_goes_on(
    api: Api, forge: Forge, tmp_path: Path
) -> None:
    await add(api, forge.url, TOKEN)
    key = tmp_path / "data" / "cidxd-key"
    kept = key.read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600
    key.unlink()
    status, problem = await change(api, credentials=TOKEN)
    assert (status, problem["code"]) == (503, "credential-key-missing")
    assert "put the key back" in problem["hint"]
    job = await sync(api)
    assert (job["status"], job["error"]["code"]) == ("failed", "credential-unreadable")
    assert not key.exists()

    key.write_bytes(kept)
    key.chmod(0o640)
    status, problem = await change(api, credentials=TOKEN)
    assert (status, problem["code"]) == (503, "credential-key-unsafe")
    assert f"chmod 600 {key}" in problem["hint"]
    key.chmod(0o600)
    assert (await api.synced("demo"))["outcome"] == "updated"

    key.unlink()
    assert (await change(api, credentials=None))[0] == 200
    assert (await change(api, credentials=TOKEN))[0] == 200
    assert key.read_bytes() != kept


@needs_sshd
async def test_an_ssh_key_is_checked_used_and_replaced(
    api: Api, host: Sshd, origin: Checkout, tmp_path: Path
) -> None:
    second = keypair(tmp_path / "second")
    given = key_of(host, host.identity)
    status, row = await add(api, host.url(origin.folder), given)
    assert status == 201, row
    assert re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", row["credentials"]["fingerprint"])
    assert (await api.synced("demo"))["outcome"] == "updated"

    authorized = host.known_hosts.parent / "authorized"
    authorized.write_bytes(second.with_suffix(".pub").read_bytes())
    job = await sync(api)
    assert job["error"]["code"] == "auth-failed"
    assert "--ssh-key FILE" in job["error"]["hint"]
    status, problem = await change(api, credentials=given)
    assert (status, problem["code"], problem["pointer"]) == (422, "auth-failed", "/credentials")
    status, row = await change(api, credentials=key_of(host, second))
    assert status == 200, row
    assert (await sync(api))["status"] == "completed"


@needs_sshd
async def test_a_host_with_another_key_than_the_known_one_is_not_trusted(
    api: Api, host: Sshd, origin: Checkout
) -> None:
    given = key_of(host, host.identity)
    host.has_other_host_key()
    status, problem = await add(api, host.url(origin.folder), given)
    assert (status, problem["code"]) == (422, "host-key-unknown")
    assert problem["pointer"] == "/credentials"
    assert "--known-hosts FILE" in problem["hint"]
