"""A job's log as the server keeps it; the byte to go on from is all the memory there is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cidx import terminal
from cidx.client import Client, job_at, job_path
from cidx.errors import ClientError, Exit, ProblemError, WaitInterruptedError, exit_code_of
from cidx.patience import delay_s
from cidx.watch import FINAL, forgive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cidx.wire import Json

_AGAIN_S = 0.5


def pieces(client: Client, job_id: str, offset: int = 0) -> Iterator[bytes]:
    """Yield the log from byte *offset* on, whole lines each, up to what there is now."""
    while piece := client.raw(job_path(job_id, "log"), {"offset": offset}):
        yield piece
        offset += len(piece)


def follow(client: Client, job: Json, take: Callable[[bytes], None]) -> Exit:
    """
    Give *take* every byte of the log until the job has ended, each once and in order.

    A server that restarts is waited for.

    Raises:
        WaitInterruptedError: Ctrl-C; the job goes on.
    """
    try:
        return _followed(client, str(job["job_id"]), take)
    except KeyboardInterrupt:
        raise WaitInterruptedError(str(job["job_id"])) from None


def _followed(client: Client, job_id: str, take: Callable[[bytes], None]) -> Exit:
    offset = failures = 0
    while True:
        try:
            # The log is read after the job, so it has everything up to the job's end.
            job = job_at(client, job_id)
            for piece in pieces(client, job_id, offset):
                take(piece)
                offset += len(piece)
        except ClientError as err:
            if isinstance(err, ProblemError) and err.code == "offset-beyond":
                terminal.say("the server has another log of this job now; from its beginning:")
                offset = 0
                continue
            failures += 1
            forgive(err, failures, client)
            time.sleep(delay_s(failures))
            continue
        if job.get("status") in FINAL:
            return exit_code_of(str(job["status"]))
        failures = 0
        time.sleep(_AGAIN_S)
