from __future__ import annotations

import fcntl
import json
import os
import signal
import stat
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cidx import local
from cidx.errors import Exit, UnreachableError


def test_the_first_start_makes_a_private_folder_and_returns_the_daemons_word(daemon: Any) -> None:
    runtime = local.ensure(daemon.folder)
    assert runtime == local.running(daemon.folder)
    assert runtime.pid == daemon.runtime()["pid"]
    assert stat.S_IMODE(daemon.folder.stat().st_mode) == 0o700


def test_a_daemon_that_runs_is_used_and_no_second_one_is_started(daemon: Any) -> None:
    first = local.ensure(daemon.folder)
    assert local.ensure(daemon.folder) == first


def test_clients_that_start_it_at_once_share_one_daemon(daemon: Any) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: local.ensure(daemon.folder), range(4)))
    assert len({runtime.pid for runtime in found}) == 1


def test_a_runtime_file_without_its_daemon_is_not_believed(daemon: Any) -> None:
    first = local.ensure(daemon.folder)
    daemon.kill()
    assert (daemon.folder / "daemon.json").exists()
    assert local.running(daemon.folder) is None
    assert local.ensure(daemon.folder).pid != first.pid


def test_the_daemon_outlives_a_signal_to_the_clients_group(daemon: Any) -> None:
    runtime = local.ensure(daemon.folder)
    assert os.getsid(runtime.pid) == runtime.pid
    assert Path(f"/proc/{runtime.pid}/cwd").readlink() == Path("/")


def test_a_git_hooks_variables_do_not_reach_the_daemon(
    daemon: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", "/somewhere/.git")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    runtime = local.ensure(daemon.folder)
    environment = Path(f"/proc/{runtime.pid}/environ").read_bytes().split(b"\0")
    assert b"SSH_AUTH_SOCK=/run/agent" in environment
    assert not any(entry.startswith(b"GIT_DIR=") for entry in environment)


def test_a_daemon_that_cannot_start_is_quoted(daemon: Any) -> None:
    daemon.behave("crash")
    with pytest.raises(UnreachableError, match="newer than this program") as caught:
        local.ensure(daemon.folder)
    assert caught.value.exit_code == Exit.UNREACHABLE
    assert "daemon.log" in caught.value.hint


def test_one_that_lost_the_race_is_followed_by_a_wait_for_the_winner(daemon: Any) -> None:
    daemon.folder.mkdir(parents=True)
    winner = {"url": "http://127.0.0.1:9", "pid": 1, "version": "0.1.0", "wire": 1, "token": "t"}
    with (daemon.folder / "daemon.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        def finish_starting() -> None:
            (daemon.folder / "new").write_text(json.dumps(winner))
            (daemon.folder / "new").rename(daemon.folder / "daemon.json")

        timer = threading.Timer(0.2, finish_starting)
        timer.start()
        assert local.ensure(daemon.folder).token == "t"
        timer.join()
    (daemon.folder / "daemon.json").unlink()


def test_nobody_wins_is_an_error_and_not_an_endless_loop(daemon: Any) -> None:
    daemon.behave("lose")
    with pytest.raises(UnreachableError, match=r"neither started|took too long"):
        local.ensure(daemon.folder, timeout_s=1)


def test_a_daemon_of_another_wire_is_not_talked_to(daemon: Any) -> None:
    daemon.behave("unreadable")
    with pytest.raises(UnreachableError, match="do not understand") as caught:
        local.ensure(daemon.folder)
    assert caught.value.hint.startswith("cidx down")


def test_stopping_waits_until_the_lock_is_free(daemon: Any) -> None:
    local.ensure(daemon.folder)
    assert local.stop(daemon.folder) is True
    assert not local.is_locked(daemon.folder)
    assert local.stop(daemon.folder) is False


def test_a_daemon_that_does_not_listen_is_terminated(daemon: Any) -> None:
    runtime = local.ensure(daemon.folder)
    changed = {**daemon.runtime(), "url": "http://127.0.0.1:9"}
    (daemon.folder / "daemon.json").write_text(json.dumps(changed))
    assert local.stop(daemon.folder) is True
    with pytest.raises(ProcessLookupError):
        os.kill(_reaped(runtime.pid), signal.SIG_DFL)


def _reaped(pid: int) -> int:
    os.waitpid(pid, 0)
    return pid


def test_without_cidxd_the_hint_is_to_log_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cidxd", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(UnreachableError, match="not installed") as caught:
        local.ensure(home / "data" / "cidx")
    assert "cidx login" in caught.value.hint
