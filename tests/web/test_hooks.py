"""Webhooks as the git hosts send them, against the whole daemon."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import hmac
import io
import json
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from api_client import Api, eventually
from sandbox import Checkout

from cidxd.model.account import Principal, Role
from cidxd.model.queue import Limits
from cidxd.model.registry import State
from cidxd.web.gate import BODIES_OF_ONE, GATE
from cidxd.web.hooks import REFUSED_OF_ONE

PROVIDERS = ["github", "gitlab", "gitea", "bitbucket"]
ZEROS = "0" * 40
ROOT = Principal("root", Role.ADMIN)


@dataclasses.dataclass
class Host:
    """A git host that knows a webhook's secret."""

    api: Api
    secret: str
    name: str = "demo"

    async def send(
        self,
        provider: str,
        said: Any,
        *,
        delivery: str | None = "d-1",
        event: str | None = None,
        **more: Any,
    ) -> tuple[int, Any]:
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        sent = io.BytesIO(body)
        headers = headers_of(provider, more.pop("secret", self.secret), body)
        headers |= {EVENTS[provider]: event or PUSHES[provider]}
        if delivery is not None:
            headers[IDS[provider]] = delivery
        headers |= more.pop("headers", {})
        path = more.pop("path", f"/api/webhooks/{provider}/{self.name}")
        async with self.api.client.request(
            "POST", path, data=sent, headers={"Content-Type": "application/json", **headers}
        ) as response:
            return response.status, await response.json(content_type=None)

    async def push(self, provider: str, branch: str = "main", **more: Any) -> tuple[int, Any]:
        return await self.send(provider, push(provider, f"refs/heads/{branch}"), **more)


EVENTS = {
    "github": "X-GitHub-Event",
    "gitlab": "X-Gitlab-Event",
    "gitea": "X-Gitea-Event",
    "bitbucket": "X-Event-Key",
}
PUSHES = {"github": "push", "gitlab": "Push Hook", "gitea": "push", "bitbucket": "repo:push"}
IDS = {
    "github": "X-GitHub-Delivery",
    "gitlab": "X-Gitlab-Event-UUID",
    "gitea": "X-Gitea-Delivery",
    "bitbucket": "X-Request-UUID",
}


def headers_of(provider: str, secret: str, body: bytes) -> dict[str, str]:
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "github": {"X-Hub-Signature-256": f"sha256={signature}"},
        "gitlab": {"X-Gitlab-Token": secret},
        "gitea": {"X-Gitea-Signature": signature},
        "bitbucket": {"X-Hub-Signature": f"sha256={signature}"},
    }[provider]


def push(provider: str, ref: str, *, after: str = "a" * 40) -> dict[str, Any]:
    if provider == "bitbucket":
        kind, name = ("tag" if "/tags/" in ref else "branch"), ref.split("/", 2)[2]
        side = {"type": kind, "name": name}
        new = None if after == ZEROS else {**side, "target": {"hash": after}}
        return {"push": {"changes": [{"old": side, "new": new, "forced": False}]}}
    kind = "tag_push" if "/tags/" in ref else "push"
    told = {"object_kind": kind} if provider == "gitlab" else {"deleted": after == ZEROS}
    return {**told, "ref": ref, "before": "b" * 40, "after": after}


@pytest.fixture
async def host(api: Api, demo: str) -> AsyncIterator[Host]:
    ledger = api.made.services.ledger
    await ledger.decide(known_to_have_main)
    await ledger.pause(ROOT, reason="the test")  # jobs stay where they are
    status, made = await api.ask("POST", f"/api/repositories/{demo}/webhook")
    assert status == 201
    yield Host(api, made["secret"])
    await ledger.resume()


def known_to_have_main(state: State) -> None:
    """As after a sync, in a hundredth of the time."""
    row = state.repositories.get(1)
    assert row is not None
    state.repositories.put(1, dataclasses.replace(row, default_branch="main"))


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_push_asks_for_a_sync_and_the_same_delivery_again_does_not(
    host: Host, provider: str
) -> None:
    status, told = await host.push(provider)
    assert (status, told["joined"], told["replayed"], told["ignored"]) == (202, False, False, None)
    job = (await host.api.ask("GET", f"/api/jobs/{told['job_id']}"))[1]
    assert (job["requested_by"], job["options"]["branch"]) == ("webhook", None)
    services = host.api.made.services
    assert services.state.jobs.get(job["job_id"]).priority == "webhook"  # type: ignore[union-attr]
    status, again = await host.push(provider)
    assert (status, again["job_id"], again["replayed"]) == (200, job["job_id"], True)
    assert services.state.jobs.queued_total() == 1


