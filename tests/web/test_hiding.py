"""A repository that one may not read is, on every route, one that does not exist."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import uuid
from pathlib import Path
from typing import Any

import orjson
import pytest
from api_client import Api
from hiding import HIDING, Ask
from sandbox import Checkout

from cidxd import app
from cidxd.config import Config
from cidxd.model.catalogue import Registration
from cidxd.web import table

NAME, ABSENT = "classified", "declassify"  # of one length, and neither is near to the other's
_PASSING = ("x-request-id", "date", "ratelimit")


@dataclasses.dataclass(frozen=True)
class Thing:
    """A repository with a job: one that is hidden, or one that does not exist."""

    name: str
    job: str
    remote: str

    def fill(self, text: str) -> str:
        words = {"name": self.name, "job": self.job, "tail": self.job[-8:], "remote": self.remote}
        words["job_id"] = self.job
        return re.sub(r"\{(\w+)\}", lambda found: words.get(found[1], found[0]), text)

    def blank(self, text: str) -> str:
        for word in (self.remote, self.name, self.job, self.job[-8:]):
            text = text.replace(word, "_" * len(word))
        return text


@pytest.fixture
async def hidden(api: Api, demo: str, tmp_path: Path) -> Thing:
    """A synced repository of root's, which ada may not read, beside one that she may."""
    await api.synced(demo)
    made = Checkout(tmp_path / "classified-origin", branch="plans")
    made.commit({"plans.txt": "NEEDLE = 2\n"})
    token = await api.log_in("root")
    body = {
        "remote": str(made.folder), "name": NAME,
        "access": {"visibility": "restricted"},
    }  # fmt: skip
    status, row = await api.ask("POST", "/api/repositories", body, token=token)
    assert status == 201, row
    _, job = await api.ask(
        "POST", "/api/sync", {"repository": NAME}, token=token, headers={"Prefer": "wait=60"}
    )
    assert job["status"] == "completed", job
    return Thing(NAME, job["job_id"], str(made.folder))


@dataclasses.dataclass(frozen=True)
class Said:
    """An answer without what differs from one answer to the next."""

    status: int
    headers: dict[str, str]
    body: str


async def said(api: Api, method: str, path: str, ask: Ask, thing: Thing) -> tuple[Said, str]:
    """Return the answer with *thing*'s words blanked, and as it came."""
    target = thing.fill((ask.path or path) + ask.more)
    headers = {"Authorization": f"Bearer {api.token}", **ask.headers}
    body = None if ask.body is None else orjson.loads(thing.fill(orjson.dumps(ask.body).decode()))
    async with api.client.request(method, target, json=body, headers=headers) as response:
        text = (await response.read()).decode()
        told = {
            name: value
            for name, value in response.headers.items()
            if not name.lower().startswith(_PASSING)
        }
    came = "\n".join([str(told), text])
    if '"elapsed_ms"' in text:  # the number has more digits or fewer
        told.pop("Content-Length")
    text = re.sub(r'"(request_id|until|used_at|elapsed_ms)":\s*("[^"]*"|[0-9.]+)', r'"\1":0', text)
    blanked = {name: thing.blank(value) for name, value in told.items()}
    return Said(response.status, blanked, thing.blank(text)), came


def test_every_route_is_asked_about_what_is_hidden(api: Api) -> None:
    routes = table.routes(api.made.services, api.made.live)
    there = {(route.method, route.path) for route in routes if not route.is_page}
    assert there == set(HIDING)


async def test_what_is_hidden_is_answered_as_what_does_not_exist(api: Api, hidden: Thing) -> None:
    absent = Thing(
        ABSENT, str(uuid.UUID(hidden.job[:-8] + "0badcafe")), hidden.remote.replace(NAME, ABSENT)
    )
    secrets = (NAME, hidden.job, hidden.job[-8:], "plans.txt", "plans", hidden.remote)
    for (method, path), asks in HIDING.items():
        for ask in asks:
            of_hidden, came = await said(api, method, path, ask, hidden)
            of_absent, _ = await said(api, method, path, ask, absent)
            assert of_hidden == of_absent, (method, path, ask)
            assert of_hidden.status < 500, (method, path, ask)
            sent = hidden.fill(f"{path}{ask}")
            leaked = [word for word in secrets if word in came and word not in sent]
            assert leaked == [], (method, path, ask, came)


@pytest.mark.usefixtures("hidden")
async def test_a_search_over_all_and_every_list_pass_over_what_is_hidden(api: Api) -> None:
    seen: dict[str, Any] = {}
    for token in (api.token, await api.log_in("root")):
        _, found = await api.ask("GET", "/api/search?q=NEEDLE", token=token)
        _, rows = await api.ask("GET", "/api/repositories", token=token)
        _, jobs = await api.ask("GET", "/api/jobs", token=token)
        _, stats = await api.ask("GET", "/api/stats", token=token)
        _, events = await api.ask("GET", "/api/events?after=0", token=token)
        seen[token] = [
            sorted({match["repository"] for match in found["matches"]}),
            [row["name"] for row in rows["repositories"]],
            sorted({job["repository"] for job in jobs["jobs"]}),
            [row["repository"] for row in stats["repositories"]],
            sorted({event["repository"] for event in events["events"]}),
        ]
    of_ada, of_root = seen.values()
    assert of_ada == [["demo"]] * 5
    assert of_root == [[NAME, "demo"]] * 5


