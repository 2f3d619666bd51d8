"""
How others reach the daemon's process.

A client finds the daemon that it started by the runtime file, the token and the ready
pipe; signals tell the daemon what to do.
"""

from __future__ import annotations

import asyncio
import getpass
import math
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click
import orjson

from cidxd import config as settings
from cidxd.__about__ import VERSION, WIRE
from cidxd.config import Config
from cidxd.notify import Manager
from cidxd.work.folders import DataFolder

if TYPE_CHECKING:
    from cidxd import app


def user_name() -> str:
    """Return this process's user, by name where there is one."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no name for this uid, as in a bare container
        return f"uid-{os.getuid()}"


def own_token(folder: DataFolder) -> str:
    """Return the embedded daemon's token: the same after a restart, so that scripts go on."""
    path = folder.root / "token"
    try:
        return path.read_text("ascii").strip()
    except FileNotFoundError:
        token = secrets.token_urlsafe(32)
        path.touch(mode=0o600)
        path.write_text(token, "ascii")
        return token


class Ready:
    """
    Tells that requests are answered: the runtime file, the starter's pipe, the service manager.

    Attributes:
        beat_s: How often to say that the daemon lives: twice in the time after which the
            manager would take it for hung.
    """

    def __init__(self, folder: DataFolder, token: str | None, ready_fd: int | None) -> None:
        self._runtime = folder.runtime
        self._token = token
        self._ready_fd = ready_fd
        self._runtime.unlink(missing_ok=True)
        self._manager = Manager(settings.notify_socket())
        self._watchdog_s = settings.watchdog_s()
        self.beat_s = math.inf if self._watchdog_s is None else self._watchdog_s / 2

    def tell(self, url: str) -> None:
        """Write where the daemon is to be found."""
        if self._token is not None:
            document = {
                "url": url,
                "pid": os.getpid(),
                "version": VERSION,
                "wire": WIRE,
                "token": self._token,
            }
            draft = self._runtime.with_suffix(".new")
            draft.touch(mode=0o600)
            draft.write_bytes(orjson.dumps(document))
            draft.replace(self._runtime)
        if self._ready_fd is not None:
            os.write(self._ready_fd, f"READY {url}\n".encode())
            os.close(self._ready_fd)
        elif sys.stderr.isatty():  # elsewhere there are only lines of the log
            click.echo(f"cidxd {VERSION} at {url}", err=True)
        self._manager.tell("READY=1", f"STATUS=serving at {url}")

    def withdraw(self, patience_s: float) -> None:
        """Remove the runtime file; the lock is still held, for *patience_s* seconds at most."""
        self._runtime.unlink(missing_ok=True)
        self._manager.tell("STOPPING=1", f"EXTEND_TIMEOUT_USEC={patience_s * 1e6:.0f}")

    def reread(self, reread: Callable[[], Config]) -> Config:
        """Return what *reread* does; the manager is told that it goes on."""
        self._manager.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            return reread()
        finally:
            self._manager.tell("READY=1")

    def tell_alive(self, words: str) -> None:
        """Say that the daemon does not hang, and in a few *words* what it does."""
        self._manager.tell(*(["WATCHDOG=1"] if self._watchdog_s else []), f"STATUS={words}")


async def until_told(
    config: Config,
    embedding: app.Embedding | None,
    ready: Ready,
    reread: Callable[[], Config],
) -> None:
    """
    Serve until SIGTERM or SIGINT; a second one does not wait for running jobs.

    SIGHUP reads the configuration again.
    """
    from cidxd import app  # noqa: PLC0415 - aiohttp costs a third of a second
    from cidxd.work.vitals import Beat  # noqa: PLC0415 - likewise

    stop, hurry, hangup = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def told() -> None:
        (hurry if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, told)
    loop.add_signal_handler(signal.SIGHUP, hangup.set)
    await app.serve(
        config,
        embedding=embedding,
        stop=stop,
        hurry=hurry,
        hangup=hangup,
        reread=lambda: ready.reread(reread),
        on_ready=ready.tell,
        on_stopping=ready.withdraw,
        beat=Beat(ready.beat_s, ready.tell_alive),
    )