@pytest.mark.parametrize("provider", ["github", "gitea", "bitbucket"])
async def test_a_recorded_delivery_with_another_id_is_a_replay_all_the_same(
    host: Host, provider: str
) -> None:
    await host.push(provider)
    for delivery in ("d-2", None):
        status, again = await host.push(provider, delivery=delivery)
        assert (status, again["replayed"]) == (200, True)


async def test_what_has_no_id_is_known_by_its_content_for_a_while(host: Host) -> None:
    assert (await host.push("gitlab", delivery=None))[0] == 202
    assert (await host.push("gitlab", delivery=None))[1]["replayed"] is True
    host.api.clock.ahead_s += 601
    status, told = await host.push("gitlab", delivery=None)
    assert (status, told["replayed"], told["joined"]) == (202, False, True)


async def test_a_replay_after_the_job_has_ended_and_after_a_restart_makes_no_job(
    host: Host,
) -> None:
    _, told = await host.push("github")
    ledger = host.api.made.services.ledger
    await ledger.resume()
    ended = await host.api.ask("GET", f"/api/jobs/{told['job_id']}", headers={"Prefer": "wait=60"})
    assert ended[1]["status"] == "completed"
    host.api.clock.ahead_s += 6 * 86_400
    status, again = await host.push("github")
    assert (status, again["job_id"], again["replayed"]) == (200, told["job_id"], True)
    host.api.clock.ahead_s += 2 * 86_400
    status, again = await host.push("github")
    assert (status, again["replayed"]) == (202, False)


async def test_pushes_in_a_burst_join_one_job_which_hears_of_it_once(host: Host) -> None:
    told = await asyncio.gather(
        *(
            host.send(
                "github", push("github", "refs/heads/main", after=f"{n:040x}"), delivery=f"{n}"
            )
            for n in range(1, 51)
        )
    )
    assert {status for status, _ in told} == {202}
    assert len({one["job_id"] for _, one in told}) == 1
    assert sum(one["joined"] for _, one in told) == 49
    job = host.api.made.services.state.jobs.get(told[0][1]["job_id"])
    assert job is not None
    assert job.seq == 1


async def test_a_push_does_not_make_what_a_person_asked_for_less_urgent(host: Host) -> None:
    _, job = await host.api.ask("POST", "/api/sync", {"repository": "demo"})
    status, told = await host.push("github")
    assert (status, told["job_id"], told["joined"]) == (202, job["job_id"], True)
    joined = host.api.made.services.state.jobs.get(job["job_id"])
    assert joined is not None
    assert (joined.priority, joined.requesters) == ("interactive", ("ada", "webhook"))


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_tags_deleted_and_untracked_branches_are_ignored_with_a_reason(
    host: Host, provider: str
) -> None:
    tag = push(provider, "refs/tags/v1")
    event = "Tag Push Hook" if provider == "gitlab" else None
    for said, reason in (
        (tag, "not a branch"),
        (push(provider, "refs/heads/main", after=ZEROS), "the branch was deleted"),
        (push(provider, "refs/heads/topic"), "the branch is not tracked"),
    ):
        status, told = await host.send(provider, said, event=event)
        assert (status, told["ignored"], told["job_id"]) == (200, reason, None)
    assert host.api.made.services.state.jobs.queued_total() == 0


async def test_pings_and_other_events_are_answered_and_nothing_is_done(host: Host) -> None:
    for provider, event, said in (
        ("github", "ping", {"zen": "Keep it logically awesome."}),
        ("github", "issues", {"action": "opened"}),
        ("gitlab", "Issue Hook", {"object_kind": "issue"}),
        ("gitea", "create", {"ref": "main", "ref_type": "branch"}),
        ("bitbucket", "diagnostics:ping", {"test": True}),
        ("bitbucket", "pullrequest:created", {}),
        ("bitbucket", "repo:push", {}),
    ):
        status, told = await host.send(provider, said, event=event)
        assert (status, bool(told["ignored"]), told["job_id"]) == (200, True, None)
    assert host.api.made.services.state.jobs.queued_total() == 0


