"""
The pictures of the README and of docs/dashboard.md, taken of a real daemon.

    python bench/pictures.py REPOSITORY… [--to docs/pictures]

Each REPOSITORY is a path of a git repository; the first is looked at more closely.
Wants Chromium, and Playwright's Python package to drive it.
"""

from __future__ import annotations

import argparse
import contextlib
import html
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from daemon import Daemon
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parent.parent
_SYNCS = 4
_COLUMNS = 80
_SCREEN = {"width": 1120, "height": 760}
_HAS_MOVED = """() => [...document.querySelectorAll("progress")]
    .some((bar) => bar.position > 0.3 && bar.position < 0.8)"""
_COLORS = {
    "1": "font-weight:700",
    "2": "color:#8a929c",
    "31": "color:#ff9d96",
    "32": "color:#7ed8a0",
}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("repositories", nargs="+", type=Path)
    asked.add_argument("--to", type=Path, default=ROOT / "docs" / "pictures")
    given = asked.parse_args()
    given.to.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        chromium(scratch) as browser,
        Daemon(Path(scratch) / "it") as daemon,
    ):
        names = _filled(daemon, given.repositories)
        _terminal(browser, _followed(daemon, names[0]), given.to / "sync.png")
        _dashboard(browser, daemon, names, given.to)


@contextlib.contextmanager
def chromium(scratch: str) -> Iterator[Browser]:
    """Start the Chromium of this machine."""
    found = shutil.which("chromium")
    if found is None:
        sys.exit("no Chromium on this machine: apt-get install chromium")
    with sync_playwright() as play:
        made = play.chromium.launch(
            executable_path=found, args=["--no-sandbox"], env={"HOME": scratch}
        )
        yield made
        made.close()


def _filled(daemon: Daemon, repositories: list[Path]) -> list[str]:
    """Register the repositories, and give each a few syncs of history."""
    names = []
    for path in repositories:
        name = path.resolve().name.removesuffix(".git")
        daemon.register(path.resolve(), name)
        names.append(name)
    for number in range(_SYNCS):
        for name in names:
            body = {"repository": name, "full": number % 2 == 0}
            daemon.ask("POST", "/api/sync", body, Prefer="wait=600")
    return names


def _followed(daemon: Daemon, name: str) -> str:
    """Return what a terminal shows at the end of a followed sync."""
    ours, theirs = pty.openpty()
    env = {**daemon.env, "TERM": "xterm", "COLUMNS": str(_COLUMNS)}
    argv = [sys.executable, "-m", "cidx", "sync", name, "--follow", "--full"]
    process = subprocess.Popen(argv, env=env, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = bytearray()
    with contextlib.suppress(OSError):  # the end of a pty is an error
        while piece := os.read(ours, 65536):
            said += piece
    process.wait()
    os.close(ours)
    lines = said.decode().replace("\r\n", "\n").split("\n")
    return "\n".join(line.rsplit("\r", 1)[-1].replace("\x1b[K", "") for line in lines).strip()


def _terminal(browser: Browser, said: str, to: Path) -> None:
    """Draw a terminal's text."""
    page = browser.new_page(viewport={"width": 760, "height": 300}, device_scale_factor=2)
    command = "$ cidx sync --follow"
    page.set_content(
        "<body style='margin:0;background:#14171b;color:#e6e8eb'><pre style='margin:0;"
        "display:inline-block;padding:16px;font:13px/1.5 monospace'>"
        f"{html.escape(command)}\n{_painted(said)}</pre>"
    )
    page.locator("pre").screenshot(path=to)
    page.close()


def _painted(said: str) -> str:
    """Turn colours into spans; any other sequence is dropped."""
    opened, parts = 0, []
    for text, codes in re.findall(r"([^\x1b]*)(?:\x1b\[([\d;]*)m|\x1b\[[^m]|$)", said):
        parts.append(html.escape(text))
        style = ";".join(_COLORS[code] for code in codes.split(";") if code in _COLORS)
        if style:
            parts.append(f"<span style='{style}'>")
            opened += 1
        elif codes in {"0", ""} and opened:
            parts.append("</span>" * opened)
            opened = 0
    return "".join(parts)


def _dashboard(browser: Browser, daemon: Daemon, names: list[str], to: Path) -> None:
    code = daemon.ask("POST", "/api/auth/code")[1]["code"]
    _, page_of_jobs = daemon.ask("GET", f"/api/jobs?repository={names[0]}&outcome=updated&limit=1")
    views: dict[str, str] = {
        "job": f"/jobs/{page_of_jobs['jobs'][0]['job_id']}",
        "history": "/jobs",
        "search": "/search?q=def+main",
    }
    for scheme in ("light", "dark"):
        context = browser.new_context(viewport=_SCREEN, color_scheme=scheme, base_url=daemon.url)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(f"/#code={code}")
        page.get_by_role("heading", name="Now").wait_for()
        code = daemon.ask("POST", "/api/auth/code")[1]["code"]
        jobs = [daemon.ask("POST", "/api/sync", {"repository": n, "full": True}) for n in names]
        page.wait_for_function(_HAS_MOVED)
        page.screenshot(path=to / f"dashboard-{scheme}.png")
        _ended(daemon, jobs)
        if scheme == "light":
            for name, path in views.items():
                page.goto(path)
                page.wait_for_load_state("networkidle")
                page.screenshot(path=to / f"dashboard-{name}.png")
        context.close()


def _ended(daemon: Daemon, jobs: list[tuple[int, Any]]) -> None:
    for _, job in jobs:
        daemon.ask("GET", f"/api/jobs/{job['job_id']}", Prefer="wait=600")


if __name__ == "__main__":
    main()
