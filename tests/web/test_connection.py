"""Connections byte by byte: what is slow, too large, or could be read in two ways."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import pytest
from api_client import Api, eventually
from raw import Wire

from cidxd.config import Config, parse
from cidxd.web import connection, strict, table
from cidxd.web.listen import Activity, listening

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
PAGE = b"GET /docs/faults.md HTTP/1.1\r\nHost: localhost\r\n\r\n"


class House:
    """A daemon's port with limits of the test's choice."""

    def __init__(self, api: Api, port: int) -> None:
        self.api = api
        self.port = port

    async def ask(self, data: bytes) -> Any:
        async with await Wire.to(self.port) as wire:
            await wire.send(data)
            return await wire.answer()

    def refused(self, reason: str) -> float:
        counter = self.api.made.services.metrics.http.refused
        return float(counter.labels(reason)._value.get())

    @property
    def connections(self) -> float:
        return float(self.api.made.services.metrics.http.connections._value.get())


@contextlib.asynccontextmanager
async def _house(api: Api, config: Config, **limits: Any) -> AsyncIterator[House]:
    server = {"listen": "127.0.0.1:0", **limits.pop("server", {})}
    made = parse({"server": server, "http": limits}, "the test")
    services = api.made.services
    routes = table.routes(services, api.made.live)
    async with listening(routes, services, made, Activity(), is_private=False) as door:
        yield House(api, int(door.url.rpartition(":")[2]))
    del config


Opened = Callable[..., contextlib.AbstractAsyncContextManager[House]]


@pytest.fixture
def house(api: Api, config: Config) -> Opened:
    return lambda **limits: _house(api, config, **limits)


def test_the_server_named_in_answers_tells_no_version() -> None:
    assert not any(letter.isdigit() for letter in strict.SERVER)


UNREADABLE: Final[list[tuple[bytes, int, str, str]]] = [
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 414, "uri-too-long", "url-size"),
    (
        b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + b"s" * 9000,
        431,
        "header-too-large",
        "header-size",
    ),
    (
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        431,
        "header-too-large",
        "header-size",
    ),
    (b"GET / HTTP/1.1\r\n\r\n", 400, "request-malformed", "malformed"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "request-malformed", "malformed"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "request-malformed", "malformed"),
    (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400, "request-malformed", "malformed"),
    (b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "request-malformed", "malformed"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nA b: c\r\n\r\n", 400, "request-malformed", "malformed"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n", 400, "request-malformed", "malformed"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400, "request-malformed", "malformed"),
]


async def test_what_cannot_be_read_is_a_problem_and_tells_and_logs_nothing_of_it(
    house: Opened, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    async with house() as house_:
        for sent, status, code, reason in UNREADABLE:
            before = house_.refused(reason)
            async with await Wire.to(house_.port) as wire:
                await wire.send(sent)
                answer = await wire.answer()
                assert (answer.status, answer.problem["code"]) == (status, code), sent
                for name in strict.HEADERS:
                    assert name.lower() in answer.headers, name
                assert answer.headers["server"] == "cidxd"
                assert answer.headers["x-request-id"] == answer.problem["request_id"]
                assert await wire.end() == b""
            assert house_.refused(reason) == before + 1
            said = caplog.text + capsys.readouterr().out + answer.body.decode()
            assert "sssss" not in said
            assert "aaaaa" not in said


# RFC 9112, section 6.3: two framings of one request must not both be believed.
FRAMINGS: Final = [
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"Content-Length: 5, 6\r\n\r\nhello",
    b"Content-Length: +5\r\n\r\nhello",
    b"Content-Length: -1\r\n\r\n",
    b"Content-Length: 0x5\r\n\r\nhello",
    b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n5;\nhello\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n",
]


async def test_a_second_request_cannot_be_hidden_in_a_first(house: Opened) -> None:
    hidden = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    start = b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\n"
    async with house() as house_:
        for framing in FRAMINGS:
            async with await Wire.to(house_.port) as wire:
                await wire.send(start + framing + hidden)
                answers = await wire.end()
            assert re.match(rb"HTTP/1\.[01] 400 ", answers), framing
            assert len(re.findall(rb"HTTP/1\.[01] ", answers)) == 1, framing
            assert b'"ready"' not in answers


async def test_requests_sent_together_are_answered_in_their_order(house: Opened) -> None:
    async with house() as house_, await Wire.to(house_.port) as wire:
        other = b"GET /api/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
        await wire.send((GET + other) * 100)
        statuses = [(await wire.answer()).status for _ in range(200)]
        assert statuses == [200, 404] * 100


async def test_http_1_0_is_answered_and_closed(house: Opened) -> None:
    async with house() as house_, await Wire.to(house_.port) as wire:
        await wire.send(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert (await wire.answer()).status == 200
        assert await wire.end() == b""


UNUSUAL: Final = [
    (b"GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
    (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    (b"OPTIONS /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
    (b"TRACE /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
    (b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n", 404),
    (b"GET /static/../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    (b"GET /static/%2e%2e/index.html HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    (b"PUT /healthz HTTP/1.1\r\nHost: x\r\nX-HTTP-Method-Override: GET\r\n\r\n", 405),
]


async def test_unusual_requests_are_answered_as_usual(house: Opened) -> None:
    async with house() as house_:
        for sent, status in UNUSUAL:
            answer = await house_.ask(sent)
            assert answer.status == status, sent
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert status < 400 or answer.problem["code"]


async def test_an_answer_to_head_has_headers_and_no_body(house: Opened) -> None:
    async with house() as house_, await Wire.to(house_.port) as wire:
        await wire.send(b"HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        head, _, body = (await wire.end()).partition(b"\r\n\r\n")
        assert body == b""
        assert b"nosniff" in head


async def test_a_header_that_comes_byte_by_byte_is_cut_off(house: Opened) -> None:
    async with house(header_seconds=0.3) as house_, await Wire.to(house_.port) as wire:
        await wire.send(b"GET /healthz HT")
        await wire.send(b"TP")
        answer = await wire.answer()
        assert (answer.status, answer.problem["code"]) == (408, "request-too-slow")
        assert await wire.end() == b""
        assert house_.refused("slow-header") == 1


async def test_a_second_request_is_not_waited_for_longer_than_the_first(house: Opened) -> None:
    async with house(header_seconds=0.3) as house_, await Wire.to(house_.port) as wire:
        await wire.send(GET)
        assert (await wire.answer()).status == 200
        await wire.send(b"GET /")
        assert (await wire.answer()).status == 408


async def test_a_client_that_rests_after_a_body_in_two_pieces_is_not_cut_off(house: Opened) -> None:
    async with house(header_seconds=0.1) as house_, await Wire.to(house_.port) as wire:
        for _ in range(2):
            await wire.send(_login(b'{"user', 8))
            await asyncio.sleep(0.01)  # so that it is read on its own
            await wire.send(b'":')
            assert (await wire.answer()).status == 400
            assert not wire.reader.at_eof()
            await asyncio.sleep(0.3)  # what would be cut off is cut off by then
        assert house_.refused("slow-header") == 0


async def test_who_takes_a_moment_between_two_parts_of_a_header_is_served(house: Opened) -> None:
    async with house() as house_, await Wire.to(house_.port) as wire:
        for part in (GET[:9], GET[9:20], GET[20:]):
            await wire.send(part)
            await asyncio.sleep(0)
        assert (await wire.answer()).status == 200


async def test_headers_without_an_end_are_cut_off(house: Opened) -> None:
    async with house(header_bytes=4096) as house_, await Wire.to(house_.port) as wire:
        await wire.send(GET[:-2] + (b"A: " + b"b" * 200 + b"\r\n") * 30)
        answer = await wire.answer()
        assert (answer.status, answer.problem["code"]) == (431, "header-too-large")
        assert await wire.end() == b""


def _login(body: bytes, length: int | None = None) -> bytes:
    length = len(body) if length is None else length
    head = f"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
    return head.encode() + body


async def test_a_body_that_does_not_come_is_cut_off(house: Opened) -> None:
    async with house(body_seconds=0.3) as house_, await Wire.to(house_.port) as wire:
        await wire.send(_login(b'{"user', 100))
        answer = await wire.answer()
        assert (answer.status, answer.problem["code"]) == (408, "request-too-slow")
        assert answer.headers["connection"] == "close"
        assert await wire.end() == b""
        assert house_.refused("slow-body") == 1


async def test_a_webhook_that_does_not_come_is_cut_off(house: Opened) -> None:
    async with house(body_seconds=0.3) as house_, await Wire.to(house_.port) as wire:
        sent = _login(b'{"ref', 100).replace(b"/api/auth/login", b"/api/webhooks/github/demo")
        await wire.send(sent)
        assert (await wire.answer()).status in {404, 408}
        assert await wire.end() == b""


async def test_a_body_that_is_never_asked_for_holds_nothing(house: Opened) -> None:
    async with house(body_seconds=0.3) as house_, await Wire.to(house_.port) as wire:
        await wire.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
        assert (await wire.answer()).status == 200
        assert await wire.end() == b""


@pytest.mark.parametrize(
    "sent",
    [
        _login(b"", 50_000),
        b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        + (b"1000\r\n" + b" " * 4096 + b"\r\n") * 5
        + b"0\r\n\r\n",
    ],
)
async def test_a_large_body_is_refused_where_nobody_needs_a_token(
    house: Opened, sent: bytes
) -> None:
    async with house(body_seconds=0.3) as house_, await Wire.to(house_.port) as wire:
        await wire.send(sent)
        answer = await wire.answer()
        assert (answer.status, answer.problem["code"]) == (413, "body-too-large")
        assert house_.refused("body-size") == 1
        assert await wire.end() == b""


async def test_a_compressed_bomb_is_refused(house: Opened) -> None:
    import gzip  # noqa: PLC0415 - for this one

    bomb = gzip.compress(b" " * (64 << 20), 9)
    head = (
        "POST /api/search HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n"
        f"Content-Length: {len(bomb)}\r\nAuthorization: Bearer {{}}\r\n\r\n"
    )
    async with house(body_bytes=1 << 17) as house_, await Wire.to(house_.port) as wire:
        await wire.send(head.format(house_.api.token).encode() + bomb)
        assert (await wire.answer()).status == 413


async def test_an_idle_connection_is_closed_without_a_word(house: Opened) -> None:
    async with house(idle_seconds=0.3) as house_:
        async with await Wire.to(house_.port) as silent, await Wire.to(house_.port) as used:
            await used.send(GET)
            assert (await used.answer()).status == 200
            assert await silent.end() == b""
            assert await used.end() == b""
        await eventually(lambda: house_.connections == 0)


async def test_an_answer_that_nobody_reads_is_given_up(house: Opened) -> None:
    async with house(answer_seconds=0.3) as house_:
        loop = asyncio.get_running_loop()
        with socket.socket() as one:
            one.setblocking(False)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await loop.sock_connect(one, ("127.0.0.1", house_.port))
            await loop.sock_sendall(one, PAGE * 400)
            await eventually(lambda: house_.refused("slow-reader") == 1)
            await eventually(lambda: house_.connections == 0)


async def test_who_reads_slowly_but_does_read_is_served(
    house: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LEAST_READ", 1)
    async with house(answer_seconds=0.2) as house_, await Wire.to(house_.port) as wire:
        length = len((await house_.ask(PAGE)).body)
        await wire.send(PAGE * 100)
        for _ in range(100):
            assert len((await wire.answer()).body) == length
        assert house_.refused("slow-reader") == 0


async def test_more_connections_than_there_may_be_are_told_so(house: Opened) -> None:
    async with house(connections=2) as house_:
        async with await Wire.to(house_.port) as one, await Wire.to(house_.port) as two:
            for wire in (one, two):
                await wire.send(GET)
                assert (await wire.answer()).status == 200
            async with await Wire.to(house_.port) as third:
                answer = await third.answer()
                assert (answer.status, answer.problem["code"]) == (503, "too-many-connections")
                assert int(answer.headers["retry-after"]) > 0
            await one.send(GET)
            assert (await one.answer()).status == 200
        await eventually(lambda: house_.connections == 0)
        assert (await house_.ask(GET)).status == 200
        assert house_.refused("connections") == 1


async def test_one_address_has_so_many_connections_and_a_proxy_any_number(house: Opened) -> None:
    async with house(connections_per_address=1) as house_, await Wire.to(house_.port) as one:
        await one.send(GET)
        assert (await one.answer()).status == 200
        async with await Wire.to(house_.port) as two:
            answer = await two.answer()
        assert (answer.status, answer.problem["code"]) == (429, "too-many-connections-per-address")
    proxied = {"trusted_proxies": ["127.0.0.0/8"]}
    async with (
        house(connections_per_address=1, server=proxied) as house_,
        await Wire.to(house_.port) as one,
        await Wire.to(house_.port) as two,
    ):
        for wire in (one, two):
            await wire.send(GET)
            assert (await wire.answer()).status == 200


def _me(house_: House, *more: str) -> bytes:
    lines = ["GET /api/auth/me HTTP/1.1", "Host: x", f"Authorization: Bearer {house_.api.token}"]
    return "\r\n".join([*lines, *more, "", ""]).encode()


async def test_one_user_has_so_many_connections(house: Opened) -> None:
    async with house(connections_per_user=1) as house_:
        async with await Wire.to(house_.port) as one:
            for _ in range(2):
                await one.send(_me(house_))
                assert (await one.answer()).status == 200
            answer = await house_.ask(_me(house_))
            assert (answer.status, answer.problem["code"]) == (429, "too-many-connections-per-user")
            assert answer.headers["connection"] == "close"
        await eventually(lambda: house_.connections == 0)
        assert (await house_.ask(_me(house_))).status == 200
    proxied = {"trusted_proxies": ["127.0.0.0/8"]}
    async with (
        house(connections_per_user=1, server=proxied) as house_,
        await Wire.to(house_.port) as one,
        await Wire.to(house_.port) as two,
    ):
        for wire in (one, two):
            await wire.send(_me(house_))
            assert (await wire.answer()).status == 200


async def test_a_user_who_asks_too_often_is_told_when_to_come_back(house: Opened) -> None:
    limits = {"requests_per_second": 0.5, "request_burst": 2, "address_request_burst": 1}
    async with house(**limits) as house_:
        first, second, third = [await house_.ask(_me(house_)) for _ in range(3)]
        assert [first.status, second.status, third.status] == [200, 200, 429]
        assert first.headers["ratelimit-policy"] == '"requests";q=2;w=4'
        assert first.headers["ratelimit"] == '"requests";r=1;t=2'
        assert first.headers["ratelimit-remaining"] == "1"
        assert third.problem["code"] == "rate-limited"
        assert 1 <= int(third.headers["retry-after"]) <= 2
        assert third.headers["ratelimit-remaining"] == "0"
        assert house_.refused("rate") == 1
        for path in (b"/healthz", b"/readyz"):
            for _ in range(5):
                answer = await house_.ask(GET.replace(b"/healthz", path))
                assert (answer.status, "ratelimit" in answer.headers) == (200, False)


async def test_an_address_that_guesses_tokens_is_told_to_wait(house: Opened) -> None:
    guess = b"GET /api/auth/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer guess\r\n\r\n"
    async with house(address_requests_per_second=0.5, address_request_burst=2) as house_:
        statuses = [(await house_.ask(guess)).status for _ in range(4)]
        assert statuses == [401, 401, 429, 429]
        assert (await house_.ask(_me(house_))).status == 200


async def test_clients_behind_one_proxy_are_told_apart(house: Opened) -> None:
    limits = {"address_requests_per_second": 0.5, "address_request_burst": 1}
    proxied = {"trusted_proxies": ["127.0.0.1"]}
    guess = "GET /api/auth/me HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {}\r\n\r\n"
    async with house(**limits, server=proxied) as house_:
        said = [
            (await house_.ask(guess.format(address).encode())).status
            for address in ("203.0.113.1", "203.0.113.1", "203.0.113.2", "1.1.1.1, 203.0.113.2")
        ]
        assert said == [401, 429, 401, 429]
    async with house(**limits) as house_:  # nobody's word is taken
        said = [
            (await house_.ask(guess.format(address).encode())).status
            for address in ("203.0.113.1", "203.0.113.2")
        ]
        assert said == [401, 429]


HOSTS: Final = [
    ("cidx.example.org", 200),
    ("CIDX.example.org:8095", 200),
    ("evil.example.org", 421),
    ("cidx.example.org.evil.example", 421),
    ("127.0.0.1", 421),
]


async def test_a_server_may_answer_for_its_own_hosts_only(house: Opened) -> None:
    async with house(server={"hosts": ["cidx.example.org"]}) as house_:
        for host, status in HOSTS:
            answer = await house_.ask(GET.replace(b"localhost", host.encode()))
            assert answer.status == status, host
            assert status == 200 or answer.problem["code"] == "host-unknown"


async def test_a_large_search_is_within_the_limits(house: Opened) -> None:
    body = json.dumps({"q": "x" * 90_000}).encode()
    async with house() as house_:
        head = (
            f"POST /api/search HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {house_.api.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        answer = await house_.ask(head.encode() + body)
        assert answer.status not in {408, 413, 429}
