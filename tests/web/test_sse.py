from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from api_client import Api, eventually

from cidxd.model.job import Event, Kind
from cidxd.web import following, sse

END = {"completed", "failed", "cancelled"}


class Stream:
    """
    A stream of server-sent events, read frame by frame.

    Attributes:
        last: The last id, as an EventSource keeps it.
    """

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.comments: list[str] = []
        self.errors: list[dict[str, Any]] = []
        self.snapshots: list[dict[str, Any]] = []
        self.last = ""

    async def next(self) -> dict[str, Any] | None:
        """Return the next event, None at the end; comments on the way are kept."""
        fields: dict[str, str] = {}
        while line := (await self.response.content.readline()).decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if line.startswith(": "):
                self.comments.append(value)
            elif name:
                fields[name] = value
            elif fields:
                self.last = fields.get("id", self.last)
                if event := self._told(fields):
                    return event
                fields = {}
        return None

    def _told(self, fields: dict[str, str]) -> dict[str, Any] | None:
        if "data" not in fields:
            return None
        data: dict[str, Any] = json.loads(fields["data"])
        if fields["event"] in {"error", "snapshot"}:
            kept = self.errors if fields["event"] == "error" else self.snapshots
            kept.append(data)
            return None
        assert (fields["id"], fields["event"]) == (str(data["cursor"]), data["type"])
        return data

    async def rest(self) -> list[dict[str, Any]]:
        events = []
        while event := await self.next():
            events.append(event)
        return events


@contextlib.asynccontextmanager
async def opened(
    api: Api, job_id: str, query: str = "", *, last: object = None, token: str = ""
) -> AsyncIterator[Stream]:
    headers = {"Authorization": f"Bearer {token or api.token}", "Accept": "text/event-stream"}
    if last is not None:
        headers["Last-Event-ID"] = str(last)
    path = f"/api/jobs/{job_id}/events" if job_id else "/api/events"
    async with api.client.get(path + query, headers=headers) as response:
        assert response.status == 200, await response.text()
        assert response.headers["Content-Type"] == "text/event-stream"
        async with asyncio.timeout(30):
            yield Stream(response)


async def told(api: Api, job_id: str, query: str = "", **more: Any) -> list[dict[str, Any]]:
    async with opened(api, job_id, query, **more) as stream:
        return await stream.rest()


async def listed(api: Api, job_id: str) -> list[dict[str, Any]]:
    _, page = await api.ask("GET", f"/api/jobs/{job_id}/events?limit=5000")
    return list(page["events"])


@pytest.fixture
async def queued(api: Api, demo: str) -> str:
    """The id of a job whose turn does not come."""
    ledger = api.made.services.ledger
    ledger.limits = dataclasses.replace(ledger.limits, running=0)
    _, job = await api.ask("POST", "/api/sync", {"repository": demo})
    assert job["status"] == "queued"
    return str(job["job_id"])


async def join(api: Api, token: str | None = None) -> None:
    """Have something happen to the queued job."""
    assert (await api.ask("POST", "/api/sync", {"repository": "demo"}, token=token))[0] == 202


async def test_the_events_are_those_of_the_list_and_of_the_websocket(api: Api, demo: str) -> None:
    _, job = await api.ask("POST", "/api/sync", {"repository": demo})
    live = await told(api, job["job_id"])
    assert live == await listed(api, job["job_id"])
    _, contract = await api.ask("GET", "/api/openapi.json")
    answer = contract["paths"]["/api/jobs/{job_id}/events"]["get"]["responses"]["200"]
    assert set(answer["content"]) == {"application/json", "text/event-stream"}
    assert live == await told(api, job["job_id"][-8:], "?after=0")
    bearer = {"Authorization": f"Bearer {api.token}"}
    socket = await api.client.ws_connect("/api/stream", headers=bearer)
    await socket.send_json({"subscribe": {"job": job["job_id"]}, "after": 0})
    sent = [await socket.receive_json() for _ in range(len(live) + 1)]
    assert live == [frame["event"] for frame in sent if "event" in frame]
    await socket.close()


async def test_a_stream_begun_at_any_moment_of_a_job_has_neither_gap_nor_repeat(
    api: Api, demo: str
) -> None:
    streams = []
    with api.made.services.bus.subscribed(lambda _: True) as news:
        _, job = await api.ask("POST", "/api/sync", {"repository": demo})
        kinds: set[str] = set()
        while not kinds & END:
            kinds |= {event.kind for event in await news.next()}
            streams.append(asyncio.create_task(told(api, job["job_id"])))
    whole = await listed(api, job["job_id"])
    assert len(streams) > 1
    for stream in streams:
        assert await stream == whole


