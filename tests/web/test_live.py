from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError
from api_client import Api, eventually

from cidxd.model import moves
from cidxd.model.job import ANYTHING
from cidxd.web import following, live
from cidxd.work.bus import QUEUE_LIMIT

END = {"completed", "failed", "cancelled"}


async def opened(api: Api, token: str | None = None) -> ClientWebSocketResponse:
    headers = {"Authorization": f"Bearer {token or api.token}"}
    return await api.client.ws_connect("/api/stream", headers=headers)


async def received(stream: ClientWebSocketResponse) -> dict[str, Any]:
    async with asyncio.timeout(30):
        return dict(await stream.receive_json())


async def events_to_the_end(stream: ClientWebSocketResponse) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    while not events or events[-1]["type"] not in END:
        message = await received(stream)
        if "event" in message:
            events.append(message["event"])
    return events


async def test_a_follower_gets_a_snapshot_then_every_event_without_gap(api: Api, demo: str) -> None:
    stream = await opened(api)
    await stream.send_json({"subscribe": {"repository": demo}})
    first = await received(stream)
    assert first["snapshot"] == {"jobs": []}
    _, job = await api.ask("POST", "/api/sync", {"repository": demo})
    events = await events_to_the_end(stream)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    cursors = [event["cursor"] for event in events]
    assert cursors == sorted(set(cursors))
    assert {event["job_id"] for event in events} == {job["job_id"]}
    assert events[-1]["data"]["progress_percentage"] == 100
    percentages = [event["data"]["progress_percentage"] for event in events]
    assert percentages == sorted(percentages)
    await stream.close()


async def test_a_follower_resumes_where_it_left_off_without_losing_or_repeating(
    api: Api, demo: str
) -> None:
    job = await api.synced(demo)
    stream = await opened(api)
    await stream.send_json({"subscribe": {"job": job["job_id"]}, "after": 0})
    whole = await events_to_the_end(stream)
    await stream.close()
    middle = whole[len(whole) // 2]["cursor"]
    stream = await opened(api)
    await stream.send_json({"subscribe": {"job": job["job_id"]}, "after": middle})
    rest = await events_to_the_end(stream)
    await stream.close()
    assert rest == [event for event in whole if event["cursor"] > middle]


async def test_events_over_rest_are_those_of_the_stream(api: Api, demo: str) -> None:
    job = await api.synced(demo)
    stream = await opened(api)
    await stream.send_json({"subscribe": {"job": job["job_id"]}, "after": 0})
    streamed = await events_to_the_end(stream)
    await stream.close()
    paged: list[dict[str, Any]] = []
    after = 0
    while True:
        path = f"/api/jobs/{job['job_id']}/events?after={after}&limit=3"
        _, page = await api.ask("GET", path)
        if not page["events"]:
            break
        paged += page["events"]
        after = page["next_cursor"]
    assert paged == streamed


async def test_a_cursor_from_the_future_starts_over_with_a_snapshot(api: Api) -> None:
    stream = await opened(api)
    await stream.send_json({"subscribe": {"all": True}, "after": 10**9})
    assert (await received(stream))["error"]["code"] == "cursor-expired"
    assert "snapshot" in await received(stream)
    await stream.close()


async def test_a_cursor_older_than_what_is_kept_starts_over_and_a_kept_job_is_whole(
    api: Api, demo: str
) -> None:
    old, kept = await api.synced(demo), await api.synced(demo)
    await api.made.services.ledger.prune([old["job_id"]])
    stream = await opened(api)
    for topic in ({"all": True}, {"repository": demo}):
        await stream.send_json({"subscribe": topic, "after": 0})
        assert (await received(stream))["error"]["code"] == "cursor-expired"
        assert "snapshot" in await received(stream)
    await stream.send_json({"subscribe": {"job": kept["job_id"]}, "after": 0})
    assert (await events_to_the_end(stream))[0]["seq"] == 1
    pruned = await api.made.services.history.pruned_cursor()
    await stream.send_json({"subscribe": {"all": True}, "after": pruned})
    assert (await events_to_the_end(stream))[0]["seq"] == 1
    await stream.close()
    status, problem = await api.ask("GET", f"/api/jobs/{old['job_id']}/events")
    assert (status, problem["code"]) == (404, "job-not-found")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "message-invalid"),
        ('{"subscribe": {}}', "message-invalid"),
        ('{"subscribe": {"all": true, "job": "x"}}', "message-invalid"),
        ('{"subscribe": {"all": true}, "token": "x"}', "message-invalid"),
        ('{"subscribe": {"job": "unknown"}}', "job-not-found"),
        ('{"subscribe": {"repository": "unknown"}}', "repository-not-found"),
    ],
)
async def test_a_bad_message_is_answered_and_the_stream_goes_on(
    api: Api, message: str, code: str
) -> None:
    stream = await opened(api)
    await stream.send_str(message)
    assert (await received(stream))["error"]["code"] == code
    await stream.send_json({"subscribe": {"all": True}})
    assert "snapshot" in await received(stream)
    await stream.close()


async def test_a_stream_without_a_token_is_refused_at_the_upgrade(api: Api) -> None:
    with pytest.raises(WSServerHandshakeError) as caught:
        await api.client.ws_connect("/api/stream")
    assert caught.value.status == 401


