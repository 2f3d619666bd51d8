"""
The dashboard under load: 10,000 jobs in history, 50 running, each page open in a browser.

    python bench/dashboard.py [MINUTES]

A real daemon syncs 50 small repositories from a slow HTTP remote, over and over: one whose
sync has ended is removed, added again and cloned anew.  Chromium shows `/`, `/jobs` and a
job's page, each in a tab of its own.  Wants Chromium, and Playwright's Python package.
"""

from __future__ import annotations

import argparse
import logging
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import stored
from daemon import Daemon
from pictures import chromium
from playwright.sync_api import Browser, CDPSession, Page

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from remote import Lie, RemoteThread  # noqa: E402 - the tests' own
from sandbox import Checkout  # noqa: E402 - likewise

STORED = 10_000
RUNNING = 50
_LOOK_EVERY_S = 10
_FILES, _LINES = 300, 200
_SLOWEST, _FASTEST = 6_000, 60_000  # bytes a second
_LIMITS = "running = 50\nrunning_per_user = 60\nqueued_per_user = 200\n"
_MIB = 1 << 20

# In the page: what its main thread did, without the collections that this bench asks for.
_METER = """
window.bench = {frames: 0, gap: 0, last: performance.now(), messages: 0, tasks: [], ours: []};
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) bench.tasks.push([one.startTime, one.duration]);
}).observe({type: "longtask"});
const turn = (at) => {
  bench.frames += 1;
  bench.gap = Math.max(bench.gap, at - bench.last);
  bench.last = at;
  requestAnimationFrame(turn);
};
requestAnimationFrame(turn);
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", () => { bench.messages += 1; });
  }
};
"""
_TAKEN = """
(() => {
  const isOurs = ([at, took]) => bench.ours.some(([from, to]) => at < to && at + took > from);
  const long = bench.tasks.filter((task) => !isOurs(task)).map(([, took]) => took);
  const taken = {frames: bench.frames, gap: bench.gap, messages: bench.messages, long};
  Object.assign(bench, {frames: 0, gap: 0, messages: 0, tasks: []});
  bench.ours = bench.ours.slice(-1);
  return taken;
})()
"""
_OURS = """bench.ours.push([performance.now(), Infinity])"""
_OVER = """(() => {
  bench.ours.at(-1)[1] = performance.now();
  bench.last = performance.now();
})()"""


class Sample(NamedTuple):
    """One look at one page; `long_ms` are its long tasks since the last one."""

    at_s: float
    frames: int
    gap_ms: float
    messages: int
    long_ms: list[float]
    heap: int
    nodes: int
    listeners: int


class Uneven(RemoteThread):
    """A remote that is slow, and with each repository in another measure."""

    def _lie_for(self, path: str) -> Lie:
        pace = random.Random(path.split("/")[1]).uniform(0, 1)  # noqa: S311 - no secret
        rate = int(_SLOWEST * (_FASTEST / _SLOWEST) ** pace)
        return Lie(bytes_per_s=rate, every_s=0.5) if path.endswith("upload-pack") else Lie()


class Churn:
    """Syncs that never end to be: one that is over is followed by the next clone."""

    def __init__(self, daemon: Daemon, remote: Uneven) -> None:
        self._daemon = daemon
        self._remote = remote
        self._round = 0
        self.ended = 0
        self.names = [self._begun(number) for number in range(RUNNING)]

    def go_on(self) -> int:
        """Replace what has ended; return how many run."""
        _, page = self._daemon.ask("GET", "/api/jobs?status=running&limit=100")
        _, waiting = self._daemon.ask("GET", "/api/jobs?status=queued&limit=100")
        active = {job["repository"] for job in page["jobs"] + waiting["jobs"]}
        for at, name in enumerate(self.names):
            if name not in active:
                self.ended += 1
                self._daemon.ask("DELETE", f"/api/repositories/{name}")
                self.names[at] = self._begun(at)
        return len(page["jobs"])

    def slowest(self) -> str:
        """Return the id of the job that has come least far."""
        _, page = self._daemon.ask("GET", "/api/jobs?status=running&limit=100")
        return str(min(page["jobs"], key=lambda job: job["progress_percentage"])["job_id"])

    def _begun(self, number: int) -> str:
        self._round += 1
        name = f"busy-{number}-{self._round}"
        body = {"remote": self._remote.url_of(name), "name": name}
        status, answer = self._daemon.ask("POST", "/api/repositories", body)
        assert status < 300, answer  # noqa: PLR2004 - HTTP
        status, answer = self._daemon.ask("POST", "/api/sync", {"repository": name})
        assert status < 300, answer  # noqa: PLR2004 - HTTP
        return name


