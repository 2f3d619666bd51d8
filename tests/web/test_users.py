"""Users over the network: for administrators, who cannot lock themselves out."""

from __future__ import annotations

import pytest
from api_client import Api

NEW = {"name": "eve", "password": "battery staple"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/users", None),
        ("POST", "/api/users", NEW),
        ("PATCH", "/api/users/ada", {"role": "admin"}),
    ],
)
async def test_members_neither_see_nor_change_users(
    api: Api, method: str, path: str, body: object
) -> None:
    status, problem = await api.ask(method, path, body)
    assert (status, problem["code"]) == (403, "forbidden")


async def test_an_administrator_adds_and_changes_users(api: Api) -> None:
    token = await api.log_in("root")
    assert (await api.ask("POST", "/api/users", NEW, token=token))[0] == 201
    _, changed = await api.ask("PATCH", "/api/users/eve", {"role": "admin"}, token=token)
    assert changed == {"name": "eve", "role": "admin", "disabled": False}
    _, told = await api.ask("GET", "/api/users", token=token)
    assert [user["name"] for user in told["users"]] == ["ada", "bob", "eve", "root"]
    assert "password" not in str(told)
    assert (await api.ask("POST", "/api/users", NEW, token=token))[0] == 409


async def test_a_disabled_user_is_out_at_once(api: Api) -> None:
    token = await api.log_in("root")
    assert (await api.ask("GET", "/api/jobs"))[0] == 200
    await api.ask("PATCH", "/api/users/ada", {"disabled": True}, token=token)
    assert (await api.ask("GET", "/api/jobs"))[0] == 401


@pytest.mark.parametrize("change", [{"disabled": True}, {"role": "member"}])
async def test_the_last_administrator_stays_one(api: Api, change: object) -> None:
    token = await api.log_in("root")
    status, problem = await api.ask("PATCH", "/api/users/root", change, token=token)
    assert (status, problem["code"]) == (409, "last-admin")
    assert (await api.ask("GET", "/api/users", token=token))[0] == 200


async def test_ones_own_password_is_changed_and_other_sessions_end(api: Api) -> None:
    other = await api.log_in("ada")
    wrong = {"old_password": "wrong horse", "new_password": "battery staple"}
    status, problem = await api.ask("POST", "/api/auth/password", wrong)
    assert (status, problem["code"]) == (403, "password-wrong")
    right = {**wrong, "old_password": "correct horse"}
    assert (await api.ask("POST", "/api/auth/password", right))[0] == 204
    assert (await api.ask("GET", "/api/auth/me"))[0] == 200
    assert (await api.ask("GET", "/api/auth/me", token=other))[0] == 401
    login = {"username": "ada", "password": "battery staple"}
    assert (await api.ask("POST", "/api/auth/login", login, token=""))[0] == 200