async def test_last_event_id_resumes_and_wins_over_after(api: Api, demo: str) -> None:
    job_id = (await api.synced(demo))["job_id"]
    whole = await told(api, job_id)
    seen, other = whole[3]["cursor"], whole[-2]["cursor"]
    assert await told(api, job_id, f"?after={seen}") == whole[4:]
    assert await told(api, job_id, f"?after={other}", last=seen) == whole[4:]


async def test_who_comes_back_after_the_last_event_is_told_to_stay_away(
    api: Api, demo: str
) -> None:
    job_id = (await api.synced(demo))["job_id"]
    last = (await listed(api, job_id))[-1]["cursor"]
    assert await told(api, job_id, f"?after={last}") == []
    headers = {"Accept": "text/event-stream", "Last-Event-ID": str(last)}
    assert await api.ask("GET", f"/api/jobs/{job_id}/events", headers=headers) == (204, None)


@pytest.mark.parametrize(
    ("query", "last", "code"),
    [
        ("", "x", "header-invalid"),
        ("", "-1", "header-invalid"),
        ("", "9" * 30, "header-invalid"),
        ("", "1000000", "cursor-invalid"),
        ("?after=1000000", None, "cursor-invalid"),
        ("?after=-1", None, "query-invalid"),
        ("?limit=5", None, "query-invalid"),
    ],
)
async def test_what_makes_no_sense_is_refused_before_the_stream_begins(
    api: Api, queued: str, query: str, last: str | None, code: str
) -> None:
    headers = {"Accept": "text/event-stream", **({} if last is None else {"Last-Event-ID": last})}
    status, problem = await api.ask("GET", f"/api/jobs/{queued}/events{query}", headers=headers)
    assert (status, problem["code"]) == (400, code)


async def test_a_cursor_beyond_all_numbers_is_refused_in_the_list_too(
    api: Api, queued: str
) -> None:
    status, problem = await api.ask("GET", f"/api/jobs/{queued}/events?after={10**30}")
    assert (status, problem["pointer"]) == (400, "?after")


async def test_nobody_streams_without_a_token_or_a_job_that_is_not(api: Api, queued: str) -> None:
    accept = {"Accept": "text/event-stream"}
    assert (await api.ask("GET", f"/api/jobs/{queued}/events", token="", headers=accept))[0] == 401
    assert (await api.ask("GET", "/api/jobs/unknown/events", headers=accept))[0] == 404


async def test_a_stream_follows_until_the_job_has_ended(api: Api, queued: str) -> None:
    async with opened(api, queued) as stream:
        first = await stream.next()
        assert first is not None
        assert first["type"] == "enqueued"
        await join(api, await api.log_in("bob"))
        joined = await stream.next()
        assert joined is not None
        assert (joined["type"], joined["data"]["requester"]) == ("joined", "bob")
        await api.ask("DELETE", f"/api/jobs/{queued}", token=await api.log_in("root"))
        assert [event["type"] for event in await stream.rest()] == ["cancelled"]
    assert not api.made.live.is_followed


async def test_a_comment_shows_that_an_idle_stream_is_alive(
    api: Api, queued: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "BOOKMARK_S", 0.01)
    async with opened(api, queued) as stream:
        await stream.next()
        while str(api.made.services.state.cursor) not in stream.comments:
            line = (await stream.response.content.readline()).decode()
            stream.comments.append(line.removeprefix(": ").rstrip())
        assert api.made.live.is_followed


async def test_a_stream_ends_with_its_session(api: Api, queued: str) -> None:
    token = await api.log_in("bob")
    async with opened(api, queued, token=token) as stream:
        await stream.next()
        await api.ask("POST", "/api/auth/logout", token=token)
        await join(api, await api.log_in("root"))
        assert await stream.rest() == []
        assert stream.comments[-1] == "session ended"


async def test_a_stopping_daemon_ends_the_stream_and_the_next_one_goes_on(
    api: Api, queued: str
) -> None:
    async with opened(api, queued) as stream:
        first = await stream.next()
        assert first is not None
        await api.made.live.close()
        assert await stream.rest() == []
        assert stream.comments[-1] == "stopping"
    await join(api, await api.log_in("bob"))
    async with opened(api, queued, last=first["cursor"]) as stream:
        second = await stream.next()
        assert second is not None
        assert second["seq"] == 2