class Tab:
    """One page, and what was seen of it."""

    def __init__(self, browser: Browser, daemon: Daemon, path: str) -> None:
        self.path = path
        self.samples: list[Sample] = []
        code = daemon.ask("POST", "/api/auth/code")[1]["code"]
        context = browser.new_context(viewport={"width": 1200, "height": 900})
        self.page: Page = context.new_page()
        self.page.add_init_script(_METER)
        self.page.goto(f"{daemon.url}{path}#code={code}")
        self.page.get_by_role("heading", level=1).wait_for()
        self.page.get_by_text("live", exact=True).wait_for()
        self._cdp: CDPSession = context.new_cdp_session(self.page)
        self._cdp.send("Performance.enable")

    def look(self, at_s: float) -> None:
        """Take what happened since the last look, then what is alive."""
        taken: dict[str, Any] = self.page.evaluate(_TAKEN)
        self.page.evaluate(_OURS)
        self._cdp.send("HeapProfiler.collectGarbage")
        told = self._cdp.send("Performance.getMetrics")["metrics"]
        self.page.evaluate(_OVER)
        now = {row["name"]: row["value"] for row in told}
        self.samples.append(
            Sample(
                at_s, taken["frames"], taken["gap"], taken["messages"], taken["long"],
                int(now["JSHeapUsedSize"]), int(now["Nodes"]), int(now["JSEventListeners"]),
            )
        )  # fmt: skip


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("minutes", nargs="?", type=float, default=10)
    minutes = asked.parse_args().minutes
    logging.getLogger("aiohttp.server").disabled = True  # clones that end with the bench
    with tempfile.TemporaryDirectory() as scratch:
        stored.fill(Path(scratch) / "it" / "data", STORED, now=time.time())
        with (
            Uneven(_origin(Path(scratch) / "origin")) as remote,
            Daemon(Path(scratch) / "it", limits=_LIMITS) as daemon,
            chromium(scratch) as browser,
        ):
            churn = Churn(daemon, remote)
            tabs = [
                Tab(browser, daemon, path) for path in ("/", "/jobs", f"/jobs/{churn.slowest()}")
            ]
            tabs[-1].path = "a job"
            running = _watched(tabs, churn, minutes * 60)
    _tell(tabs, running, churn.ended)


def _watched(tabs: list[Tab], churn: Churn, length_s: float) -> list[int]:
    """Look at the tabs from time to time; return how many jobs ran then."""
    began, running = time.monotonic(), []
    for tab in tabs:
        tab.look(0)
    while (gone_s := time.monotonic() - began) < length_s:
        running.append(churn.go_on())
        tabs[0].page.wait_for_timeout(1000 * (_LOOK_EVERY_S - gone_s % _LOOK_EVERY_S))
        for tab in tabs:
            tab.look(time.monotonic() - began)
        print(".", end="", file=sys.stderr, flush=True)
    return running


def _origin(folder: Path) -> Path:
    """Make a repository of a size that takes its time, of text that does not compress well."""
    dice = random.Random(5)  # noqa: S311 - no secret
    Checkout(folder).commit(
        {
            f"src/module_{number}.py": "".join(
                f'name_{line} = "{dice.getrandbits(160):040x}"\n' for line in range(_LINES)
            )
            for number in range(_FILES)
        }
    )
    return folder


def _tell(tabs: list[Tab], running: list[int], ended: int) -> None:
    print(f"\n{STORED:,} stored jobs; {statistics.mean(running):.1f} ran on average", end="")
    print(f" (least {min(running)}), {ended} ended\n")
    print("| page | messages/s | frames/s | longest gap | long tasks | longest | their sum", end="")
    print(" | heap first | after 1 min | half | last | nodes | listeners |")
    print("|---|" + "---:|" * 12)
    for tab in tabs:
        print(_row(tab))


def _row(tab: Tab) -> str:
    first, *rest = tab.samples
    seconds = rest[-1].at_s - first.at_s
    long = [took for sample in rest for took in sample.long_ms]
    minute = next((one for one in rest if one.at_s > 60), rest[-1])  # noqa: PLR2004 - a minute
    heaps = [first, minute, tab.samples[len(tab.samples) // 2], rest[-1]]
    cells = [
        f"`{tab.path}`",
        f"{sum(one.messages for one in rest) / seconds:.1f}",
        f"{sum(one.frames for one in rest) / seconds:.1f}",
        f"{max(one.gap_ms for one in rest):.0f} ms",
        f"{len(long)}",
        f"{max(long, default=0):.0f} ms",
        f"{100 * sum(long) / 1000 / seconds:.2f} % of the time",
        *(f"{one.heap / _MIB:.2f} MiB" for one in heaps),
        f"{minute.nodes} to {rest[-1].nodes}",
        f"{minute.listeners} to {rest[-1].listeners}",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
