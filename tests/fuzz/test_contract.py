"""
Schemathesis against the contract as it is served, as each role, with every check on.

Some hundred requests a role here; `make fuzz REQUESTS=n` has n for each, SEED others.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from contract_keeper import Keeper
from house import ROOT, Home, Server, wait_until
from sandbox import Checkout

REQUESTS: Final = int(os.environ.get("FUZZ_REQUESTS", "0"))  # of each role; 0: the few of here
SEED: Final = int(os.environ.get("FUZZ_SEED", "1"))
ROLE: Final = os.environ.get("FUZZ_ROLE", "")  # one of them only
FEW: Final = 6  # of each operation
MANY: Final = min(100, 5 + REQUESTS // 100)  # likewise, in each run of a long fuzz
FOLDER: Final = Path(__file__).parent
# The fuzz asks more often than a person may, and guesses passwords: other tests have those limits.
SETTINGS: Final = """
[auth]
access_minutes = 1440
login_failures = 1000000
login_failures_per_address = 1000000
login_failures_per_account = 1000000
[http]
requests_per_second = 0
address_requests_per_second = 0
"""
BROKEN: Final = ("request_broke", "stream_broke", "never retrieved", "Task was destroyed")


class Ground:
    """A daemon with something of everything, for a fuzz to run over."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = Home(folder / "home")
        self.server = Server(self.home, folder / "server", more=SETTINGS)
        self.server.start()
        self.server.sign_in(self.home, "root")
        self.words = {"branch": "main", "q": "needle", "path": "src/module_3.py"}
        self.keeper = Keeper(self.server.url, self.socket, SEED)

    @property
    def socket(self) -> Path:
        return self.server.folder / "data" / "admin.sock"

    def furnish(self) -> None:
        """Have repositories, and jobs that completed, failed, were cancelled, run and wait."""
        origin = Checkout(self.folder / "origin")
        files: dict[str | bytes, bytes | str | None] = {
            f"src/module_{n}.py": f"def needle_{n}():\n    return {n}\n" for n in range(9)
        }
        self.words["commit"] = origin.commit({**files, "blob.bin": b"\0\1", "empty": ""})
        self.words["repository"] = "tools"
        self.home.cidx("repo", "add", str(origin.folder), "--name", "tools")
        self.home.cidx("sync", "tools", "--timeout", "60")
        gone = Checkout(self.folder / "gone")
        gone.commit({"a": "a\n"})
        self.home.cidx("repo", "add", str(gone.folder), "--name", "gone")
        gone.folder.rename(self.folder / "elsewhere")
        self.home.cidx("sync", "gone", "--timeout", "60", code=5)
        self.server.submit("tools")
        _, job = self.server.submit("tools")  # the first runs, this one waits, or both ended
        self.keeper.ask("POST", f"/api/jobs/{job['job_id']}/cancel", self.server.token, {})

    def run(self, role: str, seed: int, *more: str) -> Counter[str]:
        """Run Schemathesis once as *role*; return how often each operation answered what."""
        tally = self.folder / "tally.json"
        told = {
            "FUZZ_URL": self.server.url,
            "FUZZ_ADMIN_SOCKET": str(self.socket),
            "FUZZ_USER": f"fuzz-{role}",
            "FUZZ_ROLE": role,
            "FUZZ_SEED": str(seed),
            "FUZZ_WORDS": json.dumps(self.words),
            "FUZZ_TALLY": str(tally),
        }
        paths = f"{ROOT / 'tests'}:{self.home.env['PYTHONPATH']}"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli"),
                *("--config-file", str(FOLDER / "schemathesis.toml")),
                *("run", f"{self.server.url}/api/openapi.json", "--no-color", *more),
            ],
            env={**self.home.env, **told, "PYTHONPATH": paths},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=3600,
            check=False,
        )
        said = (
            f"{role}, seed {seed}:\n{done.stdout[:20_000]}\n…\n{done.stdout[-3000:]}{done.stderr}"
        )
        assert done.returncode == 0, said
        return Counter(json.loads(tally.read_text("utf-8")))

    def check_unharmed(self) -> None:
        """The daemon answers, its queue moves, and its log has nothing that it did not foresee."""
        log = self.server.log()
        assert [line for line in log.splitlines() if any(word in line for word in BROKEN)] == []
        token = self.server.token = self.keeper.let_in("root", "admin")
        self.keeper.ask("POST", "/api/queue/resume", token)
        wait_until("an empty queue", lambda: not self._waiting(token))

    def _waiting(self, token: str) -> int:
        _, queue = self.keeper.ask("GET", "/api/queue", token)
        return int(queue["running"] + queue["queued"])


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    made = Ground(tmp_path)
    yield made
    made.server.stop()


def operations(contract: dict[str, Any]) -> set[str]:
    return {
        f"{method.upper()} {path}"
        for path, methods in contract["paths"].items()
        for method in methods
    }


def test_the_daemon_answers_as_its_contract_says_whoever_asks(ground: Ground) -> None:
    ground.furnish()
    # Schemathesis asks for the contract itself before it begins.
    wanted = operations(ground.keeper.contract()) - {"GET /api/openapi.json"}
    for role in [role for role in ground.keeper.roles() if ROLE in {"", role}]:
        told = long_run(ground, role) if REQUESTS else short_run(ground, role)
        ground.check_unharmed()
        statuses: Counter[str] = Counter()
        for answered, count in told.items():
            statuses[answered.rpartition(" ")[2]] += count
        print(f"{role}: {told.total()} requests, {dict(sorted(statuses.items()))}", flush=True)  # noqa: T201 - the figures of `make fuzz`
        assert wanted - {answered.rpartition(" ")[0] for answered in told} == set()
        assert [status for status in statuses if status >= "500"] == []


def short_run(ground: Ground, role: str) -> Counter[str]:
    few = ("--phases", "fuzzing", "--max-examples", str(FEW), "--generation-deterministic")
    return ground.run(role, SEED, *few)


def long_run(ground: Ground, role: str) -> Counter[str]:
    told: Counter[str] = Counter()
    for seed in range(SEED, SEED + REQUESTS):
        if told.total() >= REQUESTS:
            break
        told += ground.run(role, seed, "--max-examples", str(MANY), "--seed", str(seed))
    return told
