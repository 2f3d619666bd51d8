"""A real browser before a real daemon with real remotes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser_watch import Watch
from house import HeldRemote, Home, Server, hosted
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from sandbox import Checkout

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 30_000.0


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    # Of a module only: while Playwright is there, its loop runs, and no other test could have one.
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    home = str(tmp_path_factory.mktemp("chromium"))
    names = ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as play:
        made = play.chromium.launch(
            executable_path=found, args=list(_FLAGS), env=dict.fromkeys(names, home)
        )
        yield made
        made.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Server]]:
    """One daemon for a whole module; ada is an administrator, bob is not."""
    with hosted(tmp_path_factory.mktemp("house")) as (home, server):
        server.add_user("bob")
        yield home, server


@pytest.fixture
def server(house: tuple[Home, Server]) -> Server:
    return house[1]


@pytest.fixture
def origin(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "origin")
    made.commit({f"src/module_{n}.py": f"def function_{n}():\n    return {n}\n" for n in range(40)})
    made.commit({"src/needle.py": "NEEDLE = 'found'\n"}, message="Hide a needle")
    return made


@pytest.fixture
def remote(origin: Checkout) -> Iterator[HeldRemote]:
    with HeldRemote(origin.folder) as made:
        yield made


@pytest.fixture
def context(browser: Browser, server: Server) -> Iterator[BrowserContext]:
    made = browser.new_context(base_url=server.url, viewport={"width": 1200, "height": 900})
    yield made
    made.close()


@pytest.fixture
def watch(server: Server) -> Iterator[Watch]:
    made = Watch(server)
    yield made
    assert made.faults == []


@pytest.fixture
def page(context: BrowserContext, watch: Watch) -> Page:
    """A page of somebody who has not logged in."""
    made = context.new_page()
    made.set_default_timeout(PATIENCE_MS)
    watch.attach(made)
    return made


@pytest.fixture
def log_in(page: Page) -> Callable[..., Page]:
    """Log in by hand, and wait until the page is live."""

    def enter(name: str = "ada", path: str = "/") -> Page:
        page.goto(path)
        page.get_by_label("User name").fill(name)
        page.get_by_label("Password").fill("correct horse")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_text("live", exact=True)).to_be_visible()
        return page

    return enter
