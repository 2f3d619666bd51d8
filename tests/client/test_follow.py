"""The follower against a server that does what the wire allows, and what networks do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import WSCloseCode, web

from cidx import follow, patience
from cidx.client import Client
from cidx.errors import (
    ClientError,
    Exit,
    NotLoggedInError,
    ProblemError,
    UnreachableError,
    WaitTimedOutError,
)
from cidx.follow import Follower
from cidx.patience import Deadline

JOB = "01930000-0000-7000-8000-00000000beef"


def event(seq: int, kind: str = "progressed", status: str = "running") -> dict[str, Any]:
    """Return a job's event number *seq*; its cursor is 100 more."""
    data = {"status": status, "phase": "index", "progress_percentage": seq, "message": ""}
    return {"job_id": JOB, "cursor": 100 + seq, "seq": seq, "type": kind, "data": data}


COURSE = [*(event(seq) for seq in range(1, 6)), event(6, "completed", "completed")]


class Access:
    """A server at a fixed place, whose token can be renewed so many times."""

    is_embedded = False

    def __init__(self, url: str, *, renewals: int = 0) -> None:
        self.url = url
        self.renewals = renewals
        self.generation = 0

    def token(self) -> str:
        return f"t{self.generation}"

    def renew(self, refused_token: str) -> bool:
        assert refused_token == self.token()
        if not self.renewals:
            return False
        self.renewals -= 1
        self.generation += 1
        return True

    def revive(self) -> bool:
        return False


Script = Callable[[web.WebSocketResponse, dict[str, Any]], Any]


class Server:
    """Each connection to the stream runs the next script, the last one again and again."""

    def __init__(self) -> None:
        self.scripts: list[Script | int] = []
        self.wishes: list[dict[str, Any]] = []
        self.upgrades = 0
        self.course = COURSE
        self.good_tokens: set[str] | None = None
        self.polls = 0
        self.polls_until_end = 0

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/stream", self.stream)
        app.router.add_get("/api/jobs/{id}", self.job)
        app.router.add_get("/api/jobs/{id}/events", self.events)
        return app

    async def stream(self, request: web.Request) -> web.StreamResponse:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        if self.good_tokens is not None and token not in self.good_tokens:
            return web.json_response({"code": "token-expired"}, status=401)
        script = self.scripts[min(self.upgrades, len(self.scripts) - 1)]
        self.upgrades += 1
        if script == 0:
            assert request.transport is not None
            request.transport.abort()
        if isinstance(script, int):
            return web.Response(status=script or 500)
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        wish = json.loads(await socket.receive_str())
        self.wishes.append(wish)
        await script(socket, wish)
        return socket

    async def job(self, request: web.Request) -> web.Response:
        del request
        self.polls += 1
        status = "completed" if self.polls > self.polls_until_end else "running"
        return web.json_response({"job_id": JOB, "status": status})

    async def events(self, request: web.Request) -> web.Response:
        after = int(request.query["after"])
        page = [one for one in self.course if one["cursor"] > after][:2]
        return web.json_response(
            {"events": page, "next_cursor": page[-1]["cursor"] if page else after}
        )


async def send(socket: web.WebSocketResponse, *frames: dict[str, Any]) -> None:
    for frame in frames:
        await socket.send_str(json.dumps(frame))


def snapshot(status: str = "running", cursor: int = 100) -> dict[str, Any]:
    return {"snapshot": {"jobs": [{"job_id": JOB, "status": status}]}, "cursor": cursor}


def frames(*seqs: int) -> list[dict[str, Any]]:
    return [{"event": COURSE[seq - 1]} for seq in seqs]


def plays(*sent: dict[str, Any], close: int | None = None) -> Script:
    """Return a script that sends frames and then closes, or cuts the line (0), or stays."""

    async def script(socket: web.WebSocketResponse, wish: dict[str, Any]) -> None:
        del wish
        await send(socket, *sent)
        if close == 0:
            assert socket._req is not None
            assert socket._req.transport is not None
            socket._req.transport.abort()
        elif close is not None:
            await socket.close(code=close)
        else:
            await socket.receive()

    return script