async def test_a_default_branch_that_was_renamed_is_followed_by_what_the_host_says(
    host: Host,
) -> None:
    said = push("github", "refs/heads/trunk") | {"repository": {"default_branch": "trunk"}}
    assert (await host.send("github", said))[0] == 202


async def test_bitbucket_data_center_and_a_form_of_github_are_understood(host: Host) -> None:
    change = {"ref": {"id": "refs/heads/main", "type": "BRANCH"}, "type": "UPDATE"}
    status, _ = await host.send("bitbucket", {"changes": [change]}, event="repo:refs_changed")
    assert status == 202
    form = b"payload=" + quote(json.dumps(push("github", "refs/heads/main"))).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    status, told = await host.send("github", form, headers=kind, delivery="form")
    assert (status, told["joined"]) == (202, True)


async def test_a_genuine_body_that_is_no_json_object_is_a_400(host: Host) -> None:
    for body in (b"", b"[]", b"{", b"\xff", b'"x"', b"payload=1", b"[" * 100_000):
        for kind in ("application/json", "application/x-www-form-urlencoded", "text/plain"):
            status, problem = await host.send("github", body, headers={"Content-Type": kind})
            assert (status, problem["code"]) == (400, "body-not-json"), body[:9]


async def test_a_genuine_body_of_another_shape_is_ignored(host: Host) -> None:
    bodies: list[Any] = [
        {"ref": 1, "after": [], "repository": "x"},
        {"ref": None, "repository": {"default_branch": {}}},
        {"push": {"changes": [1, {"new": 2}, {"new": {"type": []}}]}},
        {"object_kind": ["push"], "ref": {}},
        {"changes": "all"},
    ]
    for provider in PROVIDERS:
        for said in bodies:
            for event in (None, "repo:refs_changed", "\u00e9"):
                status, told = await host.send(provider, said, event=event)
                assert (status, told["job_id"]) == (200, None), (provider, said)


async def test_nobody_learns_from_a_refusal_what_is_there(host: Host) -> None:
    api = host.api
    said = push("github", "refs/heads/main")
    answers = []
    for name in ("none", "demo"):
        for provider in (*PROVIDERS, "svn"):
            path = f"/api/webhooks/{provider}/{name}"
            real = provider if provider in PROVIDERS else "github"
            answers.append(await host.send(real, said, secret="wrong", path=path))
    for proof in ("", "sha256=", "sha256=\u00e9"):
        headers = {"X-Hub-Signature-256": proof}
        answers += [await host.send("github", said, headers=headers)]
    answers.append(await host.send("gitlab", said, headers={"X-Gitlab-Token": ""}))
    answers.append(await host.send("github", said, path="/api/webhooks/svn/demo"))
    await api.ask("DELETE", "/api/repositories/demo/webhook")
    answers += [await host.push(provider) for provider in PROVIDERS]
    for _, problem in answers:
        del problem["request_id"]
    assert {status for status, _ in answers} == {404}
    assert len({json.dumps(problem) for _, problem in answers}) == 1
    assert api.made.services.state.jobs.queued_total() == 0


async def test_a_signature_is_of_the_body_and_a_token_of_nothing_shorter(host: Host) -> None:
    said = json.dumps(push("github", "refs/heads/main")).encode()
    good = headers_of("github", host.secret, said)
    assert (await host.send("github", said + b" ", headers=good))[0] == 404
    for token in (host.secret[:-1], host.secret + "x", host.secret.swapcase()):
        assert (await host.send("gitlab", said, headers={"X-Gitlab-Token": token}))[0] == 404


async def test_a_new_secret_ends_the_old_one_and_neither_is_shown_again(host: Host) -> None:
    status, made = await host.api.ask("POST", "/api/repositories/demo/webhook")
    assert (status, made["secret"] != host.secret) == (201, True)
    assert {provider: urlsplit(url).path for provider, url in made["urls"].items()} == {
        provider: f"/api/webhooks/{provider}/demo" for provider in PROVIDERS
    }
    assert (await host.push("github"))[0] == 404
    host.secret = made["secret"]
    assert (await host.push("github"))[0] == 202
    row = (await host.api.ask("GET", "/api/repositories/demo"))[1]
    assert row["webhook"] == {"created_by": "ada", "created_at": made["created_at"]}
    assert made["secret"] not in json.dumps(row)


