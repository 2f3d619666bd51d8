"""Every page in light, in dark and on a phone: no serious finding, none too wide."""

from __future__ import annotations

import json
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser_watch import Watch
from house import Home, Server, curl
from playwright.sync_api import Browser, expect
from sandbox import Checkout

SCREENS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1200, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1200, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"},
}


@pytest.fixture(scope="module")
def paths(house: tuple[Home, Server], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Every page, with something on it."""
    _, server = house
    folder = tmp_path_factory.mktemp("origin") / "it"
    Checkout(folder).commit({"src/main.py": "class Needle:\n    def find(self):\n        pass\n"})
    ids = []
    for path, body in (
        ("/api/repositories", {"remote": str(folder), "name": "it"}),
        ("/api/sync", {"repository": "it"}),
    ):
        sent = ("-H", "Content-Type: application/json", "-d", json.dumps(body))
        ids.append(curl(f"{server.url}{path}", server.token, *sent)[1].get("job_id"))
    server.ended(ids[1])
    return [
        "/",
        "/repositories",
        "/repositories/it",
        "/jobs",
        f"/jobs/{ids[1]}",
        "/search",
        "/search?q=needle&case=insensitive",
        "/file?repository=it&path=src/main.py",
        "/account",
        "/admin",
    ]


@pytest.mark.parametrize("screen", SCREENS)
def test_no_page_has_a_serious_finding(
    browser: Browser, server: Server, paths: list[str], screen: str
) -> None:
    watch = Watch(server)
    context = browser.new_context(base_url=server.url, **SCREENS[screen])
    page = context.new_page()
    watch.attach(page)
    found = {}
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    found["login"] = findings(page)
    status, made = curl(f"{server.url}/api/auth/code", server.token, "-X", "POST")
    assert status == 200
    page.goto(f"/#code={made['code']}")
    page.reload()
    for path in paths:
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.wait_for_load_state("networkidle")
        found[path] = findings(page)
        is_narrow = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        assert page.evaluate(is_narrow), path
    context.close()
    assert {path: rows for path, rows in found.items() if rows} == {}
    assert watch.faults == []


def findings(page: Any) -> list[str]:
    """Return what axe-core finds serious or critical, with the elements."""
    rows = Axe().run(page).response["violations"]
    return [
        f"{row['id']}: {[node['html'][:120] for node in row['nodes']][:3]}"
        for row in rows
        if row["impact"] in {"serious", "critical"}
    ]