async def replays(socket: web.WebSocketResponse, wish: dict[str, Any]) -> None:
    """Do as the daemon: a snapshot, then what came after the wished cursor."""
    await send(socket, snapshot(cursor=106))
    await send(socket, *({"event": one} for one in COURSE if one["cursor"] > wish["after"]))
    await socket.receive()


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a hundredth of the usual between two tries."""
    monkeypatch.setattr(follow, "delay_s", lambda failures: patience.delay_s(failures) / 100)
    monkeypatch.setattr(follow, "_POLL_S", 0.01)


@pytest.fixture
def server() -> Server:
    return Server()


class Followed:
    """What a follower yielded and said."""

    def __init__(self) -> None:
        self.items: list[tuple[str, dict[str, Any]]] = []
        self.said: list[str] = []
        self.error: ClientError | None = None

    @property
    def seqs(self) -> list[int]:
        return [item["seq"] for kind, item in self.items if kind == "event"]


@pytest.fixture
def followed(server: Server, aiohttp_server: Any) -> Any:
    async def run(
        *, after: int | None = None, renewals: int = 0, timeout_s: float = 20
    ) -> Followed:
        started = await aiohttp_server(server.app())
        access = Access(str(started.make_url("")).rstrip("/"), renewals=renewals)
        result = Followed()

        def collect() -> None:
            with Client(access) as client:
                follower = Follower(
                    client,
                    JOB,
                    deadline=Deadline(timeout_s),
                    say=result.said.append,
                    after=after,
                )
                try:
                    result.items.extend(follower.items())
                except ClientError as err:
                    result.error = err

        await asyncio.to_thread(collect)
        return result

    return run


async def test_a_job_is_followed_from_its_snapshot_to_its_end(
    server: Server, followed: Any
) -> None:
    server.scripts = [plays(snapshot(), *frames(1, 2, 3, 4, 5, 6))]
    result = await followed()
    assert result.items[0] == ("job", {"job_id": JOB, "status": "running"})
    assert result.seqs == [1, 2, 3, 4, 5, 6]
    assert server.wishes == [{"subscribe": {"job": JOB}}]


@pytest.mark.parametrize("close", [0, WSCloseCode.GOING_AWAY, WSCloseCode.TRY_AGAIN_LATER])
async def test_a_lost_stream_is_taken_up_after_the_last_event_and_nothing_comes_twice(
    server: Server, followed: Any, close: int
) -> None:
    server.scripts = [plays(snapshot(), *frames(1, 2, 3), close=close), replays]
    result = await followed()
    assert result.seqs == [1, 2, 3, 4, 5, 6]
    assert "after" not in server.wishes[0]
    assert server.wishes[-1]["after"] in {100, 101, 102, 103}


async def test_repeated_and_foreign_events_are_dropped(server: Server, followed: Any) -> None:
    foreign = {"event": {**COURSE[1], "job_id": "another", "seq": 9}}
    server.scripts = [plays(snapshot(), *frames(1, 2, 1, 2), foreign, *frames(3, 4, 5, 5, 6))]
    assert (await followed()).seqs == [1, 2, 3, 4, 5, 6]


async def test_a_gap_is_filled_from_the_jobs_event_list(server: Server, followed: Any) -> None:
    server.scripts = [plays(snapshot(), *frames(1, 2, 5, 6))]
    assert (await followed()).seqs == [1, 2, 3, 4, 5, 6]


async def test_an_ended_job_is_told_from_its_first_event_on(server: Server, followed: Any) -> None:
    server.scripts = [plays(snapshot("completed", cursor=106))]
    assert (await followed(after=0)).seqs == [1, 2, 3, 4, 5, 6]


async def test_the_snapshot_of_a_replay_does_not_skip_what_is_still_to_come(
    server: Server, followed: Any
) -> None:
    server.scripts = [plays(snapshot(cursor=106), *frames(1, 2), close=0), replays]
    assert (await followed(after=100)).seqs == [1, 2, 3, 4, 5, 6]


async def test_a_snapshot_that_is_ahead_of_the_replay_is_not_shown_before_it(
    server: Server, followed: Any
) -> None:
    server.scripts = [plays(snapshot(), *frames(1, 2), close=0), replays]
    result = await followed()
    assert [kind for kind, _ in result.items if kind != "tick"] == ["job", *["event"] * 6]


@pytest.mark.parametrize("after", [None, 0])
async def test_a_stream_lost_in_its_opening_is_opened_again(
    server: Server, followed: Any, after: int | None
) -> None:
    for _ in range(4):  # once more than refusals would be borne
        server.scripts.append(0)
    server.scripts.append(plays(snapshot(), *frames(1, 2, 3, 4, 5, 6)))
    result = await followed(after=after)
    assert (result.seqs, result.error) == ([1, 2, 3, 4, 5, 6], None)
    assert server.polls == 0


async def test_an_expired_cursor_goes_on_from_the_new_snapshot(
    server: Server, followed: Any
) -> None:
    expired = {"error": {"code": "cursor-expired", "hint": ""}}
    server.scripts = [plays(expired, snapshot(cursor=103), *frames(4), close=0), replays]
    assert (await followed(after=1)).seqs == [4, 5, 6]
    assert server.wishes[-1]["after"] in {103, 104}


async def test_a_token_refused_at_the_upgrade_is_renewed(server: Server, followed: Any) -> None:
    server.good_tokens = {"t1"}
    server.scripts = [plays(snapshot(), *frames(1, 2, 3, 4, 5, 6))]
    assert (await followed(renewals=1)).seqs == [1, 2, 3, 4, 5, 6]


async def test_a_session_that_ends_midway_is_renewed_and_no_event_is_lost(
    server: Server, followed: Any
) -> None:
    server.scripts = [plays(snapshot(), *frames(1, 2), close=1008), replays]
    result = await followed(renewals=1)
    assert result.seqs == [1, 2, 3, 4, 5, 6]
    assert result.said == []


async def test_a_session_that_cannot_be_renewed_ends_with_exit_4(
    server: Server, followed: Any
) -> None:
    server.scripts = [plays(snapshot(), *frames(1), close=1008)]
    result = await followed()
    assert isinstance(result.error, NotLoggedInError)
    assert result.error.exit_code == Exit.NOT_ALLOWED


async def test_three_refused_upgrades_fall_back_to_polling(server: Server, followed: Any) -> None:
    server.scripts = [404]
    server.polls_until_end = 2
    result = await followed(after=0)
    assert server.upgrades == 3
    assert result.seqs == [1, 2, 3, 4, 5, 6]
    assert result.said == ["no live stream is to be had; asking once a second instead"]


async def test_a_server_that_speaks_nonsense_is_polled(server: Server, followed: Any) -> None:
    async def nonsense(socket: web.WebSocketResponse, wish: dict[str, Any]) -> None:
        del wish
        await socket.send_str("not json")
        await socket.receive()

    server.scripts = [nonsense]
    assert (await followed(after=0)).seqs == [1, 2, 3, 4, 5, 6]


async def test_unknown_frames_and_types_are_passed_over(server: Server, followed: Any) -> None:
    odd = {"event": {**COURSE[2], "type": "sang"}}
    server.scripts = [
        plays(
            snapshot(), {"weather": "fine"}, *frames(1, 2), odd, {"bookmark": 103}, *frames(4, 5, 6)
        )
    ]
    assert (await followed()).seqs == [1, 2, 3, 4, 5, 6]


async def test_the_wait_ends_at_its_time_and_names_the_job(server: Server, followed: Any) -> None:
    server.scripts = [plays(snapshot())]
    result = await followed(timeout_s=0.3)
    assert isinstance(result.error, WaitTimedOutError)
    assert JOB in result.error.message
    assert "still running" in result.error.message


async def test_a_server_that_stays_away_is_unreachable_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(follow, "PATIENCE_S", 0.1)
    client = Client(Access("http://127.0.0.1:9"))
    said: list[str] = []
    follower = Follower(client, JOB, deadline=Deadline(10), say=said.append)
    with pytest.raises(UnreachableError):
        await asyncio.to_thread(lambda: list(follower.items()))
    assert said == ["the server is away; waiting for it to come back"]


async def test_a_job_that_is_not_there_is_an_error_at_once(
    server: Server, followed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def missing(self: Server, request: web.Request) -> web.Response:
        del self, request
        return web.json_response({"code": "not-found", "detail": "no such job"}, status=404)

    monkeypatch.setattr(Server, "job", missing)
    server.scripts = [plays({"error": {"code": "not-found", "hint": "cidx jobs list"}})]
    result = await followed()
    assert isinstance(result.error, ProblemError)
    assert result.error.message == "no such job"


def test_the_pause_doubles_up_to_five_seconds() -> None:
    pauses = [patience.delay_s(failures) for failures in range(1, 9)]
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]
