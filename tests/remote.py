"""
A git remote over HTTP that can lie: `git http-backend` behind a handler that misbehaves on order.

    async with Remote(folder) as remote:
        remote.url                          # http://127.0.0.1:PORT/repo.git
        remote.lie = Lie(status=503)        # every request from now on
        remote.lie = None                   # the truth again

    with RemoteThread(folder) as remote:    # the same, on a loop of its own in a thread
        ...
"""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import os
import threading
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

_HOP_HEADERS = {"connection", "transfer-encoding", "content-length"}
_PATIENCE_S = 10.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lie:
    """
    How the remote misbehaves.

    Attributes:
        status: Answered with, instead of the truth.
        headers: Sent with `status`, such as Retry-After or Location.
        drop_after: The connection is cut after so many bytes of an answer's body.
        corrupt_pack: Bytes in the middle of a pack are others than they were.
        silent_s: It says nothing for so long, and then the truth.
        hang: No answer ever comes, but the connection stays.
        bytes_per_s: The body comes no faster.
        every_s: And in steps so far apart.
        only_service: Lie about requests whose path ends so, such as "git-upload-pack".
        times: So many requests only, then the truth; None for all.
    """

    status: int | None = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    drop_after: int | None = None
    corrupt_pack: bool = False
    silent_s: float = 0.0
    hang: bool = False
    bytes_per_s: int | None = None
    every_s: float = 0.05
    only_service: str = ""
    times: int | None = None


class Remote:
    """
    Serves the repository in *folder*, bare or a checkout; with basic auth if *user* is given.

    Attributes:
        speaks_v2: It follows git's wish for another protocol than the oldest.
        received: The bodies of what was posted to git-upload-pack, in order.
        sent_bytes: How many bytes it answered with.
    """

    scheme = "http"
    host = ""  # it is called by; its address where it has no name

    def __init__(
        self, folder: Path, *, user: str = "", password: str = "", address: str = "127.0.0.1"
    ) -> None:
        self._folder = folder
        self._address = address
        self.takes(user, password)
        self.speaks_v2 = True
        self.received: list[bytes] = []
        self.sent_bytes = 0
        self._released = asyncio.Event()
        self.lie: Lie | None = None
        self.requests: list[str] = []  # method and path of each, in order
        self.arrived = asyncio.Event()  # set by every request; clear it to wait for the next
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/repo.git{rest:.*}", self._answer)
        app.router.add_route("*", "/{alias}/repo.git{rest:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await self._site(self._runner).start()
        host = self.host or self._address
        self.url = f"{self.scheme}://{host}:{self._runner.addresses[0][1]}/repo.git"
        return self

    def _site(self, runner: web.AppRunner) -> web.BaseSite:
        return web.TCPSite(runner, self._address, 0)

    def takes(self, user: str, password: str = "") -> None:
        """Let in who proves to be *user* from now on; everybody if that is ""."""
        told = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._expected = f"Basic {told}" if user else ""

    def url_of(self, alias: str) -> str:
        """Return the same repository's address as that of another one on this host."""
        return self.url.replace("/repo.git", f"/{alias}/repo.git")

    async def __aexit__(
        self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None
    ) -> None:
        self._released.set()
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        self.arrived.set()
        if self._expected and request.headers.get("Authorization") != self._expected:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="git"'})
        lie = self._lie_for(request.path)
        if lie.hang:
            await self._released.wait()
        await asyncio.sleep(lie.silent_s)
        if lie.status is not None:
            return web.Response(status=lie.status, headers=lie.headers)
        status, headers, body = await self._truth(request)
        if lie.corrupt_pack:
            body = _with_a_corrupt_pack(body)
        self.sent_bytes += len(body)
        return await _sent(request, status, headers, body, lie)

    def _lie_for(self, path: str) -> Lie:
        lie = self.lie
        if lie is None or not path.endswith(lie.only_service):
            return Lie()
        if lie.times is not None:
            self.lie = dataclasses.replace(lie, times=lie.times - 1) if lie.times > 1 else None
        return lie

    async def _truth(self, request: web.Request) -> tuple[int, dict[str, str], bytes]:
        body = await request.read()
        if request.method == "POST":
            self.received.append(body)
        backend = await asyncio.create_subprocess_exec(
            "git",
            "http-backend",
            env=self._cgi(request, len(body)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            printed, _ = await backend.communicate(body)
        finally:
            if backend.returncode is None:  # who asked has gone, or the remote closes
                backend.kill()
                await backend.wait()
        head, _, content = printed.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = int(headers.pop("Status", "200 OK").split()[0])
        return status, headers, content

    def _cgi(self, request: web.Request, length: int) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self._folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", "") if self.speaks_v2 else "",
            "PATH_INFO": request.match_info["rest"],
            "QUERY_STRING": request.query_string,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            # aiohttp has unpacked a gzipped body by now, so its encoding is not passed on.
            "CONTENT_LENGTH": str(length),
            "REMOTE_ADDR": "127.0.0.1",
        }


class RemoteThread(Remote):
    """The same for tests that block: `with RemoteThread(folder) as remote`."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="remote", daemon=True)
        self._thread.start()
        self._run(self.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None
    ) -> None:
        try:
            self._run(self.__aexit__(kind, err, at))
            self._run(_nothing_left())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_PATIENCE_S)
            self._loop.close()

    def _run(self, work: Coroutine[Any, Any, object]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_S)


async def _nothing_left() -> None:
    """End what the loop still has to do, such as requests that hang."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


async def _sent(
    request: web.Request, status: int, headers: dict[str, str], body: bytes, lie: Lie
) -> web.StreamResponse:
    kept = {name: value for name, value in headers.items() if name.lower() not in _HOP_HEADERS}
    answer = web.StreamResponse(status=status, headers=kept)
    await answer.prepare(request)
    until = len(body) if lie.drop_after is None else min(lie.drop_after, len(body))
    step = int((lie.bytes_per_s or 0) * lie.every_s) or max(until, 1)
    for begin in range(0, until, step):
        await answer.write(body[begin : min(begin + step, until)])
        if lie.bytes_per_s:
            await asyncio.sleep(lie.every_s)
    if until < len(body) and request.transport is not None:
        request.transport.abort()
    else:
        await answer.write_eof()
    return answer


def _with_a_corrupt_pack(body: bytes) -> bytes:
    begin = body.find(b"PACK")
    return body if begin < 0 else body[: begin + 20] + b"\xff" * 8 + body[begin + 28 :]
