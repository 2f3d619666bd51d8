"""
The same as `bare.py` in FastAPI on uvicorn: `bare_fastapi.py auto|plain`.

`auto` lets uvicorn choose: uvloop and httptools, if they are installed; `plain` is asyncio
and h11.
"""

import asyncio
import sys
from typing import Annotated

import uvicorn
from bare import JSON, Checked, given
from fastapi import Depends, FastAPI, Header, Response

_CHECKED = Checked()
_BODY, _HEADERS = given()


async def _authorized(authorization: Annotated[str, Header()]) -> None:
    _CHECKED.check(authorization)


async def _show(job_id: str) -> Response:
    assert job_id
    return Response(_BODY, headers=_HEADERS, media_type=JSON)


async def _serve(config: uvicorn.Config) -> None:
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells in no other way
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await serving


def _run(*, is_plain: bool) -> None:
    app = FastAPI()
    app.add_api_route("/api/jobs/{job_id}", _show, dependencies=[Depends(_authorized)])
    config = uvicorn.Config(
        app,
        port=0,
        access_log=False,
        log_level="error",
        loop="asyncio" if is_plain else "auto",
        http="h11" if is_plain else "auto",
    )
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(config))


if __name__ == "__main__":
    _run(is_plain=sys.argv[1] == "plain")
