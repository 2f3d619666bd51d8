"""
A job's events as they happen, each exactly once and in order.

    stream (WebSocket) ──lost──> wait 0.2 s, 0.4 s, … 5 s ──> stream from the last cursor
        └── refused three times ──> ask every second (polling)

The last cursor seen is all the memory there is: the server replays what came after it.
`seq` has no gaps within a job, so a repeated event is dropped, and a missing one is
fetched from the job's event list.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from cidx import trust
from cidx.client import Client, job_at, job_path
from cidx.errors import ClientError, ProblemError, UnreachableError, WaitTimedOutError
from cidx.patience import Deadline, delay_s

PATIENCE_S = 300.0
_POLL_S = 1.0
_TICK_S = 1.0
_MOST_REFUSALS = 3
_OPEN_TIMEOUT_S = 10.0
_MOST_FRAME_BYTES = 16 * 1024 * 1024  # a snapshot holds whole jobs
_SESSION_ENDED = 1008
_FINAL = {"completed", "failed", "cancelled"}

Item = tuple[str, dict[str, Any]]
Say = Callable[[str], None]


class Follower:
    """
    One job, followed to its end.

    Args:
        client: Whom to ask.
        job_id: The whole id.
        deadline: When to give up; the job goes on.
        say: Told in a line when the connection is lost for longer.
        after: The cursor of the last event that is known; None to begin with the job as it is.
    """

    def __init__(
        self,
        client: Client,
        job_id: str,
        *,
        deadline: Deadline,
        say: Say,
        after: int | None = None,
    ) -> None:
        self._client = client
        self._job_id = job_id
        self._deadline = deadline
        self._say = say
        self._cursor = after
        self._told = after  # unlike a bookmark, the cursor of an event that was yielded
        self._seq = 0
        self._failures = 0
        self._refusals = 0
        self._lost_at: float | None = None
        self._is_replayed = False
        self._status = "queued"
        self._has_ended = False

    def items(self) -> Iterator[Item]:
        """
        Yield `("job", job)` for snapshots, `("event", event)`, and `("tick", {})` about once
        a second while it is quiet; end after the job's last event.

        Raises:
            WaitTimedOutError: The deadline passed.
            NotLoggedInError: The session ended and cannot be renewed.
            UnreachableError: The server stayed away for longer than PATIENCE_S.
        """  # noqa: D205 - one sentence
        while not self._has_ended:
            source = self._poll if self._refusals >= _MOST_REFUSALS else self._stream
            try:
                yield from source()
            except UnreachableError as err:
                self._pause(err)
            except ProblemError as err:
                if err.status < 500:  # noqa: PLR2004 - only a server's own fault may pass
                    raise
                self._pause(err)

    def _stream(self) -> Iterator[Item]:
        token = self._client.access.token()
        connection = self._connected(token)
        if connection is None:
            return
        with connection:
            try:
                yield from self._received(connection)
            except ConnectionClosed as err:
                code = err.rcvd.code if err.rcvd else None
                if code == _SESSION_ENDED:
                    self._renew(token)
                else:
                    raise UnreachableError(f"the stream ended: {err}") from err

    def _connected(self, token: str) -> ClientConnection | None:
        """Return the open stream, None if the server refused it."""
        try:
            return self._connect(token)
        except InvalidStatus as err:
            if err.response.status_code == 401:  # noqa: PLR2004 - unauthorized
                self._renew(token)
            else:
                self._refuse()
        except (OSError, ConnectionClosed) as err:
            raise UnreachableError(f"the server cannot be reached: {err}") from err
        except (InvalidHandshake, ValueError) as err:
            if isinstance(err.__cause__, EOFError):  # lost before there was an answer
                raise UnreachableError(f"the server cannot be reached: {err}") from err
            self._refuse()
        return None

    def _connect(self, token: str) -> ClientConnection:
        url = urlsplit(self._client.access.url)
        is_tls = url.scheme == "https"
        timeout_s = self._deadline.left(_OPEN_TIMEOUT_S) or _OPEN_TIMEOUT_S
        # With a socket of our own neither a redirect nor a proxy can take the token elsewhere.
        plain = socket.create_connection(
            (url.hostname or "", url.port or (443 if is_tls else 80)), timeout_s
        )
        try:
            return connect(
                f"{'wss' if is_tls else 'ws'}://{url.netloc}{url.path}/api/stream",
                sock=plain,
                ssl=trust.context() if is_tls else None,
                additional_headers={"Authorization": f"Bearer {token}"},
                compression=None,
                open_timeout=timeout_s,
                close_timeout=1,
                max_size=_MOST_FRAME_BYTES,
            )
        except BaseException:
            plain.close()
            raise

    def _received(self, connection: ClientConnection) -> Iterator[Item]:
        wish: dict[str, Any] = {"subscribe": {"job": self._job_id}}
        if self._cursor is not None:
            wish["after"] = self._cursor
        self._is_replayed = self._cursor is not None
        connection.send(json.dumps(wish))
        while not self._has_ended:
            try:
                text = connection.recv(timeout=self._deadline.left(_TICK_S))
            except TimeoutError:
                self._check_deadline()
                yield ("tick", {})
                continue
            self._failures, self._refusals, self._lost_at = 0, 0, None
            yield from self._frame(_object(text))
            self._check_deadline()

    def _frame(self, frame: dict[str, Any]) -> Iterator[Item]:
        if "event" in frame:
            yield from self._event(frame["event"])
        elif "snapshot" in frame:
            yield from self._snapshot(frame)
        elif "bookmark" in frame:
            self._cursor = int(frame["bookmark"])
        elif (frame.get("error") or {}).get("code") == "cursor-expired":
            self._is_replayed = False
            # The server may know of no such cursor; `seq` keeps what is read again from repeating.
            self._told = None if self._told is None else 0
        elif "error" in frame:
            self._refusals = _MOST_REFUSALS
            raise UnreachableError(f"the stream was refused: {frame['error']}")

    def _snapshot(self, frame: dict[str, Any]) -> Iterator[Item]:
        for job in frame["snapshot"].get("jobs") or ():
            if job.get("job_id") == self._job_id:
                yield from self._job(job, is_ahead=self._is_replayed)
        if not self._is_replayed and frame.get("cursor") is not None:
            # Before a replay the snapshot's cursor is ahead of the events still to come.
            self._cursor = int(frame["cursor"])

    def _job(self, job: dict[str, Any], *, is_ahead: bool) -> Iterator[Item]:
        """Take in a whole job; one that *is_ahead* of events still to come is not yielded."""
        self._status = str(job.get("status"))
        has_ended = self._status in _FINAL
        if self._told is None and (has_ended or not is_ahead):
            yield ("job", job)
        if has_ended:
            yield from self._drain()
            self._has_ended = True

    def _event(self, event: dict[str, Any]) -> Iterator[Item]:
        if event.get("job_id") != self._job_id or int(event["seq"]) <= self._seq:
            return
        if self._seq and int(event["seq"]) > self._seq + 1:
            yield from self._drain()
        if int(event["seq"]) > self._seq:
            yield self._taken(event)

    def _taken(self, event: dict[str, Any]) -> Item:
        self._seq = int(event["seq"])
        self._cursor = self._told = int(event["cursor"])
        self._status = str((event.get("data") or {}).get("status") or self._status)
        self._has_ended = event.get("type") in _FINAL
        return ("event", event)

    def _drain(self) -> Iterator[Item]:
        """Yield the events that the job's list has and that were not seen yet."""
        if self._told is None:
            return
        for event in events_of(self._client, self._job_id, after=self._told):
            if int(event["seq"]) > self._seq:
                yield self._taken(event)

    def _poll(self) -> Iterator[Item]:
        while not self._has_ended:
            job = job_at(self._client, self._job_id)
            self._failures, self._lost_at = 0, None
            yield from self._job(job, is_ahead=False)
            if not self._has_ended:
                # The list is read after the job, so it has every event up to the job's end.
                yield from self._drain()
                self._check_deadline()
                time.sleep(self._deadline.left(_POLL_S))

    def _refuse(self) -> None:
        self._refusals += 1
        if self._refusals >= _MOST_REFUSALS:
            self._say("no live stream is to be had; asking once a second instead")
        else:
            time.sleep(self._deadline.left(delay_s(self._refusals)))

    def _renew(self, token: str) -> None:
        # A server that refuses each new token as well must not be asked without an end.
        self._refusals += 1
        self._client.renew(token)

    def _pause(self, err: ClientError) -> None:
        """Wait before the next try, or give up."""
        self._check_deadline()
        self._client.close()
        self._failures += 1
        now = time.monotonic()
        if self._lost_at is None:
            self._lost_at = now
        if now - self._lost_at > PATIENCE_S:
            raise err
        if self._failures == _MOST_REFUSALS:
            self._say("the server is away; waiting for it to come back")
        time.sleep(self._deadline.left(delay_s(self._failures)))
        self._client.access.revive()

    def _check_deadline(self) -> None:
        if self._deadline.has_passed():
            raise WaitTimedOutError(self._job_id, self._status, self._deadline.timeout_s or 0)


def _object(text: str | bytes) -> dict[str, Any]:
    """Return a frame; one that is no object is an error frame like the server's own."""
    try:
        frame = json.loads(text)
    except ValueError:
        frame = None
    return frame if isinstance(frame, dict) else {"error": {"code": "malformed-frame"}}


def events_of(client: Client, job_id: str, *, after: int) -> Iterator[dict[str, Any]]:
    """Yield a job's events after a cursor, page by page, up to the newest there is."""
    while True:
        page = client.get(job_path(job_id, "events"), {"after": after})
        events = page.get("events") or []
        yield from events
        following = page.get("next_cursor")
        if not events or following is None or int(following) <= after:
            return
        after = int(following)
