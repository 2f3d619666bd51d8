"""What the dashboard tells when something is not as it should be, and by the keyboard alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from browser_watch import Watch
from house import HeldRemote, Server, curl, wait_until
from playwright.sync_api import Page, expect
from remote import Lie

LogIn = Callable[..., Page]
NAMES = ("apple", "berry", "cherry")


def post(server: Server, path: str, body: object) -> Any:
    sent = ("-H", "Content-Type: application/json", "-d", json.dumps(body))
    status, answer = curl(f"{server.url}{path}", server.token, *sent)
    assert status < 300, answer
    return answer


def sync(server: Server, name: str) -> str:
    return str(post(server, "/api/sync", {"repository": name})["job_id"])


def test_a_host_in_trouble_is_one_notice_that_goes_when_the_host_is_back(
    log_in: LogIn, server: Server, remote: HeldRemote
) -> None:
    for name in NAMES:
        post(server, "/api/repositories", {"remote": remote.url_of(name), "name": name})
    page = log_in()
    remote.lie = Lie(status=503)
    ids = [sync(server, name) for name in NAMES]
    host = remote.url.split("/")[2]
    notice = page.get_by_role("listitem").filter(has_text=host)
    expect(notice).to_have_count(1)
    expect(notice).to_contain_text("since")
    expect(notice).to_contain_text("Affected: apple, berry, cherry")
    expect(page.get_by_text("of 4 slots in use, 3 waiting, the oldest since")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="cherry")
    expect(row).to_contain_text("has been answering with server errors since")

    row.get_by_role("link").nth(1).click()
    expect(page.get_by_text("in the queue: ")).to_contain_text("server errors since")
    remote.lie = None
    for job_id in ids:
        server.ended(job_id)
    expect(page.get_by_role("heading", level=1)).to_contain_text("updated")
    page.get_by_role("link", name="Now").click()
    expect(page.get_by_text("0 of 4 slots in use")).to_be_visible()
    expect(notice).to_have_count(0)


def test_an_administrator_reads_why_the_daemon_is_not_ready(
    log_in: LogIn, server: Server, watch: Watch
) -> None:
    page = log_in(path="/account")
    watch.is_outage_expected = True
    with server.locked():
        assert server.submit("apple")[0] == 503
        page.get_by_role("link", name="Now").click()
        notice = page.get_by_role("alert").filter(has_text="The daemon is not ready")
        expect(notice).to_contain_text("database")
    wait_until("readiness", lambda: server.readiness()[0] == 200)
    page.get_by_role("link", name="Repositories").click()
    page.get_by_role("link", name="Now").click()
    expect(page.get_by_text("slots in use")).to_be_visible()
    expect(notice).to_have_count(0)


def test_a_job_is_cancelled_by_the_keyboard_and_escape_is_no(
    log_in: LogIn, server: Server, remote: HeldRemote
) -> None:
    post(server, "/api/repositories", {"remote": remote.url, "name": "keys"})
    remote.hold()
    page = log_in(path=f"/jobs/{sync(server, 'keys')}")
    button = page.get_by_role("button", name="Cancel", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="No", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("cancelled")
    remote.release()


def test_the_history_draws_how_many_succeeded_and_how_good_the_estimates_were(
    log_in: LogIn, server: Server, remote: HeldRemote
) -> None:
    post(server, "/api/repositories", {"remote": remote.url, "name": "drawn"})
    assert server.ended(sync(server, "drawn"))["status"] == "completed"
    page = log_in(path="/jobs")
    expect(page.get_by_role("group", name="How many succeeded")).to_be_visible()
    expect(page.get_by_text("How good the estimates were")).to_be_visible()
