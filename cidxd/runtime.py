"""
How others reach the daemon's process.

A client finds the daemon that it started by the runtime file, the token and the ready
pipe; signals tell the daemon what to do.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import secrets
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

import click
import orjson

from cidxd.__about__ import VERSION, WIRE
from cidxd.config import Config
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
    """Tells that requests are answered: the runtime file, then the starter's pipe."""

    def __init__(self, folder: DataFolder, token: str | None, ready_fd: int | None) -> None:
        self._runtime = folder.runtime
        self._token = token
        self._ready_fd = ready_fd
        self._runtime.unlink(missing_ok=True)

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
        else:
            click.echo(f"cidxd {VERSION} at {url}", err=True)

    def withdraw(self) -> None:
        """Remove the runtime file; the lock is still held."""
        self._runtime.unlink(missing_ok=True)


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
        reread=reread,
        on_ready=ready.tell,
        on_stopping=ready.withdraw,
    )
