from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from sandbox import Checkout

from cidx import __main__ as program
from cidx.__about__ import VERSION
from cidx.cli import cli

if TYPE_CHECKING:
    from pathlib import Path

JOB_ID = "01930000-0000-7000-8000-00000000beef"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A clone of `origin.git` that follows its main branch."""
    origin = Checkout(tmp_path / "origin")
    origin.commit({"a.py": "print('hello')\n"})
    origin.git("clone", "-q", str(origin.folder), str(tmp_path / "work"))
    return Checkout(tmp_path / "work")


def test_the_version_is_printed() -> None:
    assert CliRunner().invoke(cli, ["--version"]).output == f"cidx, version {VERSION}\n"


def test_the_version_imports_neither_http_nor_json() -> None:
    code = (
        "import sys; from cidx.__main__ import main; main(['--version']);"
        "print(sorted({'http.client','json','ssl','websockets','cidxd','asyncio','subprocess'}"
        "&set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", sorted(cli.list_commands(None)))  # type: ignore[arg-type]
def test_every_command_explains_itself(command: str) -> None:
    assert "Usage: cli" in CliRunner().invoke(cli, [command, "--help"]).output


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["sync", "--fulll"], "no such option '--fulll'", "cidx sync --help"),
        (["sink"], "no such command 'sink'", "cidx --help"),
        (["sync", "--timeout", "0"], "invalid value for '--timeout'", "cidx sync --help"),
        (["jobs", "list", "--status", "done"], "invalid value for '--status'", "cidx jobs list"),
        (["query"], "missing argument 'PATTERN'", "cidx query --help"),
        (["query", "x", "--all", "--repo", "a"], "exclude each other", "cidx query --help"),
        (["query", "x", "--files", "--count"], "exclude each other", "cidx query --help"),
        (["repo", "set", "x"], "nothing to change", "cidx repo set --help"),
    ],
)
def test_wrong_usage_exits_2_and_says_where_to_look(
    arguments: list[str], message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert message in shown.err
    assert f"hint: {hint}" in shown.err


def test_sync_registers_the_checkout_and_prints_the_id_at_once(
    daemon: Any, cidx: Any, checkout: Checkout
) -> None:
    ran = cidx("sync", "--timeout", "600", cwd=checkout.folder)
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[0] == f"job {JOB_ID}: queued, next"
    assert ran.out.splitlines()[1] == f"job {JOB_ID}: completed, updated in 1.50 s"
    remote = checkout.git("remote", "get-url", "origin")
    assert ran.err == f"registered {remote} as work\n"
    body = daemon.asked("POST", "/api/repositories")[0]["body"]
    assert body == {
        "remote": remote,
        "name_suggestion": "work",
        "branches": ["main"],
        "seed": str(checkout.folder),
    }


def test_the_second_sync_registers_nothing(daemon: Any, cidx: Any, checkout: Checkout) -> None:
    cidx("sync", cwd=checkout.folder)
    assert cidx("sync", cwd=checkout.folder).err == ""
    assert len(daemon.asked("POST", "/api/repositories")) == 1


def test_a_new_upstream_branch_is_tracked_from_then_on(
    daemon: Any, cidx: Any, checkout: Checkout
) -> None:
    cidx("sync", cwd=checkout.folder)
    checkout.git("checkout", "-q", "-b", "topic")
    checkout.git("push", "-q", "-u", "origin", "topic")
    assert cidx("sync", cwd=checkout.folder).err == "work now tracks topic as well\n"
    asked = daemon.asked("PATCH", "/api/repositories/work")
    assert [one["body"] for one in asked] == [{"branches": ["main", "topic"]}]


def test_a_checkout_without_a_remote_is_its_own_remote(
    daemon: Any, cidx: Any, tmp_path: Path
) -> None:
    lonely = Checkout(tmp_path / "lonely one")
    lonely.commit({"a": "b"})
    ran = cidx("sync", cwd=lonely.folder)
    assert ran.err == f"registered {lonely.folder} as lonely-one\n"
    body = daemon.asked("POST", "/api/repositories")[0]["body"]
    assert (body["remote"], body["branches"]) == (str(lonely.folder), ["main"])


def test_sync_by_path_means_that_checkout(daemon: Any, cidx: Any, checkout: Checkout) -> None:
    assert cidx("sync", "./work", cwd=checkout.folder.parent).code == 0
    assert daemon.asked("POST", "/api/sync")[0]["body"]["repository"] == "work"


@pytest.mark.usefixtures("daemon")
def test_sync_outside_a_checkout_is_an_error_with_a_way_out(cidx: Any) -> None:
    ran = cidx("sync")
    assert ran.code == 1
    assert ran.err.startswith("error: not in a git checkout: ")
    assert "hint: go to a checkout, or name a repository" in ran.err


def test_a_failed_job_exits_5_with_its_error_and_hint(
    daemon: Any, cidx: Any, checkout: Checkout
) -> None:
    daemon.behave("fail")
    ran = cidx("sync", "--timeout", "5", cwd=checkout.folder)
    assert ran.code == 5
    assert ran.err.endswith("error: the remote cannot be reached\nhint: check the network\n")


def test_a_wait_that_times_out_exits_124_and_says_how_to_follow(
    daemon: Any, cidx: Any, checkout: Checkout
) -> None:
    daemon.behave("slow-job")
    ran = cidx("sync", "--timeout", "0.3", cwd=checkout.folder)
    assert ran.code == 124
    assert f"still running after 0.3 s and goes on: {JOB_ID}" in ran.err
    assert f"hint: cidx jobs follow {JOB_ID}" in ran.err


@pytest.mark.usefixtures("daemon")
def test_json_is_one_object_and_nothing_else(cidx: Any, checkout: Checkout) -> None:
    ran = cidx("sync", "--timeout", "5", "--json", cwd=checkout.folder)
    assert json.loads(ran.out)["status"] == "completed"
    assert ran.out.count("\n") == 1


def test_a_daemon_that_dies_before_the_answer_is_started_again_and_asked_the_same(
    daemon: Any, cidx: Any, checkout: Checkout
) -> None:
    daemon.behave("drop-once")
    ran = cidx("sync", cwd=checkout.folder)
    assert ran.code == 0, ran.err
    first, second = daemon.asked("POST", "/api/sync")
    assert first["key"] == second["key"]
    assert first["pid"] != second["pid"]
    assert second["token"]


@pytest.mark.usefixtures("daemon")
def test_without_a_stream_following_falls_back_to_asking(cidx: Any, checkout: Checkout) -> None:
    ran = cidx("sync", "--follow", cwd=checkout.folder)
    assert ran.code == 0, ran.err
    assert "no live stream is to be had" in ran.err
    assert ran.out.splitlines()[1:] == [
        *("fetch", "diff", "index", "validate", "publish"),
        f"job {JOB_ID}: completed, updated in 1.50 s",
        "  cost      1.50 s elapsed",
    ]


@pytest.mark.usefixtures("daemon")
def test_followed_json_is_every_event_and_last_the_job(cidx: Any, checkout: Checkout) -> None:
    ran = cidx("sync", "--follow", "--json", cwd=checkout.folder)
    assert ran.code == 0, ran.err
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert [list(line) for line in lines] == [["event"], ["event"], ["job"]]
    assert lines[1]["event"]["type"] == "completed"
    assert lines[2]["job"]["job_id"] == JOB_ID


def test_ctrl_c_while_waiting_exits_130_and_the_job_goes_on(
    daemon: Any, checkout: Checkout
) -> None:
    daemon.behave("slow-job")
    child = subprocess.Popen(
        [sys.executable, "-m", "cidx", "sync", "--timeout", "60"],
        cwd=checkout.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline().startswith("job ")
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=20)
    assert (child.returncode, out) == (130, "")
    assert f"error: interrupted; the job goes on: {JOB_ID}" in err
    assert "Traceback" not in err


@pytest.mark.usefixtures("daemon")
def test_a_reader_that_goes_away_is_no_traceback() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "cidx", "up"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def test_up_status_and_down_of_the_embedded_daemon(daemon: Any, cidx: Any) -> None:
    stopped = cidx("status", "--json")
    assert (stopped.code, json.loads(stopped.out)["server_url"]) == (3, None)
    assert "hint: cidx up" in stopped.err
    url = cidx("up").out.strip()
    assert json.loads(cidx("status", "--json").out)["server_url"] == url
    assert cidx("auth", "token").out.strip() == daemon.runtime()["token"]
    assert cidx("down").err == "stopped\n"
    assert cidx("down").err == "the embedded daemon was not running\n"


def test_status_shows_what_keeps_jobs_from_starting(daemon: Any, cidx: Any) -> None:
    daemon.behave("trouble")
    cidx("up")
    told = [line for line in cidx("status").out.splitlines() if line[:12].strip() in {"queue", ""}]
    host = "example.org has been unreachable since 14:02 UTC; next try in 4 s (2 jobs wait)"
    assert told == ["queue       paused by ada: a new disk", f"            {host}"]
    assert json.loads(cidx("status", "--json").out)["queue"]["incidents"][0]["waiting"] == 2


def test_status_of_a_server_that_tells_nothing_of_its_queue(daemon: Any, cidx: Any) -> None:
    daemon.behave("")
    cidx("up")
    ran = cidx("status", "--json")
    assert (ran.code, json.loads(ran.out)["queue"]) == (0, None)


@pytest.mark.usefixtures("daemon")
def test_link_remembers_in_the_checkouts_own_configuration(cidx: Any, checkout: Checkout) -> None:
    cidx("sync", cwd=checkout.folder)
    assert cidx("link", cwd=checkout.folder).code == 0
    assert checkout.git("config", "--local", "cidx.repository") == "work"
    assert checkout.git("config", "--local", "cidx.server") == "local"


def test_a_cancel_without_force_is_what_a_server_that_knows_no_force_takes(
    cidx: Any, checkout: Checkout, daemon: Any
) -> None:
    cidx("sync", cwd=checkout.folder)
    for more in ((), ("--force",)):
        cidx("jobs", "cancel", JOB_ID, *more, cwd=checkout.folder)
    sent = [one["body"] for one in daemon.asked("POST", f"/api/jobs/{JOB_ID}/cancel")]
    assert sent == [{"reason": ""}, {"reason": "", "force": True}]


def test_an_unreachable_server_exits_3(cidx: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIDX_SERVER", "http://127.0.0.1:9")
    monkeypatch.setenv("CIDX_TOKEN", "x")
    ran = cidx("jobs", "list")
    assert ran.code == 3
    assert "error: the server cannot be reached: http://127.0.0.1:9: connection refused" in ran.err


def test_a_server_without_a_session_exits_4(cidx: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIDX_SERVER", "https://cidx.example.org/")
    ran = cidx("jobs", "list")
    assert (ran.code, ran.out) == (4, "")
    assert "hint: cidx login https://cidx.example.org" in ran.err
