"""Figures and words that a page shows in two places, and those that are no text by themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from house import HeldRemote, Server, curl
from playwright.sync_api import Page, expect

LogIn = Callable[..., Page]
AT = "2026-11-25T12:00:0{}.000Z"


def send(server: Server, method: str, path: str, body: object) -> Any:
    sent = ("-X", method, "-H", "Content-Type: application/json", "-d", json.dumps(body))
    status, answer = curl(f"{server.url}{path}", server.token, *sent)
    assert status < 300, answer
    return answer


def test_the_course_and_the_table_of_a_job_tell_the_same_times(
    log_in: LogIn, server: Server, remote: HeldRemote
) -> None:
    name = "twice-told"
    send(server, "POST", "/api/repositories", {"remote": remote.url, "name": name})
    job = send(server, "POST", "/api/sync", {"repository": name})["job_id"]
    server.ended(job)
    page = log_in(path=f"/jobs/{job}")
    rows = page.locator("tbody tr").filter(has_text="completed")
    expect(rows).to_have_count(5)
    listed = {
        row.get_by_role("rowheader").inner_text(): row.locator("td.number").first.inner_text()
        for row in rows.all()
    }
    titles = page.locator(".waterfall title").all_text_contents()
    told = re.compile(r"(?P<row>\w+), attempt 1: (?P<took>.+), \w+")
    drawn = {found["row"]: found["took"] for one in titles if (found := told.fullmatch(one))}
    assert drawn.pop("waiting")
    assert drawn == listed


def test_a_phase_lasts_until_its_end_and_not_until_the_next_one_begins(page: Page) -> None:
    job = {
        "status": "completed",
        "created_at": AT.format(0),
        "finished_at": AT.format(9),
        "attempts": [{}],
        "history": [
            {"at": AT.format(0), "status": "queued", "phase": None},
            {"at": AT.format(1), "status": "running", "phase": None},
            {"at": AT.format(2), "status": "running", "phase": "fetch"},
            {"at": AT.format(4), "status": "queued", "phase": None},
            {"at": AT.format(5), "status": "running", "phase": "fetch"},
            {"at": AT.format(8), "status": "running", "phase": "diff"},
            {"at": AT.format(9), "status": "completed", "phase": None},
        ],
        "phases": [
            _phase("fetch", 5, 7, 1.9),
            _phase("diff", 8, 9, 1.0),
        ],
    }
    page.goto("/")
    page.evaluate("import('/static/js/waterfall.js').then((made) => { window.made = made; })")
    page.wait_for_function("window.made")
    drawn = page.evaluate("(job) => made.segments(job, 0)", job)
    told = [(one["row"], one["attempt"], one["seconds"], one["kind"]) for one in drawn]
    assert told == [
        ("waiting", 1, 1, "waiting"),
        ("fetch", 1, 2, "failed"),
        ("waiting", 1, 1, "waiting"),
        ("fetch", 2, 1.9, "done"),
        ("diff", 2, 1.0, "done"),
    ]


def _phase(name: str, begin: int, end: int, seconds: float) -> dict[str, Any]:
    times = {"started_at": AT.format(begin), "finished_at": AT.format(end)}
    return {"name": name, **times, "duration_seconds": seconds}


def test_the_audit_log_tells_what_changed_in_words(
    log_in: LogIn, server: Server, remote: HeldRemote
) -> None:
    name = "told-in-words"
    send(server, "POST", "/api/repositories", {"remote": remote.url, "name": name})
    cron = {"kind": "cron", "expression": "*/10 * * * *", "timezone": "UTC"}
    access = {"visibility": "restricted", "users": [{"user": "bob", "level": "read"}]}
    send(server, "PATCH", f"/api/repositories/{name}", {"schedule": cron, "access": access})
    page = log_in(path="/admin")
    page.get_by_label("To what").fill(name)
    page.get_by_role("button", name="Filter").click()
    rows = page.get_by_role("region", name="Audit log").locator("tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.filter(has_text="repository.shown")).to_contain_text("users: bob read")
    changed = rows.filter(has_text="repository.changed")
    expect(changed).to_contain_text("schedule: none → cron, expression */10 * * * *, timezone UTC")
    expect(rows.filter(has_text="repository.added")).not_to_contain_text("branches")
    page.get_by_label("To what").fill("there is none")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("Nothing of that kind was changed.")).to_be_visible()
    expect(rows).to_have_count(0)


def test_a_login_is_told_by_its_browser_as_people_call_it(log_in: LogIn) -> None:
    page = log_in(path="/account")
    mine = page.get_by_role("row").filter(has_text="this one")
    expect(mine).to_contain_text(re.compile(r"Chrome \d+ on \w+"))
    told = "agent => import('/static/js/views/sessions.js').then(made => made.program(agent))"
    apple = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15"
    for agent, words in {
        f"{apple} (KHTML, like Gecko) Version/17.4 Safari/605.1.15": "Safari 17 on macOS",
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0": (
            "Firefox 128 on Linux"
        ),
        "cidx/0.1.0": "cidx/0.1.0",
        "": "unknown",
    }.items():
        assert page.evaluate(told, agent) == words
