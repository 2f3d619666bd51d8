from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web

from cidx import watch
from cidx.access import FixedAccess
from cidx.client import Client
from cidx.errors import ProblemError, WaitInterruptedError, WaitTimedOutError
from cidx.patience import Deadline

Told = pytest.CaptureFixture[str]
RUNNING = {"job_id": "beef", "status": "running"}
DONE = {"job_id": "beef", "status": "completed", "outcome": "updated"}


class Server:
    """Answers with each status and body in turn, the last one again and again."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, Any]]] = []
        self.wishes: list[str] = []

    async def job(self, request: web.Request) -> web.Response:
        self.wishes.append(request.headers["Prefer"])
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.json_response(body, status=status)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(watch, "delay_s", lambda _: 0.0)
    return Server()


@pytest.fixture
def waited(server: Server, aiohttp_server: Any) -> Any:
    async def run(timeout_s: float, *, is_json: bool = False) -> Any:
        app = web.Application()
        app.router.add_get("/api/jobs/beef", server.job)
        url = str((await aiohttp_server(app)).make_url("")).rstrip("/")
        with Client(FixedAccess(url, "t")) as client:
            deadline = Deadline(timeout_s)
            return await asyncio.to_thread(
                watch.wait, client, dict(RUNNING), deadline, is_json=is_json
            )

    return run


async def test_the_server_is_asked_to_hold_its_answer(server: Server, waited: Any) -> None:
    server.answers = [(200, RUNNING), (200, DONE)]
    assert await waited(600) == DONE
    assert server.wishes == ["wait=20", "wait=20"]


async def test_a_server_that_restarts_meanwhile_is_waited_for(server: Server, waited: Any) -> None:
    server.answers = [(503, {"code": "unavailable"}), (502, {}), (200, DONE)]
    assert await waited(600) == DONE


async def test_what_waiting_does_not_cure_ends_the_wait(server: Server, waited: Any) -> None:
    server.answers = [(404, {"code": "job-not-found", "detail": "no such job: beef"})]
    with pytest.raises(ProblemError, match="no such job"):
        await waited(600)


async def test_a_time_out_with_json_still_prints_the_job(
    server: Server, waited: Any, capsys: Told
) -> None:
    server.answers = [(200, RUNNING)]
    with pytest.raises(WaitTimedOutError):
        await waited(0.05, is_json=True)
    assert json.loads(capsys.readouterr().out) == RUNNING


def test_ctrl_c_at_any_moment_names_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(watch, "_watched", interrupt)
    client = Client(FixedAccess("http://127.0.0.1:9", "t"))
    with pytest.raises(WaitInterruptedError, match="beef"):
        watch.watch(client, RUNNING, is_followed=True, timeout_s=None, is_json=False)


def test_a_failed_job_tells_its_error_beside_the_result(capsys: Told) -> None:
    error = {"title": "git failed", "detail": "", "hint": "see the log", "phase": "fetch"}
    failed = {"job_id": "beef", "status": "failed", "error": error}
    assert watch.finish(failed, is_json=False, is_followed=True) == 5
    shown = capsys.readouterr()
    assert shown.out == "job beef: failed in fetch\n"
    assert shown.err == "error: git failed\nhint: see the log\n"
    assert watch.finish(DONE, is_json=True, is_followed=True) == 0
    assert json.loads(capsys.readouterr().out) == {"job": DONE}
    assert watch.finish({**DONE, "status": "cancelled"}, is_json=True, is_followed=False) == 6
