"""`cidx status`."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

from cidx import local, repositories, settings, tables, terminal
from cidx.__about__ import VERSION
from cidx.access import Access, choose
from cidx.client import Client
from cidx.errors import ClientError, Exit, NotLoggedInError, ProblemError, UnreachableError
from cidx.options import json_option

if TYPE_CHECKING:
    from cidx.checkout import Checkout
    from cidx.wire import Json


@click.command()
@json_option
def status(*, is_json: bool) -> int:
    """
    Show which server is in use, and how fresh this checkout's index is.

    A paused queue, and hosts whose jobs are held back, are shown as well.
    It starts nothing: where the embedded daemon does not run, it says so and exits 3.
    """
    checkout = repositories.here()
    access = choose(checkout)
    facts: Json = {
        "server_url": None,
        "is_embedded": access.is_embedded,
        "versions": {"client": VERSION, "server": None},
        "index_kernel": None,
        "user": None,
        "queue": None,
        "repository": None,
    }
    fault = _is_down(access) or _gather(access, checkout, facts)
    if is_json:
        terminal.out_json(facts)
    else:
        terminal.out_lines(_lines(facts))
    if fault is not None:
        terminal.say_fault(fault)
        return fault.exit_code
    return Exit.DONE


def _is_down(access: Access) -> ClientError | None:
    if access.is_embedded and local.running(settings.data_folder()) is None:
        return UnreachableError(
            "the embedded daemon is not running", hint="cidx up, or any cidx sync, starts it"
        )
    return None


def _gather(access: Access, checkout: Checkout | None, facts: Json) -> ClientError | None:
    """Fill in what the server tells; return what kept it from telling more."""
    facts["server_url"] = access.url
    try:
        with Client(access) as client:
            facts["user"] = client.get("/api/auth/me")
            health = client.get("/healthz")
            facts["versions"]["server"] = health.get("version")
            facts["index_kernel"] = health.get("index_kernel")
            with contextlib.suppress(ProblemError):  # an older daemon has no such route
                facts["queue"] = client.get("/api/queue")
            if checkout is not None:
                facts["repository"] = repositories.of_checkout(client, checkout)
    except (UnreachableError, NotLoggedInError) as err:
        return err
    return None


def _lines(facts: Json) -> list[str]:
    versions, user, repository = facts["versions"], facts["user"], facts["repository"]
    where = facts["server_url"] or "none"
    kind = " (embedded)" if facts["is_embedded"] and facts["server_url"] else ""
    lines = [f"server      {where}{kind}"]
    lines.append(
        f"versions    client {versions['client']}, server {versions['server'] or 'unknown'}"
    )
    if facts["index_kernel"] not in {None, "native"}:
        lines.append("index       without the native kernel, slower; cidxd doctor tells more")
    if user:
        lines.append(f"user        {user.get('name')} ({user.get('role')})")
    lines += _queue_lines(facts["queue"] or {})
    if repository:
        lines.append("")
        lines += tables.repository_lines(repository, settings.now())
    elif facts["server_url"]:
        lines.append("repository  none here; cidx sync in a checkout")
    return lines


def _queue_lines(queue: Json) -> list[str]:
    """Return what keeps jobs from starting; nothing while nothing does."""
    told = []
    if queue.get("paused"):
        pause = queue.get("pause") or {}
        why = f": {pause['reason']}" if pause.get("reason") else ""
        told.append(f"paused by {pause.get('requested_by')}{why}")
    for incident in queue.get("incidents") or ():
        count = incident.get("waiting", 0)
        told.append(
            f"{incident.get('reason')} ({count} {'job waits' if count == 1 else 'jobs wait'})"
        )
    return [f"{'queue' if number == 0 else '':10}  {text}" for number, text in enumerate(told)]
