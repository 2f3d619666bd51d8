"""What a server lets its users send it to, through the whole daemon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from api_client import Api
from remote import Lie, Remote
from sandbox import Checkout

from cidxd.config import Config, parse

REFS = "/info/refs?service=git-upload-pack"
ESCAPES = [
    ("https://127.0.0.1:{port}/a.git", "remote-forbidden"),
    ("https://localhost:{port}/a.git", "remote-forbidden"),
    ("https://0x7f.1:{port}/a.git", "remote-forbidden"),
    ("https://2130706433:{port}/a.git", "remote-forbidden"),
    ("https://017700000001:{port}/a.git", "remote-forbidden"),
    ("https://[::ffff:127.0.0.1]:{port}/a.git", "remote-forbidden"),
    ("https://[::1]:{port}/a.git", "remote-forbidden"),
    ("https://0.0.0.0:{port}/a.git", "remote-forbidden"),
    ("https://%6cocalhost:{port}/a.git", "remote-forbidden"),
    ("https://example.org\\@127.0.0.1:{port}/a.git", "remote-forbidden"),
    ("https://127.0.0.1:{port}#@example.org/a.git", "remote-invalid"),
    ("ssh://git@127.0.0.1:{port}/a.git", "remote-forbidden"),
    ("git@localhost:a.git", "remote-forbidden"),
    ("https://169.254.169.254/latest/a.git", "remote-forbidden"),
    ("http://127.0.0.1:{port}/a.git", "remote-forbidden"),
    ("git://127.0.0.1:{port}/a.git", "protocol-refused"),
    ("file:///etc", "protocol-refused"),
    ("/etc", "protocol-refused"),
    ("ext::sh -c 'true'", "remote-invalid"),
    ("--upload-pack=true", "remote-invalid"),
    ("https://127.0.0.1:{port}/a%0d%0aX:%20y.git", "remote-invalid"),
    ("https://127.0.0.1:{port}/a\r\nX: y", "remote-invalid"),
    ("https://ada:hunter2@127.0.0.1:{port}/a", "remote-invalid"),
    ("https://ghp_hunter2@127.0.0.1:{port}/a", "remote-invalid"),
    ("https://127.0.0.1:{port}/a?private_token=hunter2", "remote-invalid"),
    ("https:// ada:hunter2@127.0.0.1:{port}/a", "remote-invalid"),
]


@pytest.fixture
async def remote(origin: Checkout) -> AsyncIterator[Remote]:
    async with Remote(origin.folder) as made:
        yield made


async def add(api: Api, remote: str, name: str = "r") -> tuple[int, dict[str, object]]:
    status, document = await api.ask("POST", "/api/repositories", {"remote": remote, "name": name})
    return status, document


async def test_a_renamed_repository_is_synced_and_known_under_both_addresses(
    api: Api, remote: Remote
) -> None:
    old, new = remote.url_of("old"), remote.url_of("new")
    remote.lie = Lie(status=301, headers={"Location": new + REFS}, times=1)
    status, row = await add(api, old)
    assert (status, row["remote"]) == (201, old)

    remote.requests.clear()
    job = await api.synced("r")
    assert (job["status"], job["outcome"]) == ("completed", "updated")
    assert all(path.split()[1].startswith("/new/") for path in remote.requests)
    for address in (old, new):
        status, problem = await add(api, address, "other")
        assert (status, problem["code"], problem["name"]) == (409, "remote-known", "r")
        found = await api.ask("GET", f"/api/repositories/discover?url={address}")
        assert found[1]["name"] == "r"


async def test_a_repository_that_is_renamed_later_goes_on_and_its_new_address_is_remembered(
    api: Api, remote: Remote, origin: Checkout
) -> None:
    old, new = remote.url_of("old"), remote.url_of("new")
    assert (await add(api, old))[0] == 201
    await api.synced("r")
    remote.lie = Lie(status=302, headers={"Location": new + REFS}, times=1)
    head = origin.commit({"later.py": "LATER = 1\n"})
    assert (await api.synced("r"))["commits"][0]["indexed"] == head

    remote.requests.clear()
    assert (await api.synced("r"))["outcome"] == "unchanged"
    assert [path.split()[1] for path in remote.requests][:1] == ["/new/repo.git/info/refs"]
    status, row = await api.ask("GET", "/api/repositories/r")
    assert (status, row["remote"]) == (200, old)


async def test_a_redirected_remote_that_leads_to_a_registered_one_is_refused_with_its_name(
    api: Api, remote: Remote
) -> None:
    old, new = remote.url_of("old"), remote.url_of("new")
    assert (await add(api, new, "first"))[0] == 201
    remote.lie = Lie(status=301, headers={"Location": new + REFS}, times=1)

    status, problem = await add(api, old, "second")

    assert (status, problem["code"], problem["name"]) == (409, "remote-known", "first")


async def test_another_remote_forgets_where_the_former_one_had_moved(
    api: Api, remote: Remote
) -> None:
    remote.lie = Lie(status=301, headers={"Location": remote.url_of("new") + REFS}, times=1)
    assert (await add(api, remote.url_of("old")))[0] == 201
    body = {"remote": remote.url_of("third")}
    assert (await api.ask("PATCH", "/api/repositories/r", body))[0] == 200

    remote.requests.clear()
    await api.synced("r")
    assert all(path.split()[1].startswith("/third/") for path in remote.requests)


async def test_a_redirect_to_another_host_is_told_and_nothing_is_sent_there(
    api: Api, remote: Remote, origin: Checkout
) -> None:
    async with Remote(origin.folder, address="127.0.0.2") as other:
        remote.lie = Lie(status=301, headers={"Location": other.url + REFS})
        status, problem = await add(api, remote.url)

        assert (status, problem["code"]) == (422, "remote-redirected")
        assert problem["hint"] == f"register {other.url}"
        assert other.requests == []


class TestServer:
    """A server as it is without a word about remotes in its configuration."""

    @pytest.fixture
    def config(self, tmp_path: Path) -> Config:
        server = {"listen": "127.0.0.1:0", "data": str(tmp_path / "data")}
        return parse({"server": server}, "the test")

    async def test_it_goes_nowhere_inside(self, api: Api) -> None:
        asked: list[bytes] = []

        async def record(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.read(1))
            writer.close()

        inside = await asyncio.start_server(record, "127.0.0.1", 0)
        port = inside.sockets[0].getsockname()[1]
        for form, code in ESCAPES:
            status, problem = await add(api, form.format(port=port))
            assert (status, problem["code"], problem["pointer"]) == (422, code, "/remote"), form
            assert problem["hint"]
            assert "hunter2" not in str(problem)
            assert str(problem).isprintable()
        inside.close()
        assert asked == []


class TestOpened:
    """A server whose operator opened something of its own network."""

    @pytest.fixture
    def config(self, tmp_path: Path) -> Config:
        server = {"listen": "127.0.0.1:0", "data": str(tmp_path / "data")}
        opened = {"allow_hosts": ["127.0.0.2", "localhost"]}
        return parse({"server": server, "remotes": opened}, "the test")

    async def test_what_the_operator_opened_is_contacted_and_nothing_else(self, api: Api) -> None:
        opened = await asyncio.gather(*(
            add(api, f"https://{host}:1/a.git") for host in ("127.0.0.2", "localhost")
        ))  # fmt: skip
        closed = await add(api, "https://127.0.0.1:1/a.git")
        plain = await add(api, "http://127.0.0.2:1/a.git")

        assert [problem["code"] for _, problem in opened] == ["remote-unreachable"] * 2
        assert closed[1]["code"] == "remote-forbidden"
        assert plain[1]["code"] == "protocol-refused"


@pytest.mark.parametrize("said", ["9" * 400, "9" * 12])
async def test_a_remote_that_wants_to_be_left_alone_for_ever_keeps_no_place(
    api: Api, origin: Checkout, said: str
) -> None:
    async with Remote(origin.folder) as forge:
        await api.ask("POST", "/api/repositories", {"remote": forge.url, "name": "far"})
        forge.lie = Lie(status=429, headers={"Retry-After": said})
        _, job = await api.ask("POST", "/api/sync", {"repository": "far"})
        path, waiting = f"/api/jobs/{job['job_id']}", False
        while not waiting:
            status, told = await api.ask("GET", path)
            assert status == 200, told
            waiting = told["status"] == "queued" and len(told["attempts"]) == 1
        assert (await api.ask("GET", "/api/jobs"))[0] == 200
        forge.lie = None
        api.clock.ahead_s += 86_400 + 60
        api.token = await api.log_in("ada")
        api.made.scheduler.look_again()
        _, ended = await api.ask("GET", path, headers={"Prefer": "wait=60"})
        assert ended["status"] == "completed"