@pytest.mark.usefixtures("hidden")
async def test_pages_of_jobs_and_events_are_full_though_hidden_ones_lie_between(
    api: Api, demo: str
) -> None:
    last = await api.synced(demo)
    _, page = await api.ask("GET", "/api/jobs?limit=1")
    _, rest = await api.ask("GET", f"/api/jobs?limit=1&cursor={page['next_cursor']}")
    assert page["jobs"][0]["job_id"] == last["job_id"]
    assert [job["repository"] for job in rest["jobs"]] == ["demo"]
    assert rest["next_cursor"] is None
    after, seen = 0, []
    while True:
        _, told = await api.ask("GET", f"/api/events?limit=2&after={after}")
        if not told["events"]:
            break
        seen += [event["repository"] for event in told["events"]]
        after = told["next_cursor"]
    _, own = await api.ask("GET", f"/api/events?limit=5000&after=0&repository={demo}")
    assert seen == ["demo"] * len(own["events"])


async def test_a_name_or_remote_that_is_taken_is_told_without_what_is_hidden(
    api: Api, hidden: Thing
) -> None:
    status, problem = await api.ask("POST", "/api/repositories", {"remote": hidden.remote})
    assert (status, problem["code"]) == (409, "remote-known")
    assert NAME not in str(problem).replace(hidden.remote, "")
    assert "name" not in problem
    status, problem = await api.ask("PATCH", "/api/repositories/demo", {"remote": hidden.remote})
    assert (status, problem["code"]) == (409, "remote-known")
    assert NAME not in str(problem)


async def test_the_jobs_of_a_removed_repository_stay_hidden_and_a_new_one_of_its_name_is_bare(
    api: Api, hidden: Thing, tmp_path: Path
) -> None:
    root = await api.log_in("root")
    assert (await api.ask("DELETE", f"/api/repositories/{NAME}", token=root))[0] == 204
    assert (await api.ask("GET", f"/api/jobs/{hidden.job}", token=root))[0] == 200
    assert (await api.ask("GET", f"/api/jobs/{hidden.job}"))[0] == 404
    made = Checkout(tmp_path / "another")
    made.commit({"a.py": "A = 1\n"})
    await api.ask("POST", "/api/repositories", {"remote": str(made.folder), "name": NAME})
    _, recent = await api.ask("GET", f"/api/repositories/{NAME}/recent")
    assert recent["jobs"] == []
    _, jobs = await api.ask("GET", f"/api/jobs?repository={NAME}")
    assert jobs["jobs"] == []


@pytest.mark.usefixtures("hidden")
async def test_a_name_that_something_hidden_took_or_had_means_what_it_did(api: Api) -> None:
    root, query = await api.log_in("root"), {"repository": "demo"}
    (mine,) = (await api.ask("GET", "/api/jobs", params=query))[1]["jobs"]
    assert (await api.ask("PATCH", "/api/repositories/demo", {"name": "mine"}))[0] == 200
    renamed = f"/api/repositories/{NAME}"
    assert (await api.ask("PATCH", renamed, {"name": "demo"}, token=root))[0] == 200
    status, row = await api.ask("GET", "/api/repositories/demo")
    assert (status, row["name"]) == (200, "mine")
    assert (await api.ask("GET", "/api/repositories/demo", token=root))[1]["name"] == "demo"
    _, found = await api.ask("GET", "/api/jobs", params=query)
    assert [job["job_id"] for job in found["jobs"]] == [mine["job_id"]]

    assert (await api.ask("DELETE", "/api/repositories/mine"))[0] == 204
    renamed = "/api/repositories/demo"
    assert (await api.ask("PATCH", renamed, {"name": "mine"}, token=root))[0] == 200
    assert (await api.ask("PATCH", "/api/repositories/mine", {"name": NAME}, token=root))[0] == 200
    _, found = await api.ask("GET", "/api/jobs", params={"repository": "mine"})
    assert [job["job_id"] for job in found["jobs"]] == [mine["job_id"]]


async def test_the_number_of_what_is_hidden_and_gone_is_given_to_no_other_repository(
    api: Api, config: Config, tmp_path: Path
) -> None:
    services, root = api.made.services, await api.log_in("root")
    made = Checkout(tmp_path / "hidden")
    made.commit({"a.py": "A = 1\n"})
    body = {"remote": str(made.folder), "name": NAME, "access": {"visibility": "restricted"}}
    assert (await api.ask("POST", "/api/repositories", body, token=root))[0] == 201
    assert (await api.ask("DELETE", f"/api/repositories/{NAME}", token=root))[0] == 204
    assert list(services.state.removals.values()) == []
    async with app.daemon(config, services.data, None, asyncio.Event()) as later:
        wanted = Registration(remote=str(made.folder), user="ada")
        added = await later.services.ledger.register(wanted)
        assert added.repository_id == 2


def test_names_are_looked_up_for_a_caller_in_one_place() -> None:
    web = Path(table.__file__).parent
    looks = re.compile(r"repositories\.(values|named)\(|repository_named\(|known_as\(")
    found = {path.name for path in web.glob("*.py") if looks.search(path.read_text("utf-8"))}
    # `hooks` has no caller: what it finds is told to who has the webhook's secret.
    assert found == {"sight.py", "hooks.py"}
