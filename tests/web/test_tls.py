"""TLS by certificate files: served, reloaded under open connections, refused with a reason."""

from __future__ import annotations

import contextlib
import datetime as dt
import ssl
import warnings
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from api_client import Api, eventually
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from raw import Wire

from cidxd.__main__ import main
from cidxd.config import parse
from cidxd.web import table, tls
from cidxd.web.listen import Activity, listening

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Papers:
    """An authority, and the files of a certificate that it issued."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.pair = tls.Pair(folder / "certificate.pem", folder / "key.pem")

    def issue(self, name: str = "localhost", **more: Any) -> None:
        made = self.authority.issue_cert(name, "localhost", "127.0.0.1", **more)
        self.pair.certificate.write_bytes(b"".join(one.bytes() for one in made.cert_chain_pems))
        self.pair.key.write_bytes(made.private_key_pem.bytes())

    def trust(self) -> ssl.SSLContext:
        made = ssl.create_default_context()
        self.authority.configure_trust(made)
        return made


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    made = Papers(tmp_path)
    made.issue()
    return made


@contextlib.asynccontextmanager
async def secured(
    api: Api, papers: Papers, **more: Any
) -> AsyncIterator[tuple[int, list[Callable[[], None]]]]:
    server = {
        "listen": "127.0.0.1:0",
        "tls_certificate": str(papers.pair.certificate),
        "tls_key": str(papers.pair.key),
    }
    config = parse({"server": server, **more}, "the test")
    services, on_reload = api.made.services, []  # type: tuple[Any, list[Callable[[], None]]]
    routes = table.routes(services, api.made.live)
    async with listening(
        routes, services, config, Activity(), is_private=False, on_reload=on_reload
    ) as door:
        assert door.url.startswith("https://127.0.0.1:")
        yield int(door.url.rpartition(":")[2]), on_reload


def served_names(wire: Wire) -> set[str]:
    raw = wire.writer.get_extra_info("ssl_object").getpeercert()
    return {name for _, name in raw["subjectAltName"]}


async def test_over_tls_browsers_are_told_to_stay_and_cookies_are_secure(
    api: Api, papers: Papers
) -> None:
    async with secured(api, papers) as (port, _), await Wire.to(port, papers.trust()) as wire:
        await wire.send(GET)
        answer = await wire.answer()
        assert answer.status == 200
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        body = b'{"username":"ada","password":"correct horse"}'
        await wire.send(
            b"POST /api/auth/session HTTP/1.1\r\nHost: localhost\r\nOrigin: https://localhost\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body
        )
        cookie = (await wire.answer()).headers["set-cookie"]
        assert cookie.startswith("__Host-cidx-")
        assert {"HttpOnly", "Secure", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))


async def test_without_tls_nobody_is_told_to_stay_with_it(api: Api) -> None:
    async with api.client.get("http://localhost/healthz".replace("localhost", "")) as response:
        assert "Strict-Transport-Security" not in response.headers


@pytest.mark.parametrize("sent", [GET, b"\x00" * 600, b"SSH-2.0-x\r\n"])
async def test_what_is_no_tls_is_closed(api: Api, papers: Papers, sent: bytes) -> None:
    async with secured(api, papers) as (port, _):
        async with await Wire.to(port) as wire:
            await wire.send(sent)
            assert b"HTTP" not in await wire.end()
        async with await Wire.to(port, papers.trust()) as wire:
            await wire.send(GET)
            assert (await wire.answer()).status == 200


async def test_old_versions_of_tls_are_refused(api: Api, papers: Papers) -> None:
    old = papers.trust()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    async with secured(api, papers) as (port, _):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await Wire.to(port, old)


async def test_a_new_certificate_is_for_new_connections_and_open_ones_go_on(
    api: Api, papers: Papers
) -> None:
    async with (
        secured(api, papers) as (port, on_reload),
        await Wire.to(port, papers.trust()) as before,
    ):
        await before.send(GET)
        assert (await before.answer()).status == 200
        assert "renewed.example.org" not in served_names(before)
        papers.issue("renewed.example.org")
        for reload in on_reload:
            reload()
        await before.send(GET)
        assert (await before.answer()).status == 200
        async with await Wire.to(port, papers.trust()) as after:
            assert "renewed.example.org" in served_names(after)
        papers.pair.key.write_text("no key")
        for reload in on_reload:
            reload()
        async with await Wire.to(port, papers.trust()) as after:
            assert "renewed.example.org" in served_names(after)


async def test_who_never_finishes_the_handshake_is_counted_and_cut_off(
    api: Api, papers: Papers
) -> None:
    limits = {"header_seconds": 2.0, "connections_per_address": 5}
    metrics = api.made.services.metrics.http
    async with secured(api, papers, http=limits) as (port, _), contextlib.AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(await Wire.to(port)) for _ in range(5)]
        async with await Wire.to(port) as one_more:
            assert await one_more.end() == b""
        assert metrics.refused.labels("connections-per-address")._value.get() == 1
        for wire in silent:
            assert await wire.end() == b""
        assert metrics.refused.labels("handshake")._value.get() == 5
        await eventually(lambda: metrics.connections._value.get() == 0)
        async with await Wire.to(port, papers.trust()) as wire:
            await wire.send(GET)
            assert (await wire.answer()).status == 200


def checked(folder: Path, pair: tls.Pair) -> tuple[int, str]:
    path = folder / "cidxd.toml"
    path.write_text(f'[server]\ntls_certificate = "{pair.certificate}"\ntls_key = "{pair.key}"\n')
    done = CliRunner().invoke(main, ["check-config", str(path)])
    return done.exit_code, done.output


def with_passphrase(papers: Papers) -> None:
    key = serialization.load_pem_private_key(papers.pair.key.read_bytes(), None)
    papers.pair.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )


HARMS: dict[str, tuple[Callable[[Papers], object], str]] = {
    "missing": (lambda p: p.pair.certificate.unlink(), "tls_certificate: cannot be read"),
    "garbage": (lambda p: p.pair.certificate.write_text("x"), "tls_certificate: has no PEM"),
    "key missing": (lambda p: p.pair.key.unlink(), "tls_key: cannot be read"),
    "key garbage": (lambda p: p.pair.key.write_text("x"), "tls_key: is no PEM private key"),
    "of another": (
        lambda p: p.pair.key.write_bytes(p.authority.issue_cert("x").private_key_pem.bytes()),
        "tls_key: is not the key of server.tls_certificate",
    ),
    "passphrase": (with_passphrase, "tls_key: has a passphrase"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_what_is_wrong_with_the_files_is_told(tmp_path: Path, papers: Papers, harm: str) -> None:
    do, words = HARMS[harm]
    do(papers)
    code, said = checked(tmp_path, papers.pair)
    assert code == 1
    assert words in said


def test_files_that_fit_are_good_and_an_expired_certificate_is_warned_of(
    tmp_path: Path, papers: Papers
) -> None:
    assert checked(tmp_path, papers.pair) == (0, f"{tmp_path / 'cidxd.toml'}: good\n")
    day = dt.timedelta(days=1)
    now = dt.datetime.now(dt.UTC)
    papers.issue(not_before=now - 2 * day, not_after=now - day)
    code, said = checked(tmp_path, papers.pair)
    assert code == 0
    assert "warning: server.tls_certificate: has expired" in said


def test_a_certificate_without_its_key_is_refused(tmp_path: Path, papers: Papers) -> None:
    path = tmp_path / "cidxd.toml"
    path.write_text(f'[server]\ntls_certificate = "{papers.pair.certificate}"\n')
    done = CliRunner().invoke(main, ["check-config", str(path)])
    assert done.exit_code == 1
    assert "tls_certificate and tls_key: give both or none" in done.output


def test_the_end_of_its_validity_is_read(papers: Papers) -> None:
    read = x509.load_pem_x509_certificates(papers.pair.certificate.read_bytes())[0]
    assert tls.not_after(papers.pair) == read.not_valid_after_utc.timestamp()
