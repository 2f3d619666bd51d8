"""The daemon's sockets, and whether anybody uses them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import structlog
from aiohttp import web

from cidxd.errors import InvalidError
from cidxd.store.ledger import Ledger
from cidxd.web import admin
from cidxd.web.identity import Identity
from cidxd.web.route import Route
from cidxd.web.server import application
from cidxd.work.folders import DataFolder

_log = structlog.get_logger()


class Activity:
    """When the last request came, in seconds of the running loop's clock."""

    def __init__(self) -> None:
        self.note()

    def note(self) -> None:
        """A request came."""
        self._last = asyncio.get_running_loop().time()

    async def idle(self, idle_s: float, is_busy: Callable[[], bool]) -> None:
        """Wait until there was no request for *idle_s* seconds, and nothing else is going on."""
        while True:
            left = self._last + idle_s - asyncio.get_running_loop().time()
            if left <= 0 and not is_busy():
                _log.info("idle")
                return
            await asyncio.sleep(max(left, min(idle_s, 5.0)))


@dataclasses.dataclass(frozen=True, slots=True)
class Door:
    """Where requests come in; closed, also twice, those connected already are still answered."""

    url: str
    close: Callable[[], Awaitable[None]]


@contextlib.asynccontextmanager
async def listening(
    routes: Sequence[Route],
    identity: Identity,
    address: tuple[str, int],
    activity: Activity,
    *,
    is_private: bool,
) -> AsyncIterator[Door]:
    """
    Answer requests for the length of the context.

    Args:
        routes: What there is.
        identity: Tells who asks.
        address: Host and port.
        activity: Told of every request.
        is_private: One user's daemon: any port is as good, and a Host header that is not
            loopback is refused, for a page elsewhere may have its name point here.

    Raises:
        InvalidError: `port-taken`, unless any other port is as good.
    """
    app = application(routes, identity, activity.note, is_loopback_only=is_private)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=2.0)
    await runner.setup()
    try:
        site = await _bound(runner, address, is_any_port_good=is_private)
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        yield Door(f"http://{host}:{runner.addresses[-1][1]}", lambda: _closed(runner, site))
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def admin_socket(
    data: DataFolder,
    ledger: Ledger,
    identity: Identity,
    clock: Callable[[], float],
    more: Sequence[Route] = (),
) -> AsyncIterator[None]:
    """Answer the `cidxd` command, and what *more* there is, on a socket only this user can open."""
    app = application([*admin.routes(ledger, identity, clock), *more], None, lambda: None)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        data.admin_socket.unlink(missing_ok=True)
        await web.UnixSite(runner, str(data.admin_socket)).start()
        data.admin_socket.chmod(0o600)
        yield
    finally:
        data.admin_socket.unlink(missing_ok=True)
        await runner.cleanup()


async def _closed(runner: web.AppRunner, site: web.BaseSite) -> None:
    if site in runner.sites:
        await site.stop()


async def _bound(
    runner: web.AppRunner, address: tuple[str, int], *, is_any_port_good: bool
) -> web.TCPSite:
    host, port = address
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError as err:
        if not is_any_port_good:
            raise InvalidError(
                f"cannot listen on {host}:{port}: {os.strerror(err.errno or 0).lower()}",
                code="port-taken",
                hint="stop what uses the port, or set server.listen",
            ) from err
        site = web.TCPSite(runner, host, 0)
        await site.start()
    return site