async def test_only_who_registered_it_or_an_administrator_has_the_secret(host: Host) -> None:
    bob, root = await host.api.log_in("bob"), await host.api.log_in("root")
    for method in ("POST", "DELETE"):
        status, problem = await host.api.ask(method, "/api/repositories/demo/webhook", token=bob)
        assert (status, problem["code"]) == (403, "forbidden")
    assert (await host.api.ask("POST", "/api/repositories/demo/webhook", token=""))[0] == 401
    assert (await host.api.ask("POST", "/api/repositories/demo/webhook", token=root))[0] == 201
    assert (await host.api.ask("DELETE", "/api/repositories/demo/webhook", token=root))[0] == 204
    assert (await host.api.ask("DELETE", "/api/repositories/demo/webhook", token=root))[0] == 204
    assert (await host.api.ask("GET", "/api/repositories/demo"))[1]["webhook"] is None


async def test_a_body_over_the_limit_is_refused_before_it_is_read_to_the_end(host: Host) -> None:
    most = host.api.made.services.triggers.max_body_bytes
    said = json.dumps({**push("github", "refs/heads/main"), "x": "x" * most}).encode()
    status, problem = await host.send("github", said)
    assert (status, problem["code"]) == (413, "body-too-large")
    large = json.dumps({**push("github", "refs/heads/main"), "x": "x" * (most - 1000)}).encode()
    assert (await host.send("github", large))[0] == 202


async def test_large_bodies_of_nobody_do_not_fill_the_memory(host: Host) -> None:
    most, server = host.api.made.services.triggers.max_body_bytes, host.api.client.server
    head = f"POST /api/webhooks/github/x HTTP/1.1\r\nHost: x\r\nContent-Length: {most}\r\n\r\n"
    senders = [
        await asyncio.open_connection(server.host, server.port)
        for _ in range(BODIES_OF_ONE // most)
    ]
    for _, writer in senders:
        writer.write(head.encode() + b"x")
    app = host.api.client.app
    assert app is not None
    bodies = app[GATE]._bodies
    await eventually(lambda: bodies.total() == len(senders) * most)
    status, problem = await host.send("github", b"x" * most)
    assert (status, problem["code"]) == (429, "too-many-bodies")
    assert (await host.push("github"))[0] == 202, "there is room for a small one"
    for _, writer in senders:
        writer.close()
    await eventually(lambda: not bodies)
    assert (await host.send("github", b"x" * most))[0] == 400


async def test_who_is_refused_too_often_has_to_wait_and_others_do_not(
    host: Host, api: Api, origin: Checkout
) -> None:
    for _ in range(REFUSED_OF_ONE):
        assert (await host.push("github", secret="wrong"))[0] == 404
    async with api.client.post("/api/webhooks/github/demo", data=b"{}") as response:
        assert response.status == 429
        assert 1 <= int(response.headers["Retry-After"]) <= 60
    other = Checkout(origin.folder.with_name("other"))
    other.commit({"a.py": "A = 1\n"})
    body = {"remote": str(other.folder), "name": "other"}
    await api.ask("POST", "/api/repositories", body)
    _, made = await api.ask("POST", "/api/repositories/other/webhook")
    assert (await Host(api, made["secret"], "other").push("github"))[0] == 202
    api.clock.ahead_s += 61
    assert (await host.push("github"))[0] == 202


async def test_a_delivery_that_finds_the_queue_full_can_come_again(host: Host) -> None:
    ledger = host.api.made.services.ledger
    ledger.limits = Limits(queued=0)
    status, problem = await host.push("github")
    assert (status, problem["code"]) == (429, "queue-full")
    ledger.limits = Limits(queued=1, queued_per_user=0)
    assert (await host.push("github"))[0] == 202


async def test_a_push_brings_its_commit_into_the_index(host: Host, origin: Checkout) -> None:
    commit = origin.commit({"pushed.py": "PUSHED = 1\n"})
    await host.api.made.services.ledger.resume()
    _, told = await host.push("gitea")
    state = host.api.made.services.state
    await eventually(lambda: state.jobs.get(told["job_id"]).is_final)  # type: ignore[union-attr]
    (branch,) = (await host.api.ask("GET", "/api/repositories/demo"))[1]["branches"]
    assert branch["commit"] == commit


async def test_a_webhook_under_the_old_name_goes_on_after_a_rename(host: Host) -> None:
    await host.api.ask("PATCH", "/api/repositories/demo", {"name": "renamed"})
    assert (await host.push("github"))[0] == 202


async def test_the_secret_is_random_and_long(host: Host) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", host.secret)
