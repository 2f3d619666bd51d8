"""What somebody may not see, no page of theirs shows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from house import HeldRemote, Server, curl, wait_until
from playwright.sync_api import Page, expect

LogIn = Callable[..., Page]
NAME = "only-for-ada"


def post(server: Server, path: str, body: object) -> Any:
    sent = ("-H", "Content-Type: application/json", "-d", json.dumps(body))
    status, answer = curl(f"{server.url}{path}", server.token, *sent)
    assert status < 300, answer
    return answer


def remove(server: Server, name: str) -> None:
    assert curl(f"{server.url}/api/repositories/{name}", server.token, "-X", "DELETE")[0] < 300


@pytest.fixture
def job(server: Server, remote: HeldRemote) -> Iterator[str]:
    """The ended sync of a repository that bob may not read."""
    access = {"visibility": "restricted", "users": []}
    post(server, "/api/repositories", {"remote": remote.url, "name": NAME, "access": access})
    found = post(server, "/api/sync", {"repository": NAME})["job_id"]
    server.ended(found)
    yield str(found)
    remove(server, NAME)


def test_a_hidden_repository_is_on_no_page_of_who_may_not_read_it(
    log_in: LogIn, remote: HeldRemote, job: str
) -> None:
    page = log_in("bob")
    for path in ("/", "/repositories", "/jobs", "/search?q=NEEDLE", f"/jobs?repository={NAME}"):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.wait_for_load_state("networkidle")
        for word in (job[-8:], "needle.py", remote.url):
            assert word not in page.content(), path
        expect(page.get_by_role("link", name=NAME)).to_have_count(0)
    page.goto("/search?q=NEEDLE")
    results = page.get_by_role("region", name="Results")
    expect(results).to_contain_text("no repository has been synced yet")
    for path, words in {
        f"/repositories/{NAME}": "no repository of that name",
        f"/jobs/{job}": "no such job",
        f"/file?repository={NAME}&path=src/needle.py": "no repository of that name",
        "/repositories/there-is-none": "no repository of that name",
    }.items():
        page.goto(path)
        expect(page.get_by_role("alert").first).to_contain_text(words)
        assert "needle.py</h" not in page.content()


def test_a_page_that_is_open_is_told_nothing_of_a_hidden_repositorys_sync(
    log_in: LogIn, server: Server, remote: HeldRemote, job: str
) -> None:
    # The same remote, under another address.
    url = remote.url_of("other")
    post(server, "/api/repositories", {"remote": url, "name": "for-all"})
    page = log_in("bob")
    heard: list[str] = []
    page.on("websocket", lambda one: one.on("framereceived", lambda text: heard.append(str(text))))
    page.reload()
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    server.ended(post(server, "/api/sync", {"repository": NAME, "full": True})["job_id"])
    shown = post(server, "/api/sync", {"repository": "for-all"})["job_id"]
    server.ended(shown)
    wait_until("the other's sync", lambda: page.get_by_text(shown[-8:]).count() > 0)
    assert NAME not in page.content()
    assert not any(NAME in text or job in text for text in heard)
    remove(server, "for-all")


def test_a_repository_that_is_shown_to_somebody_is_on_their_pages(
    log_in: LogIn, server: Server, job: str
) -> None:
    page = log_in("bob", path=f"/jobs/{job}")
    expect(page.get_by_role("alert").first).to_contain_text("no such job")
    access = {"visibility": "restricted", "users": [{"user": "bob", "level": "read"}]}
    sent = ("-X", "PATCH", "-H", "Content-Type: application/json")
    body = ("-d", json.dumps({"access": access}))
    status, _ = curl(f"{server.url}/api/repositories/{NAME}", server.token, *sent, *body)
    assert status == 200
    page.reload()
    expect(page.get_by_role("heading", name=f"Sync of {NAME}")).to_be_visible()
    page.goto(f"/repositories/{NAME}")
    expect(page.get_by_role("heading", name=NAME)).to_be_visible()
    expect(page.get_by_text("Whom it is shown to")).to_have_count(0)
    expect(page.get_by_role("button", name="Sync now")).to_have_count(0)


def test_a_member_has_no_page_of_administrators_and_no_answer_for_one(log_in: LogIn) -> None:
    page = log_in("bob")
    expect(page.get_by_role("link", name="Admin")).to_have_count(0)
    page.goto("/admin")
    expect(page.get_by_role("alert")).to_contain_text("forbidden")
    for words in ("Who changed what", "Pause the queue", "Add a user", "mallory"):
        expect(page.get_by_text(words)).to_have_count(0)
    asked = "path => fetch(path).then(answer => answer.status)"
    assert page.evaluate(asked, "/api/audit") == 404
    assert page.evaluate(asked, "/api/users") == 403
    assert page.evaluate(asked, "/metrics") in {403, 404}
