"""The daemon's sockets, and whether anybody uses them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import resource
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final

import structlog
from aiohttp import web

from cidxd.config import Config, Server
from cidxd.errors import InvalidError
from cidxd.model import instant
from cidxd.model.forwarding import Proxies
from cidxd.store.ledger import Ledger
from cidxd.web import admin, tls
from cidxd.web.doorway import Runner
from cidxd.web.gate import Gate
from cidxd.web.identity import Identity
from cidxd.web.route import Route
from cidxd.web.server import application
from cidxd.web.services import Services
from cidxd.work.folders import DataFolder

_log = structlog.get_logger()

_BACKLOG: Final = 4096  # connections that wait in an inherited socket while no daemon runs
_BURST: Final = 1024  # connections that wait to be accepted
_OTHER_FILES: Final = 256  # descriptors that are no client's: the database, logs, children's pipes
_FEWEST: Final = 64
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
    services: Services,
    config: Config,
    activity: Activity,
    *,
    is_private: bool,
    inherited: Sequence[int] = (),
    on_reload: list[Callable[[], None]] | None = None,
) -> AsyncIterator[Door]:
    """
    Answer requests for the length of the context.

    Args:
        routes: What there is.
        services: Tells who asks, and counts.
        config: Where to listen, and the limits.
        activity: Told of every request.
        is_private: One user's daemon: any port is as good, and a Host header that is not
            loopback is refused, for a page elsewhere may have its name point here.
        inherited: Descriptors of sockets to listen on in place of the address; they stay open
            elsewhere, so that connections wait there between this daemon and the next.
        on_reload: Gets what is to be called when the configuration was read again.

    Raises:
        InvalidError: `port-taken`, unless any other port is as good; `socket-unusable`.
        TlsError: The certificate cannot be used.
    """
    gate = _gate(config, services, is_private=is_private)
    app = application(
        routes,
        services.identity,
        activity.note,
        is_loopback_only=is_private,
        gate=gate,
        server=config.server,
    )
    secured = _certificate(config.server, services.clock, on_reload)
    runner = Runner(app, gate, secured)
    await runner.setup()
    try:
        if inherited and not is_private:
            yield await _taken_over(runner, inherited, secured)
        else:
            address = (config.server.host, config.server.port)
            site = await _bound(runner, address, is_any_port_good=is_private)
            url = _url((address[0], runner.addresses[-1][1]), secured)
            yield Door(url, lambda: _closed(runner, site))
    finally:
        await runner.cleanup()


def _gate(config: Config, services: Services, *, is_private: bool) -> Gate:
    """Return the gate of a daemon; there is a descriptor for each connection that it lets in."""
    wanted = config.http.connections
    most = min(wanted, max(_FEWEST, _descriptors(wanted + _OTHER_FILES) - _OTHER_FILES))
    if most < wanted:
        _log.warning("connections_limited", wanted=wanted, most=most)
    terms = config.http.model_copy(update={"connections": most})
    proxies = Proxies(config.server.trusted_proxies)
    return Gate(terms, proxies, services.metrics.http, is_toll_free=is_private)


def _descriptors(wanted: int) -> int:
    """Let this process have so many open files, if it may; return how many it may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft


def _certificate(
    server: Server, clock: Callable[[], float], on_reload: list[Callable[[], None]] | None
) -> ssl.SSLContext | None:
    """Return what TLS is served with, if it is; its files are read again with the configuration."""
    if server.tls_certificate is None or server.tls_key is None:
        return None
    pair = tls.Pair(server.tls_certificate, server.tls_key)
    made = tls.context(pair)
    _tell_of(pair, clock)

    def reload() -> None:
        try:
            tls.reload(made, pair)
        except tls.TlsError as err:
            _log.warning("tls_refused", error=err.message)
        else:
            _tell_of(pair, clock)

    if on_reload is not None:
        on_reload.append(reload)
    return made


def _tell_of(pair: tls.Pair, clock: Callable[[], float]) -> None:
    """Log until when the certificate is good, which may be over."""
    ends_at = tls.not_after(pair)
    say = _log.info if ends_at > clock() else _log.warning
    say(
        "tls_loaded" if ends_at > clock() else "tls_expired",
        certificate=str(pair.certificate),
        not_after=instant.to_wire(ends_at),
    )


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
    runner: Runner, address: tuple[str, int], *, is_any_port_good: bool
) -> web.TCPSite:
    host, port = address
    site = web.TCPSite(runner, host, port, backlog=_BURST)
    try:
        await site.start()
    except OSError as err:
        if not is_any_port_good:
            raise InvalidError(
                f"cannot listen on {host}:{port}: {os.strerror(err.errno or 0).lower()}",
                code="port-taken",
                hint="stop what uses the port, or set server.listen",
            ) from err
        site = web.TCPSite(runner, host, 0, backlog=_BURST)
        await site.start()
    return site


async def _taken_over(
    runner: Runner, descriptors: Sequence[int], secured: ssl.SSLContext | None
) -> Door:
    """Listen on *descriptors*; the door has the address of the first one."""
    sites: list[web.SockSite] = []
    for descriptor in descriptors:
        site = web.SockSite(runner, _inherited(descriptor), backlog=_BACKLOG)
        await site.start()
        url = _url(runner.addresses[-1], secured)
        _log.info("socket_inherited", descriptor=descriptor, url=url)
        sites.append(site)

    async def close() -> None:
        # A server that is closed drops whom it let in within the same turn of the loop.
        for descriptor in descriptors:
            asyncio.get_running_loop().remove_reader(descriptor)
        await asyncio.sleep(_LAST_WORDS_S)
        for site in sites:
            await site.stop()

    return Door(_url(runner.addresses[0], secured), close)


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


def _url(address: Any, secured: ssl.SSLContext | None) -> str:  # noqa: ANN401 - a path, or host, port, more
    """Return where clients find what listens at *address*."""
    if isinstance(address, str):
        return f"unix:{address}"
    host, port = address[:2]
    scheme = "http" if secured is None else "https"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