async def test_a_follower_that_is_too_far_behind_is_cut_off_and_can_resume(
    api: Api, queued: str
) -> None:
    async with opened(api, queued) as stream:
        first = await stream.next()
        assert first is not None
        api.made.services.bus.publish(flood(api, queued, count=5001))
        assert await stream.rest() == []
        hint = "resume with the last id as Last-Event-ID"
        assert stream.errors == [{"code": "too-slow", "hint": hint}]
        assert stream.last == str(first["cursor"])
    await join(api, await api.log_in("bob"))
    async with opened(api, queued, last=first["cursor"]) as stream:
        second = await stream.next()
        assert second is not None
        assert (second["seq"], second["type"]) == (2, "joined")


@pytest.mark.parametrize("last_word_s", [30.0, 0.01])
async def test_a_follower_that_does_not_read_is_cut_off(
    api: Api, queued: str, monkeypatch: pytest.MonkeyPatch, last_word_s: float
) -> None:
    monkeypatch.setattr(sse, "WRITE_S", 0.2)
    monkeypatch.setattr(sse, "LAST_WORD_S", last_word_s)
    async with opened(api, queued) as stream:
        await stream.next()
        while api.made.live.is_followed:
            api.made.services.bus.publish(flood(api, queued, count=200, size=100_000))
            await asyncio.sleep(0)
        if last_word_s > 1:  # it reads again in time to be told
            await stream.rest()
            assert [error["code"] for error in stream.errors] == ["too-slow"]
            return
        await eventually(lambda: not api.made.services.bus.followers)
        with pytest.raises(aiohttp.ClientPayloadError):
            await stream.rest()


async def test_the_events_of_all_begin_with_a_snapshot_and_go_on_from_any_cursor(
    api: Api, queued: str
) -> None:
    async with opened(api, "") as stream:
        await join(api, await api.log_in("bob"))
        joined = await stream.next()
        assert joined is not None
        assert (joined["job_id"], joined["seq"]) == (queued, 2)
        assert [job["job_id"] for job in stream.snapshots[0]["jobs"]] == [queued]
    async with opened(api, "", "?after=0&repository=demo") as stream:
        assert [(await stream.next() or {})["seq"] for _ in range(2)] == [1, 2]
        assert stream.snapshots == []
    async with opened(api, "", "?repository=demo", last=joined["cursor"]) as stream:
        await join(api, await api.log_in("root"))
        assert (await stream.next() or {})["seq"] == 3


async def test_who_resumes_after_what_is_kept_gets_an_error_and_a_fresh_snapshot(
    api: Api, demo: str
) -> None:
    old, services = await api.synced(demo), api.made.services
    await services.ledger.prune([old["job_id"]])
    services.ledger.limits = dataclasses.replace(services.ledger.limits, running=0)
    _, job = await api.ask("POST", "/api/sync", {"repository": demo})
    async with opened(api, "", last=1) as stream:
        await join(api, await api.log_in("bob"))
        assert (await stream.next() or {})["type"] == "joined"
        assert [error["code"] for error in stream.errors] == ["cursor-expired"]
        assert [one["job_id"] for one in stream.snapshots[0]["jobs"]] == [job["job_id"]]


async def test_an_idle_streams_bookmark_is_an_id_to_resume_from(
    api: Api, queued: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "BOOKMARK_S", 0.01)
    async with opened(api, "", "?after=0") as stream:
        await stream.next()
        reading = asyncio.create_task(stream.next())
        await eventually(lambda: stream.last == str(api.made.services.state.cursor))
        await join(api, await api.log_in("bob"))
        assert (await reading or {})["seq"] == 2
    assert queued


async def test_a_follower_that_went_away_is_forgotten(api: Api, queued: str) -> None:
    async with opened(api, queued) as stream:
        await stream.next()
        assert api.made.live.is_followed
        stream.response.close()
    async with asyncio.timeout(30):
        while api.made.live.is_followed:
            await join(api)


def flood(api: Api, job_id: str, *, count: int, size: int = 0) -> list[Event]:
    """Return events as the writer might tell them, more than anybody reads at once."""
    services = api.made.services
    job = services.state.jobs.get(job_id)
    assert job is not None
    event = Event(
        job_id=job_id,
        repository_id=job.repository_id,
        repository=job.repository,
        seq=job.seq,
        at=0.0,
        kind=Kind.PROGRESSED,
        data={"message": "x" * size},
        cursor=services.state.cursor,
    )
    return [event] * count