async def test_a_stream_ends_with_its_session(api: Api, demo: str) -> None:
    token = await api.log_in("bob")
    stream = await opened(api, token)
    await stream.send_json({"subscribe": {"all": True}})
    await received(stream)
    await api.ask("POST", "/api/auth/logout", token=token)
    await api.ask("POST", "/api/sync", {"repository": demo})
    async with asyncio.timeout(30):
        message = await stream.receive()
    assert message.type is WSMsgType.CLOSE
    assert message.data == 1008


async def test_a_stopping_daemon_closes_streams_as_going_away(api: Api) -> None:
    stream = await opened(api)
    await stream.send_json({"subscribe": {"all": True}})
    await received(stream)
    await api.made.live.close()
    async with asyncio.timeout(30):
        message = await stream.receive()
    assert message.data == 1001


@pytest.mark.parametrize("last_word_s", [30.0, 0.01])
async def test_a_follower_that_does_not_read_is_told_why_it_is_cut_off_and_can_resume(
    api: Api, demo: str, monkeypatch: pytest.MonkeyPatch, last_word_s: float
) -> None:
    monkeypatch.setattr(live, "WRITE_S", 0.2)
    monkeypatch.setattr(live, "LAST_WORD_S", last_word_s)
    services = api.made.services
    services.ledger.limits = dataclasses.replace(services.ledger.limits, running=0)
    _, job = await api.ask("POST", "/api/sync", {"repository": demo})
    stream = await opened(api)
    await stream.send_json({"subscribe": {"all": True}, "after": 0})
    [_, first] = [await received(stream) for _ in range(2)]
    stuck = services.state.jobs.get(job["job_id"])
    assert stuck is not None
    event = moves.join(stuck, user="x" * 100_000, options=ANYTHING, at=0.0).event
    while services.bus.followers:
        services.bus.publish([dataclasses.replace(event, cursor=1)] * 200)
        await asyncio.sleep(0)
    if last_word_s < 1:
        await eventually(lambda: not api.made.live.is_followed)
    async with asyncio.timeout(30):
        while (message := await stream.receive()).type is WSMsgType.TEXT:
            pass
    if last_word_s > 1:
        assert (message.data, message.extra) == (1013, "too slow: resume after the last cursor")
    else:
        assert message.type in {WSMsgType.CLOSED, WSMsgType.ERROR}
    stream = await opened(api)
    await stream.send_json({"subscribe": {"all": True}, "after": first["event"]["cursor"]})
    await received(stream)
    await api.ask("POST", "/api/sync", {"repository": demo})
    assert (await received(stream))["event"]["seq"] == 2
    await stream.close()


async def test_a_follower_that_never_reads_slows_nobody_and_is_cut_off(
    api: Api, demo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "WRITE_S", 0.2)
    monkeypatch.setattr(live, "LAST_WORD_S", 0.01)
    services = api.made.services
    services.ledger.limits = dataclasses.replace(services.ledger.limits, running=0)
    _, job = await api.ask("POST", "/api/sync", {"repository": demo})
    stuck, other = await opened(api), await opened(api)
    for stream in (stuck, other):
        await stream.send_json({"subscribe": {"all": True}})
        await received(stream)
    queued = services.state.jobs.get(job["job_id"])
    assert queued is not None
    event = moves.join(queued, user="x" * 3_900_000, options=ANYTHING, at=0.0).event
    async with asyncio.timeout(20):
        cursor = 1_000
        while services.bus.followers > 1:
            cursor += 1  # one by one: each reaches who reads before the next is told
            services.bus.publish([dataclasses.replace(event, cursor=cursor)])
            assert (await received(other))["event"]["cursor"] == cursor
    await other.close()


async def test_a_follower_that_is_too_far_behind_is_told_so(api: Api, demo: str) -> None:
    services = api.made.services
    services.ledger.limits = dataclasses.replace(services.ledger.limits, running=0)
    _, job = await api.ask("POST", "/api/sync", {"repository": demo})
    stream = await opened(api)
    await stream.send_json({"subscribe": {"job": job["job_id"]}})
    await received(stream)
    stuck = services.state.jobs.get(job["job_id"])
    assert stuck is not None
    event = moves.join(stuck, user="bob", options=ANYTHING, at=0.0).event
    services.bus.publish([event] * (QUEUE_LIMIT + 1))
    async with asyncio.timeout(30):
        message = await stream.receive()
    assert (message.data, message.extra) == (1013, "too slow: resume after the last cursor")


async def test_a_bookmark_is_never_ahead_of_an_event_that_was_not_sent(
    api: Api, demo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "BOOKMARK_S", 0.0005)
    services = api.made.services
    services.ledger.limits = dataclasses.replace(services.ledger.limits, running=0)
    stream = await opened(api)
    await stream.send_json({"subscribe": {"all": True}})
    seen = (await received(stream))["cursor"]
    for _ in range(200):
        await api.ask("POST", "/api/sync", {"repository": demo})
        while services.state.cursor > seen:
            message = await received(stream)
            assert message.get("bookmark", seen) <= seen
            seen = message["event"]["cursor"] if "event" in message else seen
    await stream.close()
