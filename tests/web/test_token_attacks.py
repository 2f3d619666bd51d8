"""A token that is none opens nothing, and tells nothing: not even what was wrong with it."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from api_client import Api
from attacks import Attack, Loot, attacks, bearer, mark
from raw_requests import Raw

from cidxd.errors import UnauthenticatedError
from cidxd.model import signing

DOCS = Path(__file__).parents[2] / "docs" / "tokens.md"
LOGIN = {"username": "ada", "password": "correct horse"}


async def loot_of(api: Api) -> Loot:
    _, pair = await api.ask("POST", "/api/auth/login", LOGIN, token="")
    key = signing.current(api.made.services.state)
    return Loot(pair["access_token"], key.secret, key.key_id, pair["refresh_token"])


async def test_every_attack_gets_the_very_same_answer(api: Api) -> None:
    loot, raw = await loot_of(api), Raw(api)
    wanted = await raw.ask(Attack("", []))
    assert wanted[0] == 401
    assert json.loads(wanted[1].replace(b",}", b"}"))["code"] == "unauthenticated"
    assert wanted[2]["WWW-Authenticate"] == 'Bearer realm="cidxd"'
    assert (await raw.ask(Attack("", bearer(loot.token))))[0] == 200
    count = 0
    for count, attack in enumerate(attacks(loot), 1):  # noqa: B007 - counted
        answer = await raw.ask(attack)
        assert answer == wanted, (attack.kind, attack.headers)
        assert not any(piece.encode() in answer[1] for piece in mark(attack))
    assert count > 150
    assert (await raw.ask(Attack("", bearer(loot.token))))[0] == 200, "the good one is good still"


@pytest.mark.parametrize("how", ["logged out", "disabled", "password changed", "family ended"])
async def test_the_token_of_a_session_that_ended_gets_the_same_answer(api: Api, how: str) -> None:
    loot, raw, root = await loot_of(api), Raw(api), await api.log_in("root")
    wanted = await raw.ask(Attack("", []))
    match how:
        case "logged out":
            await api.ask("POST", "/api/auth/logout", token=loot.token)
        case "disabled":
            await api.ask("PATCH", "/api/users/ada", {"disabled": True}, token=root)
        case "password changed":
            change = {"password": "battery staple"}
            await api.ask("PATCH", "/api/users/ada", change, token=root)
        case _:
            body = {"refresh_token": loot.refresh}
            await api.ask("POST", "/api/auth/refresh", body, token="")
            api.clock.ahead_s = 60
            assert (await api.ask("POST", "/api/auth/refresh", body, token=""))[0] == 401
    assert await raw.ask(Attack("", bearer(loot.token))) == wanted
    assert await raw.ask(Attack("", bearer(loot.token), "/api/jobs/nothing")) == wanted


async def test_a_token_that_ran_out_gets_the_same_answer(api: Api) -> None:
    loot, raw = await loot_of(api), Raw(api)
    wanted = await raw.ask(Attack("", []))
    assert (await raw.ask(Attack("", bearer(loot.token))))[0] == 200
    api.clock.ahead_s = 15 * 60
    assert await raw.ask(Attack("", bearer(loot.token))) == wanted, "verified before, and cached"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/jobs/0", b""),
        ("GET", "/api/users", b""),
        ("GET", "/api/audit?nonsense=1", b""),
        ("DELETE", "/api/sessions/1", b""),
        ("POST", "/api/sync", b"no json"),
        ("GET", "/api/stream", b""),
    ],
)
async def test_no_route_tells_a_stranger_more(
    api: Api, method: str, path: str, body: bytes
) -> None:
    raw = Raw(api)
    wanted = await raw.ask(Attack("", []))
    assert await raw.ask(Attack("", bearer("x.y.z"), path), method, body) == wanted


async def test_every_refusal_of_a_refresh_token_is_the_same(api: Api) -> None:
    loot, raw = await loot_of(api), Raw(api)
    session, _, secret = loot.refresh.partition(".")

    async def refused(token: str) -> Any:
        sent = json.dumps({"refresh_token": token}).encode()
        return await raw.ask(Attack("", [], "/api/auth/refresh"), "POST", sent)

    wanted = await refused("x")
    assert wanted[0] == 401
    for token in (
        loot.token, session, f"{session}.", f".{secret}", f"{session}.{secret[:-1]}",
        f"{session}.{secret}.", f"{session.upper()}.{secret}", f"{'0' * 24}.{secret}",
        f"{session}.ключ", "'; DROP TABLE session; --", "a" * 512, "\0",
    ):  # fmt: skip
        assert await refused(token) == wanted, token
    used = {"refresh_token": loot.refresh}
    assert (await api.ask("POST", "/api/auth/refresh", used, token=""))[0] == 200
    assert (await api.ask("POST", "/api/auth/refresh", used, token=""))[0] == 200, "grace"
    api.clock.ahead_s = 31
    assert await refused(loot.refresh) == wanted, "reuse after rotation"
    assert await refused(loot.refresh) == wanted, "the family has ended"


async def test_header_and_cookie_together_are_refused(api: Api) -> None:
    loot, raw = await loot_of(api), Raw(api)
    name = api.made.services.identity.browsers._name
    cookie = ("Cookie", f"{name}=x.y".encode())
    status, body, _ = await raw.ask(Attack("", [*bearer(loot.token), cookie]))
    assert (status, json.loads(body.replace(b",}", b"}"))["code"]) == (400, "credentials-twice")


@pytest.mark.parametrize(
    "value", [b"Bearer " + b"secret" * 2000, b"Bearer secret\0secretsecret", b"Bearer se\x01cret"]
)
async def test_beyond_what_a_header_may_be_it_is_no_request(api: Api, value: bytes) -> None:
    status, _, _ = await Raw(api).ask(Attack("", [("Authorization", value)]))
    assert status in {400, 431}


async def test_no_refusal_takes_longer_than_a_signature(api: Api) -> None:
    """None of them reads the store or hashes a password: it would tell what is there."""
    identity, loot = api.made.services.identity, await loot_of(api)

    def took_s(header: str) -> float:
        times = []
        for _ in range(5):
            began = time.thread_time()
            with pytest.raises(UnauthenticatedError):
                identity.principal(header)
            times.append(time.thread_time() - began)
        return min(times)

    for attack in attacks(loot):
        if [name for name, _ in attack.headers] == ["Authorization"]:
            header = attack.headers[0][1].decode("utf-8", "surrogateescape")
            assert took_s(header) < 0.005, attack


async def test_the_table_of_the_documentation_has_every_attack(api: Api) -> None:
    rows = re.findall(r"^\| ([^|]+) \| 401 \|", DOCS.read_text("utf-8"), re.MULTILINE)
    elsewhere = {
        "a session that was logged out", "a user who is disabled", "a password that was changed",
        "a refresh token used again after its 30 s of grace, and its whole family",
        "access used as refresh",
    }  # fmt: skip
    kinds = {attack.kind for attack in attacks(await loot_of(api))}
    assert sorted(rows) == sorted(kinds | elsewhere)
