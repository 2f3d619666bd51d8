"""`cidx jobs follow`, `log` and `retry`: what stays with a job until it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cidx import joblog, repositories, terminal
from cidx.client import Client, job_at, job_path
from cidx.errors import Exit
from cidx.options import follow_option, job_argument, json_option, timeout_option
from cidx.watch import watch

if TYPE_CHECKING:
    from cidx.wire import Json


@click.command()
@job_argument
@timeout_option
@json_option
def follow(job_id: str, *, timeout_s: float | None, is_json: bool) -> int:
    """
    Watch a job to its end; the exit code tells how it ended.

    With --json, every event from the job's first one on is printed on a line of its own,
    and last the job.
    """
    with Client(repositories.server()) as client:
        job = job_at(client, job_id)
        return watch(client, job, is_followed=True, timeout_s=timeout_s, is_json=is_json)


@click.command()
@job_argument
@click.option("-f", "--follow", "is_followed", is_flag=True, help="Go on until the job ends.")
@json_option
def log(job_id: str, *, is_followed: bool, is_json: bool) -> int:
    """
    Print a job's log: what happened to it, and git's and the indexer's own words.

    With --follow the exit code tells how the job ended.
    """
    with Client(repositories.server()) as client:
        job = job_at(client, job_id)
        if is_json:
            return _log_json(client, job, is_followed=is_followed)
        if is_followed:
            return joblog.follow(client, job, _print)
        has_any = False
        for piece in joblog.pieces(client, str(job["job_id"])):
            has_any = True
            _print(piece)
    if not has_any:
        terminal.say("the log is empty")
    return Exit.DONE


def _log_json(client: Client, job: Json, *, is_followed: bool) -> int:
    job_id, taken = str(job["job_id"]), bytearray()
    code = Exit.DONE
    if is_followed:
        code = joblog.follow(client, job, taken.extend)
    else:
        taken += b"".join(joblog.pieces(client, job_id))
    terminal.out_json({"job_id": job_id, "log": taken.decode("utf-8", "replace")})
    return code


def _print(piece: bytes) -> None:
    terminal.out(piece.decode("utf-8", "replace").removesuffix("\n"))


@click.command()
@job_argument
@follow_option
@timeout_option
@json_option
def retry(job_id: str, *, is_followed: bool, timeout_s: float | None, is_json: bool) -> int:
    """Run an ended job again, as a new job."""
    with Client(repositories.server()) as client:
        job = client.post(job_path(job_id, "retry"))
        return watch(client, job, is_followed=is_followed, timeout_s=timeout_s, is_json=is_json)
