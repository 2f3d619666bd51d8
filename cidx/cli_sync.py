"""`cidx sync`."""

from __future__ import annotations

import contextlib
import itertools
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cidx import checkout as checkouts
from cidx import repositories, terminal
from cidx.access import choose
from cidx.client import Client, repository_path
from cidx.errors import ClientError, CommitMissingError, Exit
from cidx.options import complete_repositories, follow_option, json_option, timeout_option
from cidx.patience import Deadline, delay_s
from cidx.watch import watch

if TYPE_CHECKING:
    from cidx.wire import Json, Query

_COMMIT_WAIT_S = 300.0


@click.command()
@click.argument(
    "repository", required=False, metavar="[REPO]", shell_complete=complete_repositories
)
@follow_option
@timeout_option
@click.option("--full", is_flag=True, help="Index again even if nothing is new.")
@click.option("--branch", metavar="BRANCH", help="Sync this tracked branch only.")
@click.option(
    "--wait-commit",
    metavar="COMMIT",
    help="Sync until this commit is indexed (300 s unless --timeout says otherwise).",
)
@json_option
def sync(
    repository: str | None,
    *,
    is_followed: bool,
    timeout_s: float | None,
    full: bool,
    branch: str | None,
    wait_commit: str | None,
    is_json: bool,
) -> int:
    """
    Bring a repository's index up to date with its remote.

    REPO is a registered name, a remote's address, or the path of a checkout; without it,
    the checkout around you is meant.  The job's id is printed at once.  Without --follow
    or --timeout the command returns then; with either it waits, and its exit code tells
    how the job ended: 0 done, 5 failed, 6 cancelled, 124 still going on.
    """
    checkout = repositories.checkout_for(repository)
    with Client(choose(checkout)) as client:
        wanted = repositories.wanted(client, repository, checkout, terminal.say)
        body = {"repository": wanted["name"], "full": full, "branch": branch}
        if wait_commit is not None:
            folder = checkout.root if checkout else Path.cwd()
            commit = checkouts.commit_of(folder, wait_commit) or wait_commit
            deadline = Deadline(timeout_s or _COMMIT_WAIT_S)
            return _until_reached(
                client, body, commit, deadline, is_followed=is_followed, is_json=is_json
            )
        job = client.post("/api/sync", body)
        return watch(client, job, is_followed=is_followed, timeout_s=timeout_s, is_json=is_json)


def _until_reached(
    client: Client,
    body: Json,
    commit: str,
    deadline: Deadline,
    *,
    is_followed: bool,
    is_json: bool,
) -> int:
    """Sync again and again until *commit* is indexed: its push may still be on its way."""
    path = f"{repository_path(body['repository'])}/reach"
    for rounds in itertools.count(1):
        job = client.post("/api/sync", body)
        left_s = max(1.0, deadline.left(deadline.timeout_s or _COMMIT_WAIT_S))
        code = watch(client, job, is_followed=is_followed, timeout_s=left_s, is_json=is_json)
        if code != Exit.DONE or client.get(path, {"commit": commit}).get("reachable"):
            return code
        if deadline.has_passed():
            why = _reason(client, path, {"commit": commit, "branch": body["branch"]})
            raise CommitMissingError(commit, deadline.timeout_s or _COMMIT_WAIT_S, why)
        time.sleep(deadline.left(delay_s(rounds)))
    raise AssertionError  # count() does not end


def _reason(client: Client, path: str, query: Query) -> Json:
    """Return why the commit does not come, as far as the server can tell."""
    with contextlib.suppress(ClientError):  # a server from before it could
        return client.get(path, {**query, "explain": "true"}).get("reason") or {}
    return {}
