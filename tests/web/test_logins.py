"""Failed logins: limited, alike whoever is meant, written down, and cheap for everybody else."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import Any

import argon2
import pytest
from api_client import Api, eventually
from attacks import Attack
from raw_requests import Raw

from cidxd.errors import UnavailableError
from cidxd.model.account import Role, User
from cidxd.web.passwords import AT_ONCE, WAITING, Passwords

WRONG = "wrong horse, wrong staple"


async def login(api: Api, name: str, password: str = WRONG) -> tuple[int, Any, str | None]:
    """Return status, document and Retry-After."""
    body = {"username": name, "password": password}
    async with api.client.post("/api/auth/login", json=body) as response:
        return response.status, await response.json(), response.headers.get("Retry-After")


async def fail_until_limited(api: Api, name: str) -> int:
    """Return how many tries were answered 401."""
    for count in range(200):
        status, problem, again = await login(api, name)
        if status == 429:
            assert problem["code"] == "login-limited"
            assert again is not None
            assert int(again) >= 1
            return count
        assert (status, problem["code"]) == (401, "login-refused")
    raise AssertionError


@pytest.mark.parametrize("name", ["ada", "nobody", "gone", "embedded"])
async def test_an_account_is_limited_whether_it_exists_or_not(api: Api, name: str) -> None:
    ledger = api.made.services.ledger
    await ledger.add_user(User(name="embedded", password_hash="", role=Role.ADMIN, created_at=1))
    await ledger.add_user(
        User(name="gone", password_hash="", role=Role.ADMIN, created_at=1, is_disabled=True)
    )
    assert await fail_until_limited(api, name) == 10


async def test_the_right_password_does_not_help_beyond_the_limit_and_time_does(api: Api) -> None:
    assert await fail_until_limited(api, "ada") == 10
    status, _, again = await login(api, "ada", "correct horse")
    assert (status, again) == (429, "90")
    assert (await login(api, "bob", "correct horse"))[0] == 200, "another account is not"
    api.clock.ahead_s = 91
    assert (await login(api, "ada", "correct horse"))[0] == 200
    assert (await login(api, "ada", "correct horse"))[0] == 200, "success takes no room"


async def test_an_address_is_limited_over_all_accounts(api: Api) -> None:
    tried = 0
    for number in range(60):
        status, _, _ = await login(api, f"name{number}")
        if status == 429:
            break
        tried += 1
    assert tried == 50


async def test_every_refusal_of_a_login_is_the_same(api: Api) -> None:
    raw, ledger = Raw(api), api.made.services.ledger
    await ledger.add_user(User(name="embedded", password_hash="", role=Role.ADMIN, created_at=1))
    answers = []
    for name in ("ada", "nobody", "embedded"):
        body = f'{{"username": "{name}", "password": "{WRONG}"}}'.encode()
        answers.append(await raw.ask(Attack("", [], "/api/auth/login"), "POST", body))
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 401


async def test_the_same_work_is_done_for_one_who_does_not_exist() -> None:
    made = Passwords(argon2.Parameters(argon2.Type.ID, 19, 16, 32, 2, 8192, 1))
    stored = await made.hashed("battery staple")

    async def took(kept: str | None) -> float:
        times = []
        for _ in range(5):
            began = time.perf_counter()
            assert not await made.matches(kept, WRONG)
            times.append(time.perf_counter() - began)
        return min(times)

    known, unknown, passwordless = await took(stored), await took(None), await took("")
    assert 0.3 < unknown / known < 3
    assert 0.3 < passwordless / known < 3


async def test_only_so_many_hashes_are_made_at_once_and_only_so_many_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weak = argon2.Parameters(argon2.Type.ID, 19, 16, 32, 1, 64, 1)
    made, go = Passwords(weak), threading.Event()
    at_work: list[int] = []

    def held(_self: Passwords, _stored: str, _password: str) -> bool:
        at_work.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return go.wait(30)

    monkeypatch.setattr(Passwords, "_is_of", held)
    tasks = [asyncio.create_task(made.matches(None, "x")) for _ in range(AT_ONCE + WAITING)]
    await eventually(lambda: len(at_work) == AT_ONCE)
    with pytest.raises(UnavailableError) as refused:
        await made.matches(None, "x")
    assert refused.value.code == "logins-busy"
    assert len(at_work) == AT_ONCE
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    assert min(at_work) >= min(19, nice + 10), "they stand back behind the daemon's own work"
    go.set()
    await asyncio.gather(*tasks)


async def test_a_hash_that_is_made_otherwise_today_is_renewed_at_a_login(api: Api) -> None:
    other = argon2.PasswordHasher(time_cost=2, memory_cost=128, parallelism=1)
    old = other.hash("correct horse")
    user = User(name="eve", password_hash=old, role=Role.MEMBER, created_at=1)
    await api.made.services.ledger.add_user(user)
    assert (await login(api, "eve"))[0] == 401
    kept = api.made.services.state.users.get("eve")
    assert kept is not None
    assert kept.password_hash == old, "not upon a wrong password"
    assert (await login(api, "eve", "correct horse"))[0] == 200
    kept = api.made.services.state.users.get("eve")
    assert kept is not None
    assert kept.password_hash != old
    assert (await login(api, "eve", "correct horse"))[0] == 200


async def test_failures_are_written_down_and_a_flood_of_them_is_thinned(api: Api) -> None:
    root = await api.log_in("root")
    limits = api.made.services.identity.logins._counts
    for buckets in (limits._addresses, limits._pairs):
        buckets._size = 100_000
        buckets._buckets.clear()  # what is in there was for fewer
    for _ in range(2):
        assert (await login(api, "ada"))[0] == 401
    assert (await login(api, "my-password-in-the-wrong-field"))[0] == 401
    query = {"action": "login.failed", "limit": "500"}
    _, page = await api.ask("GET", "/api/audit", token=root, params=query)
    assert [entry["target"] for entry in page["entries"]] == ["", "ada", "ada"]
    assert {entry["address"] for entry in page["entries"]} == {"127.0.0.1"}
    for _ in range(70):
        await login(api, "ada")
    _, page = await api.ask("GET", "/api/audit", token=root, params=query)
    assert len(page["entries"]) == 60
    api.clock.ahead_s = 61
    await login(api, "ada")
    _, page = await api.ask("GET", "/api/audit", token=root, params=query)
    assert len(page["entries"]) == 61
    assert page["entries"][0]["detail"] == {"failures_before_not_listed": 13}


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short horse", "too short"),
        ("password1234", "everybody tries first"),
        ("Password1234", "everybody tries first"),
        ("aaaaaaaaaaaaab", "too few different"),
        ("evangeline-ev", "the user's name"),
    ],
)
async def test_a_password_that_would_be_guessed_is_refused(
    api: Api, password: str, why: str
) -> None:
    root = await api.log_in("root")
    body = {"name": "evangeline", "password": password}
    status, problem = await api.ask("POST", "/api/users", body, token=root)
    assert (status, problem["code"], problem["pointer"]) == (422, "password-weak", "/password")
    assert why in problem["detail"]
    assert password not in str(problem)


async def test_ones_own_new_password_is_judged_likewise(api: Api) -> None:
    body = {"old_password": "correct horse", "new_password": "passwordpassword"}
    status, problem = await api.ask("POST", "/api/auth/password", body)
    assert (status, problem["code"]) == (422, "password-weak")
    assert problem["pointer"] == "/new_password"


async def test_the_old_password_is_no_way_around_the_limit(api: Api) -> None:
    body = {"old_password": WRONG, "new_password": "battery staple"}
    answers = [(await api.ask("POST", "/api/auth/password", body))[0] for _ in range(11)]
    assert answers == [403] * 10 + [429]


async def test_a_password_that_is_changed_while_the_old_one_is_compared_lets_nobody_in(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = api.made.services
    compare = services.identity.passwords.matches

    async def slowly(stored: str | None, password: str) -> bool:
        is_right = await compare(stored, password)
        fresh = await services.identity.passwords.hashed("battery staple")
        await services.ledger.change_user("ada", password_hash=fresh)
        return is_right

    monkeypatch.setattr(services.identity.passwords, "matches", slowly)
    status, problem, _ = await login(api, "ada", "correct horse")
    assert (status, problem["code"]) == (401, "login-refused")
    assert [row for row in services.state.sessions.values() if row.user == "ada"] == []


async def test_two_logins_at_once_both_renew_a_hash_and_both_are_let_in(api: Api) -> None:
    other = argon2.PasswordHasher(time_cost=2, memory_cost=128, parallelism=1)
    old = other.hash("correct horse")
    user = User(name="eve", password_hash=old, role=Role.MEMBER, created_at=1)
    await api.made.services.ledger.add_user(user)
    answers = await asyncio.gather(*(login(api, "eve", "correct horse") for _ in range(4)))
    assert {answered[0] for answered in answers} == {200}
