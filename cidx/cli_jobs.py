"""`cidx jobs …`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cidx import render, repositories, settings, terminal
from cidx.client import Client, job_at, job_path
from cidx.lazy import LazyGroup
from cidx.options import complete_repositories, job_argument, json_option

if TYPE_CHECKING:
    from cidx.wire import Json, Query

_PAGE = 100
_STATUSES = ("queued", "running", "completed", "failed", "cancelled")


def _client() -> Client:
    return Client(repositories.server())


@click.group(
    cls=LazyGroup,
    places={
        "follow": "cidx.cli_jobs_follow:follow",
        "log": "cidx.cli_jobs_follow:log",
        "retry": "cidx.cli_jobs_follow:retry",
    },
)
def jobs() -> None:
    """
    Look at sync jobs, and stop or repeat them.

    JOB is a job's id, or its unique start or end; lists show the last eight characters.
    """


@jobs.command("list")
@click.option("--status", type=click.Choice(_STATUSES), help="Only jobs in this state.")
@click.option(
    "--repo",
    metavar="NAME",
    shell_complete=complete_repositories,
    help="Only jobs of this repository.",
)
@click.option("--user", metavar="NAME", help="Only jobs that this user asked for.")
@click.option("--outcome", type=click.Choice(("updated", "unchanged")), help="Only such ends.")
@click.option("--since", metavar="INSTANT", help="Only jobs created since (RFC 3339).")
@click.option("--until", metavar="INSTANT", help="Only jobs created before (RFC 3339).")
@click.option("--q", metavar="TEXT", help="Only jobs whose record contains this text.")
@click.option(
    "--limit", type=click.IntRange(min=0), default=20, show_default=True, help="0 lists all."
)
@json_option
def list_jobs(*, repo: str | None, limit: int, is_json: bool, **filters: str | None) -> None:
    """List jobs, newest first."""
    with _client() as client:
        found, cursor = _pages(client, {"repository": repo, **filters}, limit)
    if is_json:
        terminal.out_json({"jobs": found, "next_cursor": cursor})
    elif found:
        from cidx import tables  # noqa: PLC0415 - jobs show, the most used, does without

        table = tables.jobs_table(found, settings.now(), terminal.room())
        terminal.out("\n".join(table))
    else:
        terminal.say("no jobs")


def _pages(client: Client, filters: Query, limit: int) -> tuple[list[Json], str | None]:
    """Return up to *limit* jobs (0: all), and the cursor of the rest."""
    found: list[Json] = []
    cursor: str | None = None
    while True:
        size = min(_PAGE, limit - len(found)) if limit else _PAGE
        page = client.get("/api/jobs", {**filters, "limit": size, "cursor": cursor})
        found += page.get("jobs") or []
        cursor = page.get("next_cursor")
        if cursor is None or (limit and len(found) >= limit):
            return found, cursor


@jobs.command()
@job_argument
@json_option
def show(job_id: str, *, is_json: bool) -> None:
    """Show one job: phases, commits, files, cost, error."""
    with _client() as client:
        job = job_at(client, job_id)
    if is_json:
        terminal.out_json(job)
    else:
        terminal.out_lines(render.detail_lines(job, settings.now()))


@jobs.command()
@job_argument
@click.option("--reason", default="", metavar="TEXT", help="Kept with the job.")
@click.option("--force", is_flag=True, help="Kill its processes without any grace.")
@json_option
def cancel(job_id: str, *, reason: str, force: bool, is_json: bool) -> None:
    """
    Cancel a job; a job that has ended stays as it is.

    If others asked for the same sync, only your own request is taken back.
    """
    # A server from before there was force knows no such field.
    body = {"reason": reason, **({"force": True} if force else {})}
    with _client() as client:
        job = client.post(job_path(job_id, "cancel"), body)
    if is_json:
        terminal.out_json(job)
        return
    terminal.out_lines([render.job_line(job)])
    if job.get("status") in {"queued", "running"}:
        terminal.say(_what_cancel_did(job))


def _what_cancel_did(job: Json) -> str:
    if job.get("cancel"):
        return "it is being cancelled"
    if job.get("phase") == "publish":
        return "too late: its index is being published, and the job completes"
    return "your request was taken back; the job goes on for the others who asked"


@jobs.command()
@click.option("--reason", default="", metavar="TEXT", help="Shown to everyone whose job waits.")
@json_option
def pause(*, reason: str, is_json: bool) -> None:
    """Let no more jobs start; those that run go on. For administrators."""
    with _client() as client:
        _tell_queue(client.post("/api/queue/pause", {"reason": reason}), is_json=is_json)


@jobs.command()
@json_option
def resume(*, is_json: bool) -> None:
    """Let jobs start again. For administrators."""
    with _client() as client:
        _tell_queue(client.post("/api/queue/resume"), is_json=is_json)


def _tell_queue(queue: Json, *, is_json: bool) -> None:
    if is_json:
        terminal.out_json(queue)
        return
    why = (queue.get("pause") or {}).get("reason")
    state = f"is paused{f': {why}' if why else ''}" if queue.get("paused") else "is not paused"
    amounts = f"{queue.get('running', 0)} running, {queue.get('queued', 0)} waiting"
    terminal.out(f"the queue {state} ({amounts})")
