"""A submitted job until the command ends: return at once, wait quietly, or follow."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from cidx import render, terminal
from cidx.client import Client, job_at, job_path
from cidx.errors import (
    ClientError,
    Exit,
    ProblemError,
    UnreachableError,
    WaitInterruptedError,
    WaitTimedOutError,
    exit_code_of,
)
from cidx.patience import Deadline, delay_s
from cidx.progress import Progress

if TYPE_CHECKING:
    from cidx.wire import Json

FINAL = {"completed", "failed", "cancelled"}
_HELD_S = 20.0
_ESTIMATE_EVERY_S = 2.0
_MOST_FAILURES = 60  # with the longest delay between them, about two minutes


def watch(
    client: Client,
    job: Json,
    *,
    is_followed: bool,
    timeout_s: float | None,
    is_json: bool,
) -> Exit:
    """
    See a job through as far as was asked, and return the exit code.

    Args:
        client: The job's server.
        job: As the server gave it; its line is printed first, for people.
        is_followed: Show what happens.
        timeout_s: How long to wait; None waits for ever when followed, else not at all.
        is_json: Print JSON and nothing else on stdout.

    Raises:
        WaitTimedOutError: The time is over; the job goes on.
        WaitInterruptedError: Ctrl-C; the job goes on.
    """
    try:
        return _watched(client, job, is_followed=is_followed, timeout_s=timeout_s, is_json=is_json)
    except KeyboardInterrupt:
        raise WaitInterruptedError(str(job["job_id"])) from None


def _watched(
    client: Client, job: Json, *, is_followed: bool, timeout_s: float | None, is_json: bool
) -> Exit:
    if not is_json:
        terminal.out_lines([render.job_line(job)])
    if not is_followed and timeout_s is None:
        if is_json:
            terminal.out_json(job)
        return exit_code_of(str(job.get("status")))
    deadline, job_id = Deadline(timeout_s), str(job["job_id"])
    if not is_followed:
        ended = wait(client, job, deadline, is_json=is_json)
        return finish(ended, is_json=is_json, is_followed=False)
    follow = _follow_json if is_json else _follow_shown
    follow(client, job_id, deadline)
    return finish(job_at(client, job_id), is_json=is_json, is_followed=True)


def finish(job: Json, *, is_json: bool, is_followed: bool) -> Exit:
    """Print what became of an ended job, its error on stderr; return the exit code."""
    if is_json:
        terminal.out_json({"job": job} if is_followed else job)
    else:
        terminal.out_lines(render.result_lines(job))
    if job.get("error") and job.get("status") == "failed":
        terminal.say_error(render.error_text(job["error"]), str(job["error"].get("hint") or ""))
    return exit_code_of(str(job.get("status")))


def wait(client: Client, job: Json, deadline: Deadline, *, is_json: bool) -> Json:
    """
    Return the job once it has ended, without a word.

    The server holds each answer for a while; one that does not is asked at a sane pace.

    Raises:
        WaitTimedOutError: The deadline passed.
    """
    job_id, rounds, failures = str(job["job_id"]), 0, 0
    while job.get("status") not in FINAL:
        if deadline.has_passed():
            if is_json:
                terminal.out_json(job)
            raise WaitTimedOutError(job_id, str(job.get("status")), deadline.timeout_s or 0)
        asked_at = time.monotonic()
        try:
            job = client.get(job_path(job_id), wait_s=max(1, deadline.left(_HELD_S) // 1))
            failures = 0
        except ClientError as err:
            failures += 1
            forgive(err, failures, client)
        rounds += 1
        if job.get("status") not in FINAL and time.monotonic() - asked_at < 1:
            time.sleep(deadline.left(min(2.0, delay_s(rounds))))
    return job


def forgive(err: ClientError, failures: int, client: Client) -> None:
    """Let a server that restarts be away for a while; raise what waiting does not cure."""
    is_passing = isinstance(err, UnreachableError) or (
        isinstance(err, ProblemError) and err.status >= 500  # noqa: PLR2004 - its own fault
    )
    if not is_passing or failures > _MOST_FAILURES:
        raise err
    client.close()


def _follow_json(client: Client, job_id: str, deadline: Deadline) -> None:
    # websockets costs 50 ms to import, and only those who follow need it.
    from cidx.follow import Follower  # noqa: PLC0415

    # From cursor 0 on, the server replays the job from its first event.
    follower = Follower(client, job_id, deadline=deadline, say=terminal.say, after=0)
    for kind, item in follower.items():
        if kind == "event":
            terminal.out_json({"event": item})


def _follow_shown(client: Client, job_id: str, deadline: Deadline) -> None:
    from cidx.follow import Follower  # noqa: PLC0415 - as above

    shown = _Shown(client, job_id)
    follower = Follower(client, job_id, deadline=deadline, say=shown.say)
    try:
        for kind, item in follower.items():
            shown.take(kind, item)
    finally:
        shown.screen.clear()


class _Shown:
    """A followed job on the user's screen, or in their log."""

    def __init__(self, client: Client, job_id: str) -> None:
        self.screen = terminal.Screen()
        self._client = client
        self._job_id = job_id
        self._progress = Progress()
        self._is_live = terminal.is_interactive()
        self._estimated_at = time.monotonic()

    def say(self, text: str) -> None:
        """Tell something beside the job's own news."""
        self.screen.clear()
        terminal.say(text)

    def take(self, kind: str, item: Json) -> None:
        """Show one item of the follower."""
        progress = self._progress
        if kind == "event":
            self.screen.write(progress.after_event(item))
        elif kind == "job":
            self.screen.write(progress.after_job(item))
        self._estimate(is_new_phase=kind == "event" and item.get("type") == "phase_started")
        if self._is_live:
            self._draw()
        else:
            line = progress.plain(time.monotonic())
            self.screen.write([line] if line else [])

    def _draw(self) -> None:
        line = self._progress.live(self.screen.width)
        if line:
            self.screen.draw(line)

    def _estimate(self, *, is_new_phase: bool) -> None:
        # Estimates are made when a job is read, so no event carries one.
        now = time.monotonic()
        is_fresh = now - self._estimated_at < _ESTIMATE_EVERY_S
        if self._progress.has_ended() or (is_fresh and not is_new_phase):
            return
        self._estimated_at = now
        with contextlib.suppress(ClientError):
            self._progress.after_estimate(job_at(self._client, self._job_id))
