"""
The `cidxd` command's way to the store: through a running daemon, or holding its lock.

There is never a second writer: without a daemon the command takes the data folder's
lock and answers its own question on the same admin socket.
"""

from __future__ import annotations

from typing import Any, Final

import aiohttp

from cidxd import app
from cidxd.config import Config
from cidxd.errors import CidxdError, LockHeldError
from cidxd.tuning import job_limits
from cidxd.web.listen import admin_socket
from cidxd.work import folders
from cidxd.work.folders import DataFolder

_PATIENCE: Final = aiohttp.ClientTimeout(total=3600.0)  # to copy a large database on a slow disk


async def ask(config: Config, method: str, path: str, body: object) -> dict[str, Any]:
    """
    Return the answer to one admin request.

    Raises:
        CidxdError: It was refused, or the data folder cannot be used.
    """
    data = folders.prepared(config.server.data)
    try:
        with folders.claimed(data):
            async with app.ledger_at(data, job_limits(config), lambda *_: None) as (
                ledger,
                instance,
            ):
                who = app.identity(config, None, ledger, instance)
                async with admin_socket(data, ledger, who, app.clock):
                    return await request(data, method, path, body)
    except LockHeldError:
        return await request(data, method, path, body)


async def request(data: DataFolder, method: str, path: str, body: object) -> dict[str, Any]:
    """Return the answer of the daemon that runs; raises CidxdError."""
    connector = aiohttp.UnixConnector(str(data.admin_socket))
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=_PATIENCE) as session,
            session.request(method, f"http://cidxd{path}", json=body) as response,
        ):
            answer: dict[str, Any] = await response.json(content_type=None)
    except aiohttp.ClientError as err:
        raise CidxdError(
            f"the running daemon does not answer on {data.admin_socket}: {err}",
            code="daemon-unreachable",
            hint="run this as the daemon's user; if it is starting, try again",
        ) from err
    if not response.ok:
        raise CidxdError(answer["detail"], code=answer["code"], hint=answer["hint"])
    return answer
