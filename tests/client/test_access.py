from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cidx import settings
from cidx.access import FixedAccess, LocalAccess, LoginAccess, address_of, choose
from cidx.checkout import Checkout
from cidx.client import Client
from cidx.credentials import Credentials, Session
from cidx.errors import ClientError
from cidx.wire import is_listening

OTHER = "https://other.example.org"


def checkout(server: str) -> Checkout:
    return Checkout(Path("/w"), "/w", False, "main", "w", server)


def log_in(url: str) -> None:
    session = Session("a", "r", settings.now() + 900, {})
    Credentials(settings.config_folder()).remember(url, session)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://Cidx.Example.org/", "https://cidx.example.org"),
        ("HTTPS://cidx.example.org:8443/base/", "https://cidx.example.org:8443/base"),
        ("cidx.example.org", "https://cidx.example.org"),
        ("localhost:8095", "http://localhost:8095"),
        ("127.0.0.1:8095", "http://127.0.0.1:8095"),
        ("http://[::1]:8095", "http://[::1]:8095"),
    ],
)
def test_an_address_has_one_form(text: str, address: str) -> None:
    assert address_of(text) == address


@pytest.mark.parametrize(
    "text", ["", "ftp://x", "https://", "https://x:port", "https://x?y", "https://u:p@x"]
)
def test_what_is_no_servers_address_is_refused(text: str) -> None:
    with pytest.raises(ClientError):
        address_of(text)


def test_with_nothing_configured_the_embedded_daemon_is_meant() -> None:
    assert isinstance(choose(None), LocalAccess)


def test_the_last_login_is_meant_next() -> None:
    log_in(OTHER)
    access = choose(checkout(""))
    assert isinstance(access, LoginAccess)
    assert access.url == OTHER


def test_the_checkouts_link_goes_before_the_last_login() -> None:
    log_in(OTHER)
    assert choose(checkout("https://linked.example.org")).url == "https://linked.example.org"
    assert isinstance(choose(checkout("local")), LocalAccess)


def test_the_environment_goes_before_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(OTHER)
    monkeypatch.setenv("CIDX_SERVER", "https://named.example.org/")
    monkeypatch.setenv("CIDX_TOKEN", "secret")
    access = choose(checkout("https://linked.example.org"))
    assert isinstance(access, FixedAccess)
    assert (access.url, access.token()) == ("https://named.example.org", "secret")
    monkeypatch.setenv("CIDX_SERVER", "local")
    assert isinstance(choose(checkout("https://linked.example.org")), LocalAccess)


def test_a_token_without_its_server_is_sent_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(OTHER)
    monkeypatch.setenv("CIDX_TOKEN", "secret")
    assert choose(None).token() == "a"


def test_a_token_good_for_ten_minutes_is_not_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(OTHER)
    access = choose(None)
    assert isinstance(access, LoginAccess)
    assert access.fresh_token(least_s=600) == "a"
    renewed: list[str] = []
    monkeypatch.setattr(LoginAccess, "renew", lambda _self, token: renewed.append(token))
    access.fresh_token(least_s=1200)
    assert renewed == ["a"]


def test_a_daemon_that_is_just_stopping_is_waited_for_and_replaced(daemon: Any) -> None:
    daemon.behave("linger")
    access = LocalAccess(daemon.folder)
    with Client(access) as client:
        first = client.get("/healthz")
        client.post("/api/shutdown")
        while is_listening(access.url):
            pass
        client.close()
        assert client.get("/healthz") == first
    assert len({one["pid"] for one in daemon.requests()}) == 2


def test_an_embedded_daemon_started_anew_has_a_new_token(daemon: Any) -> None:
    access = LocalAccess(daemon.folder)
    first = access.token()
    daemon.kill()
    assert access.renew(first) is True
    assert access.token() == daemon.runtime()["token"]
