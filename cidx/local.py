"""
The embedded daemon of this user: is it there, start it, stop it.

The daemon holds an exclusive lock on `daemon.lock` for as long as it lives, and writes
`daemon.json` once it listens.  That file is believed only while the lock is held: one left
behind by a killed daemon names a port that anybody may have by now.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import select
import signal
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from cidx import settings
from cidx.__about__ import VERSION, WIRE
from cidx.errors import ClientError, ProblemError, UnreachableError
from cidx.wire import Connection, body_of

if TYPE_CHECKING:
    from pathlib import Path

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 30.0
_LOOK_AGAIN_S = 0.05
_LOG_LINES = 8
_LOG_TAIL_BYTES = 8192

# A daemon is meant to outlive us; a collected Popen of a living child warns about it.
_left_running: list[object] = []


class Runtime(NamedTuple):
    """What a running daemon says of itself in `daemon.json`."""

    url: str
    pid: int
    version: str
    wire: int
    token: str


def running(folder: Path) -> Runtime | None:
    """
    Return the daemon that serves *folder*, if one is ready.

    Raises:
        ClientError: The folder or its files are another user's.
    """
    return _runtime(folder) if is_locked(folder) else None


def is_locked(folder: Path) -> bool:
    """Tell whether a daemon lives: one that starts, serves, or is stopping."""
    try:
        descriptor = os.open(folder / "daemon.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as err:
        raise _unusable(folder, err) from err
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def ensure(folder: Path, *, timeout_s: float = START_TIMEOUT_S) -> Runtime:
    """
    Return the daemon that serves *folder*; start one if there is none.

    Another process may start one at the same moment, and one that stops keeps its lock to
    the end: both are waited for.

    Raises:
        UnreachableError: cidxd is not installed, it cannot start, or it speaks another wire.
    """
    _make(folder)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if is_locked(folder):
            runtime = _runtime(folder)
            if runtime is not None:
                return _checked(runtime)
            time.sleep(_LOOK_AGAIN_S)
        elif not _start(folder, deadline):
            time.sleep(_LOOK_AGAIN_S)
    raise UnreachableError(
        f"the embedded daemon neither started nor stopped within {timeout_s:g} s",
        hint=_log_hint(folder),
    )


def stop(folder: Path, *, timeout_s: float = STOP_TIMEOUT_S) -> bool:
    """
    Stop the daemon that serves *folder*, and wait until it is gone.

    Returns:
        False if there was none.

    Raises:
        UnreachableError: It still lives after *timeout_s*.
    """
    runtime = running(folder)
    if runtime is None and not is_locked(folder):
        return False
    if runtime is not None and not _asked_to_stop(runtime):
        _terminate(folder, runtime.pid)
    deadline = time.monotonic() + timeout_s
    while is_locked(folder):
        if time.monotonic() > deadline:
            raise UnreachableError(
                f"the embedded daemon is still stopping after {timeout_s:g} s",
                hint=_log_hint(folder),
            )
        time.sleep(_LOOK_AGAIN_S)
    return True


def _log_hint(folder: Path) -> str:
    return f"see its log: {folder / 'daemon.log'}"


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = folder.stat()
        if facts.st_uid != os.getuid():
            raise ClientError(
                f"the data folder belongs to another user: {folder}",
                hint="point XDG_DATA_HOME at a folder of your own",
            )
        if stat.S_IMODE(facts.st_mode) & 0o077:
            folder.chmod(0o700)
    except OSError as err:
        raise _unusable(folder, err) from err


def _unusable(folder: Path, err: OSError) -> ClientError:
    return ClientError(
        f"the data folder cannot be used: {folder}: {(err.strerror or str(err)).lower()}",
        hint="point XDG_DATA_HOME at a folder of your own",
    )


def _runtime(folder: Path) -> Runtime | None:
    try:
        content = json.loads((folder / "daemon.json").read_bytes())
        return Runtime(
            url=str(content["url"]).rstrip("/"),
            pid=int(content["pid"]),
            version=str(content["version"]),
            wire=int(content["wire"]),
            token=str(content["token"]),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise UnreachableError(
            f"the daemon's runtime file makes no sense: {folder / 'daemon.json'}",
            hint="cidx down, then try again",
        ) from err


def _checked(runtime: Runtime) -> Runtime:
    if runtime.wire != WIRE:
        raise UnreachableError(
            f"the running daemon is version {runtime.version} and this client is {VERSION}: "
            "they do not understand each other",
            hint="cidx down, then try again",
        )
    return runtime


def _start(folder: Path, deadline: float) -> bool:
    """Start a daemon; return whether it got ready, False if another one was faster."""
    if importlib.util.find_spec("cidxd") is None:
        raise UnreachableError(
            "no server is configured, and the daemon is not installed here",
            hint="use a server: cidx login URL",
        )
    ours, theirs = os.pipe()
    try:
        try:
            process = _spawn(folder, theirs)
        finally:
            os.close(theirs)
        _left_running.append(process)
        word = _first_word(ours, deadline, _log_hint(folder))
    finally:
        os.close(ours)
    if word.startswith(b"READY"):
        return True
    if _exit_code(process, deadline) == 0:
        return False
    raise UnreachableError(
        f"the embedded daemon could not start{_last_words(folder)}", hint=_log_hint(folder)
    )


def _exit_code(process: subprocess.Popen[bytes], deadline: float) -> int | None:  # noqa: TID251 - a type
    try:
        return process.wait(timeout=max(1.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return None


def _spawn(folder: Path, ready_fd: int) -> subprocess.Popen[bytes]:  # noqa: TID251 - a type
    argv = [sys.executable, "-m", "cidxd", "serve", "--embedded"]
    log = os.open(folder / "daemon.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(  # noqa: TID251 - the daemon's one start
            [*argv, "--data", str(folder), "--ready-fd", str(ready_fd)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=settings.daemon_environment(),
            pass_fds=(ready_fd,),
            start_new_session=True,
        )
    except OSError as err:
        raise UnreachableError(f"the embedded daemon could not start: {err.strerror}") from err
    finally:
        os.close(log)


def _first_word(descriptor: int, deadline: float, hint: str) -> bytes:
    """Return what the daemon wrote up to the end of its line, or to the end of the pipe."""
    said = b""
    while b"\n" not in said:
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not select.select([descriptor], [], [], left_s)[0]:
            raise UnreachableError("the embedded daemon took too long to start", hint=hint)
        chunk = os.read(descriptor, 4096)
        if not chunk:
            break
        said += chunk
    return said


def _last_words(folder: Path) -> str:
    try:
        with (folder / "daemon.log").open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return "".join(f"\n  {line}" for line in lines[-_LOG_LINES:])


def _asked_to_stop(runtime: Runtime) -> bool:
    connection = Connection(runtime.url)
    headers = {"Authorization": f"Bearer {runtime.token}"}
    try:
        body_of(
            connection.exchange("POST", "/api/shutdown", headers=headers, timeout_s=5), runtime.url
        )
    except (UnreachableError, ProblemError):
        return False
    finally:
        connection.close()
    return True


def _terminate(folder: Path, pid: int) -> None:
    # The lock says that the daemon which wrote this id still lives, so the id is still its own.
    if is_locked(folder):
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            return
        except PermissionError as err:
            raise UnreachableError(f"the daemon may not be stopped by this user: {pid}") from err
