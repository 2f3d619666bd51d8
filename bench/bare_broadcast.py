"""
A bare broadcast: one loop that sends each frame to each WebSocket in turn, on the same aiohttp.

Standard input gives a line of JSON: how many events, and the text of one.  It prints its port.
"""

from __future__ import annotations

import asyncio
import json
import sys

from aiohttp import web


async def _serve() -> None:
    sockets: list[web.WebSocketResponse] = []

    async def stream(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False, heartbeat=30.0)
        await socket.prepare(request)
        sockets.append(socket)
        async for _ in socket:
            pass
        return socket

    app = web.Application()
    app.router.add_get("/api/stream", stream)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        count, text = json.loads(line)
        for _ in range(count):
            for socket in sockets:
                await socket.send_str(text)
            await asyncio.sleep(0)


if __name__ == "__main__":
    asyncio.run(_serve())
