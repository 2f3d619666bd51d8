from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from typing import Any

from house import HeldRemote, Server, curl, wait_until
from playwright.sync_api import Page, expect

JSON = ("-H", "Content-Type: application/json")


def post(server: Server, path: str, body: Any) -> Any:
    status, answer = curl(f"{server.url}{path}", server.token, *JSON, "-d", json.dumps(body))
    assert status < 300, answer
    return answer


def test_a_schedule_and_a_webhook_are_made_where_the_repository_is_shown(
    log_in: Callable[..., Page], server: Server, remote: HeldRemote
) -> None:
    name = "triggered"
    post(server, "/api/repositories", {"remote": remote.url, "name": name})
    server.ended(post(server, "/api/sync", {"repository": name})["job_id"])
    page = log_in(path=f"/repositories/{name}")
    expect(page.get_by_text("Next sync in")).to_be_visible()
    page.get_by_text("When it is synced by itself").click()
    expect(page.get_by_text("as the server does.")).to_be_visible()
    page.get_by_label("Schedule").select_option("cron")
    page.get_by_label("Cron expression").fill("61 * * * *")
    page.get_by_role("button", name="Save schedule").click()
    expect(page.get_by_role("alert")).to_contain_text("not a cron expression")
    page.get_by_label("Cron expression").fill("*/10 * * * *")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_role("button", name="Save schedule").click()
    wait_until(
        "saved", lambda: server.ask(f"/api/repositories/{name}")["schedule"]["kind"] == "cron"
    )
    expect(page.get_by_text(re.compile("Next sync in \\d+ (s|min)"))).to_be_visible()

    page.get_by_text("Webhook", exact=True).click()
    page.get_by_role("button", name="Make a webhook").click()
    expect(page.get_by_text("This is shown once.")).to_be_visible()
    secret = page.locator("code.secret").inner_text()
    url = page.get_by_role("row", name="github").locator("code").inner_text()
    body = json.dumps({"ref": "refs/heads/main"}).encode()
    signed = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    proof = ("-H", f"X-Hub-Signature-256: sha256={signed}", "-H", "X-GitHub-Event: push")
    assert curl(url, "", *JSON, *proof, "-d", body.decode())[0] == 202
    page.reload()
    page.get_by_text("Webhook", exact=True).click()
    expect(page.get_by_text("its secret is not shown again")).to_be_visible()
    expect(page.locator("code.secret")).to_have_count(0)
    page.get_by_role("button", name="Remove webhook").click()
    page.get_by_role("button", name="Yes, take no more deliveries").click()
    expect(page.get_by_role("button", name="Make a webhook")).to_be_visible()
    assert server.ask(f"/api/repositories/{name}")["webhook"] is None
