"""The daemon's sockets, and whether anybody uses them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final

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

_BACKLOG: Final = 4096  # connections that wait in an inherited socket while no daemon runs
_LAST_WORDS_S: Final = 0.2  # for the questions of those who were let in just before the door closed


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
    inherited: Sequence[int] = (),
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
        inherited: Descriptors of sockets to listen on in place of *address*; they stay open
            elsewhere, so that connections wait there between this daemon and the next.

    Raises:
        InvalidError: `port-taken`, unless any other port is as good; `socket-unusable`.
    """
    app = application(routes, identity, activity.note, is_loopback_only=is_private)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=2.0)
    await runner.setup()
    try:
        if inherited and not is_private:
            yield await _taken_over(runner, inherited)
        else:
            site = await _bound(runner, address, is_any_port_good=is_private)
            url = _url((address[0], runner.addresses[-1][1]))
            yield Door(url, lambda: _closed(runner, site))
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
    app = application([*admin.routes(ledger, identity, clock, data), *more], None, lambda: None)
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


async def _taken_over(runner: web.AppRunner, descriptors: Sequence[int]) -> Door:
    """Listen on *descriptors*; the door has the address of the first one."""
    sites: list[web.SockSite] = []
    for descriptor in descriptors:
        site = web.SockSite(runner, _inherited(descriptor), backlog=_BACKLOG)
        await site.start()
        _log.info("socket_inherited", descriptor=descriptor, url=_url(runner.addresses[-1]))
        sites.append(site)

    async def close() -> None:
        # A server that is closed drops whom it let in within the same turn of the loop.
        for descriptor in descriptors:
            asyncio.get_running_loop().remove_reader(descriptor)
        await asyncio.sleep(_LAST_WORDS_S)
        for site in sites:
            await site.stop()

    return Door(_url(runner.addresses[0]), close)


def _inherited(descriptor: int) -> socket.socket:
    """Return the socket that is open as *descriptor*; children do not get it."""
    with contextlib.suppress(OSError):  # it is no socket at all
        made = socket.socket(fileno=descriptor)
        is_listening = made.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        if is_listening and made.type is socket.SOCK_STREAM:
            made.set_inheritable(False)
            return made
    raise InvalidError(
        f"descriptor {descriptor}, from the service manager, is no socket to listen on",
        code="socket-unusable",
        hint="the socket unit is to have ListenStream= and no Accept=yes",
    )


def _url(address: Any) -> str:  # noqa: ANN401 - a path, or host and port with more behind them
    """Return where clients find what listens at *address*."""
    if isinstance(address, str):
        return f"unix:{address}"
    host, port = address[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
